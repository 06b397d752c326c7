"""A recipe's training as axolotl's own configuration (axolotl 0.19.0; paper, appendices D.1 and E.1).

    janus train config janus-dpo-7b --recipe recipes/janus.yaml --out results/janus/models/janus-dpo-7b/axolotl.yaml

The keys are those of the configurations that the paper's authors published (Janus, train/axolotl/config) in today's
names; what differs is explained at its place. As theirs, a training on several GPUs is plain data parallelism: each GPU
holds weights, gradients and their buckets at 2 bytes a parameter and two 8-bit optimizer states, about 58 GB for the
7B; DPO holds a reference besides, 14.5 GB. Where that does not fit, the recipe says `sharding` or `adapter`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from janus_recipes.files import Json, written_whole
from janus_recipes.recipe.training import AxolotlTraining, DpoTraining, OrpoTraining, SftTraining

OUT = "out"
"""axolotl's output folder, with its checkpoints, inside the work folder."""

PREPARED = "prepared"
"""The tokenised data set, inside the work folder."""

CHECKPOINTS_KEPT = 2
"""Checkpoints on disk, beside the one being written: one to continue from, one should it be lost. Each takes 29 GB for
the 7B: weights and 8-bit optimizer states at 2 bytes a parameter each."""

TOKENISING_PROCESSES = 8
"""What a GPU job's CPUs bear (`resources.engine_cpus`). axolotl's default is every CPU of the machine."""

FUSED_LAYERS = {
    "plugins": ["axolotl.integrations.liger.LigerPlugin"],
    "liger_rope": True,  # the rotation of queries and keys
    "liger_rms_norm": True,  # the norms, forwards and backwards
    "liger_glu_activation": True,  # the gate of the MLP, whose inner values are made anew for the way back
}
"""Speed: layers of several small GPU kernels as one each (Liger). The same sums; only their rounding differs."""

FUSED_LOSS = {"liger_fused_linear_cross_entropy": True}
"""Speed and memory: the loss is taken in pieces, so that the logits of 2 x 8192 tokens are never whole in memory. For
supervised fine-tuning alone: TRL needs the logits of pairs."""

FUSED_ADAPTER = ("lora_qkv_kernel", "lora_o_kernel", "lora_mlp_kernel")
"""Speed: adapters multiplied together with the weights that they stand beside (axolotl's own kernels). axolotl has them
on by itself, on a CPU too, where they fail; for pairs it has not tried them."""

# What would be faster and is left alone: group_by_length and a reordering sampler change which rows make a batch;
# torch_compile compiles anew for every length of a pair; precompute_ref_log_probs saves no memory, for axolotl keeps
# the reference model loaded; TRL has switched dpo_padding_free off; tf32 concerns no product of a training in bf16.

FSDP = {
    "fsdp_version": 2,
    "fsdp_config": {
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",  # each of the model's layers by itself, whatever their class
        "reshard_after_forward": True,
        "cpu_ram_efficient_loading": True,  # one process reads the weights and hands them out
        "offload_params": False,
        "state_dict_type": "FULL_STATE_DICT",  # checkpoints hold a whole model, as without sharding
    },
}
"""PyTorch's fully sharded data parallelism, its second version."""


def zero(stage: int) -> Json:
    """DeepSpeed's configuration. It stands in axolotl's YAML itself, so that the YAML's digest covers it.

    `auto`: transformers fills in what axolotl's other keys say. DeepSpeed keeps the weights that it updates in 32 bits,
    which is more exact than plain data parallelism in bf16.
    """
    shared: Json = {"stage": stage, "overlap_comm": True, "contiguous_gradients": True}
    if stage == 3:
        shared["stage3_gather_16bit_weights_on_model_save"] = True  # checkpoints hold a whole model
    counted = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    return {"bf16": {"enabled": "auto"}, "zero_optimization": shared, **dict.fromkeys(counted, "auto")}


def axolotl_config(
    spec: AxolotlTraining,
    *,
    base: str,
    revision: str | None,
    chat_template: str,
    dataset: Path,
    work: Path,
    seed: int,
) -> Json:
    """axolotl's configuration for one training.

    `base` is what it starts from, a local folder or a hub id with its `revision`; `chat_template` the template's text,
    `dataset` a file of JSON lines, with `messages` or with `chosen` and `rejected`. `spec.axolotl` is laid over the
    rest; null there removes a key, and `plugins` there takes the place of Liger.
    """
    parts = (
        {"base_model": base, "revision_of_model": revision},
        method_keys(spec),
        data_keys(dataset, chat_template, spec, work),
        optimisation_keys(spec, seed),
        adapter_keys(spec),
        sharding_keys(spec),
        hardware_keys(spec),
        fused_keys(spec),
        checkpoint_keys(work),
        spec.axolotl,
    )
    merged: Json = {}
    for part in parts:
        merged |= part
    return {key: value for key, value in merged.items() if value is not None}


def method_keys(spec: AxolotlTraining) -> Json:
    """The method. For both methods of pairs axolotl calls the one weight that they have `rl_beta`.

    ORPO's likelihood is TRL's, of the chosen answer together with its prompt; its odds ratio is of the answers alone.
    """
    match spec:
        case DpoTraining():
            trainer = "janus_recipes.training.dpo_trainer.OneTemplateDPOTrainer"  # TRL's own doubles the begin token
            return {"rl": "dpo", "rl_beta": spec.beta, "dpo_loss_type": ["sigmoid"], "trainer_cls": trainer}
        case OrpoTraining():
            return {"rl": "orpo", "rl_beta": spec.alpha}
    return {}


def data_keys(dataset: Path, chat_template: str, spec: AxolotlTraining, work: Path) -> Json:
    """The rows, rendered with the one template; only the answers and their end tokens are learned from.

    But for ORPO, whose likelihood takes in the prompt (`method_keys`).
    """
    return {
        # The authors' own prompt format loses the first [INST] where there is no system message: the template does not.
        "chat_template": "jinja",
        "chat_template_jinja": chat_template,
        "datasets": [_conversations(dataset) if isinstance(spec, SftTraining) else _pairs(dataset)],
        "dataset_prepared_path": str(work / PREPARED),
        "val_set_size": 0,
        "sequence_len": spec.sequence_len,
        # A row cut short would teach answers without an end. Of pairs, both sides must fit.
        "excess_length_strategy": "drop",
        **packing_keys(spec),
    }


def packing_keys(spec: AxolotlTraining) -> Json:
    """Several rows in one sequence, each blind to the others. axolotl packs no pairs."""
    if not isinstance(spec, SftTraining):
        return {"sample_packing": False}
    packed = spec.sample_packing
    return {"sample_packing": packed, "eval_sample_packing": False, "pad_to_sequence_len": packed}


def _conversations(dataset: Path) -> Json:
    strategy = "janus_recipes.training.answers_only"
    return {"path": str(dataset), "ds_type": "json", "type": strategy, "field_messages": "messages"}


def _pairs(dataset: Path) -> Json:
    """No `ds_type`: of a DPO data set axolotl reads few keys, drops the others, and knows the format by the name."""
    return {"path": str(dataset), "split": "train", "type": "janus_recipes.preference_pairs"}


def optimisation_keys(spec: AxolotlTraining, seed: int) -> Json:
    """What is learned how fast."""
    return {
        "micro_batch_size": spec.micro_batch_size,
        "gradient_accumulation_steps": spec.accumulated_steps,
        "num_epochs": spec.epochs,
        "learning_rate": spec.learning_rate,
        "optimizer": spec.optimizer,
        "lr_scheduler": spec.lr_scheduler,
        "warmup_steps": spec.warmup_steps,
        "weight_decay": spec.weight_decay,
        "train_on_inputs": False,
        "seed": seed,
    }


def adapter_keys(spec: AxolotlTraining) -> Json:
    """A few added weights beside every linear layer; training/merge.py makes them a whole model at the end."""
    if spec.adapter is None:
        return {}
    return {
        "adapter": spec.adapter.kind,
        "load_in_4bit": spec.adapter.kind == "qlora",
        "lora_r": spec.adapter.rank,
        "lora_alpha": spec.adapter.alpha,
        "lora_dropout": spec.adapter.dropout,
        "lora_target_linear": True,
    }


def sharding_keys(spec: AxolotlTraining) -> Json:
    """What the GPUs share. A rehearsal's CPU has no one to share with."""
    if spec.gpus < 2:
        return {}
    match spec.sharding:
        case "fsdp":
            return FSDP
        case "zero2":
            return {"deepspeed": zero(2)}
        case "zero3":
            return {"deepspeed": zero(3)}
    return {}


def hardware_keys(spec: AxolotlTraining) -> Json:
    """Precision, attention, memory. axolotl's `bf16: auto` becomes fp16 on a CPU, and fails: it is never left to it."""
    keys: dict[str, Any] = {
        "bf16": spec.precision == "bf16",
        "fp16": False,
        "tf32": False,
        "attn_implementation": spec.attention,
        "gradient_checkpointing": spec.gradient_checkpointing,
        "dataset_num_proc": TOKENISING_PROCESSES,
    }
    if spec.gpus == 0:
        # Each further process imports torch and axolotl anew: 10 to 20 s on two cores, for a second's work. 0: none.
        keys |= {"dataset_num_proc": 0, "dataloader_num_workers": 0, "dataloader_pin_memory": False}
    return keys


def fused_keys(spec: AxolotlTraining) -> Json:
    """The speed settings above, where they are safe: on GPUs, and either for all weights or for an adapter's.

    A recipe's own `plugins` leave Liger out. Adapters' kernels are no plugin, and must be said in any case.
    """
    supervised = isinstance(spec, SftTraining)
    if spec.adapter is not None:
        return dict.fromkeys(FUSED_ADAPTER, supervised and spec.gpus > 0)
    if spec.gpus == 0 or "plugins" in spec.axolotl:
        return {}
    return FUSED_LAYERS | (FUSED_LOSS if supervised else {})


def checkpoint_keys(work: Path) -> Json:
    """Where axolotl writes. Every step's loss is logged: the curve is part of the result.

    How often it saves decides nothing about the model, so training/run.py adds it when the training starts.
    """
    return {
        "output_dir": str(work / OUT),
        "save_total_limit": CHECKPOINTS_KEPT,
        "auto_resume_from_checkpoints": True,
        "logging_steps": 1,
    }


def write_config(path: Path, config: Json) -> None:
    """Write the configuration as YAML, whole or not at all."""
    with written_whole(path) as out:
        yaml.dump(config, out, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines, the template, are written as they read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
