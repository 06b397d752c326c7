"""What axolotl 0.19.0 calls its optimizers and schedulers, and which of its keys a recipe sets elsewhere.

axolotl looks names up only when the model is loaded, long after the Collection was paid for: a recipe is checked with
these lists. tests/contract/test_axolotl_names.py compares them with the installed axolotl's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from janus_recipes.recipe.problem import change_there, did_you_mean

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


SET_ELSEWHERE = {
    "base_model": change_there("base_models.*.path, or train.start"),
    "revision_of_model": change_there("base_models.*.revision"),
    "chat_template": change_there("base_models.*.chat_template"),
    "chat_template_jinja": change_there("base_models.*.chat_template"),
    "datasets": change_there("train.dataset and datasets"),
    "dataset_prepared_path": FOLDERS,
    "output_dir": FOLDERS,
    "auto_resume_from_checkpoints": CONTINUING,
    "logging_steps": "the project, whose curves have every step: it cannot be changed",
    "seed": change_there("seed"),
    "num_epochs": change_there("train.epochs"),
    "attn_implementation": change_there("train.attention"),
    "bf16": change_there("train.precision"),
    "rl": change_there("train.method"),
    "trainer_cls": "the project, whose own keeps the one template's tokens: it cannot be changed",
    "rl_beta": change_there("train.beta (dpo) or train.alpha (orpo)"),
    "gradient_accumulation_steps": change_there("train.batch_size, gpus and micro_batch_size"),
    "adapter": change_there("train.adapter.kind"),
    "load_in_4bit": change_there("train.adapter.kind"),
    "lora_r": change_there("train.adapter.rank"),
    "lora_alpha": change_there("train.adapter.alpha"),
    "lora_dropout": change_there("train.adapter.dropout"),
    "fsdp_version": change_there("train.sharding"),
    "fsdp_config": change_there("train.sharding"),
    "deepspeed": change_there("train.sharding"),
    **{
        name: change_there(f"train.{name}")
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
