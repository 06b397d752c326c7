"""What axolotl 0.19.0 calls its optimizers and schedulers, and which of its keys a recipe sets elsewhere.

axolotl looks names up only when the model is loaded, long after the Collection was paid for: a recipe is checked with
these lists. tests/contract/test_axolotl_names.py compares them with the installed axolotl's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from janus_recipes.recipe.problem import did_you_mean

OPTIMIZERS = (
    # transformers.training_args.OptimizerNames
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_xla",
    "adamw_torch_npu_fused",
    "adafactor",
    "adamw_anyprecision",
    "adamw_torch_4bit",
    "adamw_torch_8bit",
    "ademamix",
    "sgd",
    "adagrad",
    "adamw_bnb_8bit",
    "adamw_8bit",
    "ademamix_8bit",
    "lion_8bit",
    "lion_32bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_ademamix_32bit",
    "paged_ademamix_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "rmsprop",
    "rmsprop_bnb",
    "rmsprop_bnb_8bit",
    "rmsprop_bnb_32bit",
    "galore_adamw",
    "galore_adamw_8bit",
    "galore_adafactor",
    "galore_adamw_layerwise",
    "galore_adamw_8bit_layerwise",
    "galore_adafactor_layerwise",
    "lomo",
    "adalomo",
    "grokadamw",
    "schedule_free_radam",
    "schedule_free_adamw",
    "schedule_free_sgd",
    "apollo_adamw",
    "apollo_adamw_layerwise",
    "stable_adamw",
    # axolotl.utils.schemas.enums.CustomSupportedOptimizers
    "optimi_adamw",
    "ao_adamw_4bit",
    "ao_adamw_8bit",
    "ao_adamw_fp8",
    "adopt_adamw",
    "adamc",
    "came_pytorch",
    "muon",
    "dion",
    "sinkgd",
    "polora",
    "flash_adamw",
    "flash_adam",
    "flash_sgd",
    "flash_sgdw",
    "flash_lion",
    "q_galore_adamw8bit",
)
SCHEDULERS = (
    # transformers.trainer_utils.SchedulerType
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "reduce_lr_on_plateau",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "warmup_stable_decay",
    "greedy",
    # axolotl.core.builders.base
    "one_cycle",
    "rex",
)


def _one_of(names: Sequence[str], what: str) -> AfterValidator:
    def known(name: str) -> str:
        if name not in names:
            near = did_you_mean(name, names)
            raise PydanticCustomError(
                "axolotl_name", "axolotl knows no {what} {name}{near}", {"what": what, "name": name, "near": near}
            )
        return name

    return AfterValidator(known)


Optimizer = Annotated[str, _one_of(OPTIMIZERS, "optimizer"), Field(json_schema_extra={"enum": [*OPTIMIZERS]})]
Scheduler = Annotated[str, _one_of(SCHEDULERS, "scheduler"), Field(json_schema_extra={"enum": [*SCHEDULERS]})]

FOLDERS = "the project, which looks for its files there: it cannot be changed"


CONTINUING = "the project, which continues a killed training: it cannot be changed"


def _here(key: str) -> str:
    return f"the recipe's {key}: change it there"


SET_ELSEWHERE = {
    "base_model": _here("base_models.*.path, or train.start"),
    "revision_of_model": _here("base_models.*.revision"),
    "chat_template": _here("base_models.*.chat_template"),
    "chat_template_jinja": _here("base_models.*.chat_template"),
    "datasets": _here("train.dataset and datasets"),
    "dataset_prepared_path": FOLDERS,
    "output_dir": FOLDERS,
    "auto_resume_from_checkpoints": CONTINUING,
    "logging_steps": "the project, whose curves have every step: it cannot be changed",
    "seed": _here("seed"),
    "num_epochs": _here("train.epochs"),
    "attn_implementation": _here("train.attention"),
    "bf16": _here("train.precision"),
    "rl": _here("train.method"),
    "trainer_cls": "the project, whose own keeps the one template's tokens: it cannot be changed",
    "rl_beta": _here("train.beta (dpo) or train.alpha (orpo)"),
    "gradient_accumulation_steps": _here("train.batch_size, gpus and micro_batch_size"),
    "adapter": _here("train.adapter.kind"),
    "load_in_4bit": _here("train.adapter.kind"),
    "lora_r": _here("train.adapter.rank"),
    "lora_alpha": _here("train.adapter.alpha"),
    "lora_dropout": _here("train.adapter.dropout"),
    "fsdp_version": _here("train.sharding"),
    "fsdp_config": _here("train.sharding"),
    "deepspeed": _here("train.sharding"),
    **{
        name: _here(f"train.{name}")
        for name in (
            "sequence_len",
            "micro_batch_size",
            "learning_rate",
            "optimizer",
            "lr_scheduler",
            "warmup_steps",
            "weight_decay",
            "gradient_checkpointing",
            "sample_packing",
            "saves_per_epoch",
        )
    },
}
"""axolotl's keys that `train.axolotl` may not hold, each with what sets it."""

OTHER_NAMES = {
    "batch_size": "gradient_accumulation_steps",
    "dpo_beta": "rl_beta",
    "orpo_alpha": "rl_beta",
    "fsdp": "fsdp_config",
    "flash_attention": "attn_implementation",
    "sdp_attention": "attn_implementation",
    "eager_attention": "attn_implementation",
    "bfloat16": "bf16",
    "load_in_8bit": "load_in_4bit",
    "warmup_ratio": "warmup_steps",
    "save_steps": "saves_per_epoch",
    "save_strategy": "saves_per_epoch",
    "max_steps": "num_epochs",
    "resume_from_checkpoint": "auto_resume_from_checkpoints",
    "save_only_model": "auto_resume_from_checkpoints",
}
"""Further keys of axolotl's that say what one of those above says, and would win over it or contradict it."""

SET_ELSEWHERE |= {name: SET_ELSEWHERE[same] for name, same in OTHER_NAMES.items()}
