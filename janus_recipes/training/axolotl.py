"""A recipe's training as axolotl's own configuration (axolotl 0.19.0; paper, appendix D.1).

    janus train config janus-7b --recipe recipes/janus.yaml --out results/janus/models/janus-7b/axolotl.yaml

The keys are those of the configuration that the paper's authors published (Janus, train/axolotl/config) in today's
names; what differs is explained at its place. As theirs, a training on several GPUs is plain data parallelism, without
DeepSpeed or FSDP: each GPU holds weights, gradients and their buckets at 2 bytes a parameter and two 8-bit optimizer
states, about 58 GB for the 7B. For GPUs under 80 GB add `axolotl: {deepspeed: <a file>}` to the recipe's training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from janus_recipes.files import Json, written_whole
from janus_recipes.recipe.schema import Training

OUT = "out"
"""axolotl's output folder, with its checkpoints, inside the work folder."""

PREPARED = "prepared"
"""The tokenised data set, inside the work folder."""

CHECKPOINTS_KEPT = 2
"""Checkpoints on disk, beside the one being written: one to continue from, one should it be lost. Each takes 29 GB for
the 7B: weights and 8-bit optimizer states at 2 bytes a parameter each."""

TOKENISING_PROCESSES = 8
"""What a GPU job's CPUs bear (`resources.engine_cpus`). axolotl's default is every CPU of the machine."""


def axolotl_config(
    spec: Training,
    *,
    base: str,
    revision: str | None,
    chat_template: str,
    dataset: Path,
    work: Path,
    seed: int,
) -> Json:
    """axolotl's configuration for one supervised fine-tuning.

    `base` is a local folder or a hub id with its `revision`, `chat_template` the template's text, `dataset` a file of
    JSON lines with `messages`. `spec.axolotl` is laid over the rest; null there removes a key.
    """
    parts = (
        {"base_model": base, "revision_of_model": revision},
        data_keys(dataset, chat_template, spec, work),
        optimisation_keys(spec, seed),
        hardware_keys(spec),
        checkpoint_keys(spec, work),
        spec.axolotl,
    )
    merged: Json = {}
    for part in parts:
        merged |= part
    return {key: value for key, value in merged.items() if value is not None}


def data_keys(dataset: Path, chat_template: str, spec: Training, work: Path) -> Json:
    """The conversations, rendered with the one template; only the answer and its end token are learned from."""
    conversations = {
        "path": str(dataset),
        "ds_type": "json",
        "type": "janus_recipes.training.answers_only",
        "field_messages": "messages",
    }
    return {
        # The authors' own prompt format loses the first [INST] where there is no system message: the template does not.
        "chat_template": "jinja",
        "chat_template_jinja": chat_template,
        "datasets": [conversations],
        "dataset_prepared_path": str(work / PREPARED),
        "val_set_size": 0,
        "sequence_len": spec.sequence_len,
        "excess_length_strategy": "drop",  # a row cut short would teach answers without an end
        "sample_packing": spec.sample_packing,
        "eval_sample_packing": False,
        "pad_to_sequence_len": spec.sample_packing,
    }


def optimisation_keys(spec: Training, seed: int) -> Json:
    """What is learned how fast."""
    return {
        "micro_batch_size": spec.micro_batch_size,
        "gradient_accumulation_steps": spec.gradient_accumulation_steps,
        "num_epochs": spec.epochs,
        "learning_rate": spec.learning_rate,
        "optimizer": spec.optimizer,
        "lr_scheduler": spec.lr_scheduler,
        "warmup_steps": spec.warmup_steps,
        "weight_decay": spec.weight_decay,
        "train_on_inputs": False,
        "seed": seed,
    }


def hardware_keys(spec: Training) -> Json:
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


def checkpoint_keys(spec: Training, work: Path) -> Json:
    """Where axolotl writes. Every step's loss is logged: the curve is part of the result."""
    return {
        "output_dir": str(work / OUT),
        "saves_per_epoch": spec.saves_per_epoch,
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
