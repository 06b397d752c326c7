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

SET_ELSEWHERE = {
    "base_model": "the recipe's base_models.*.path: change it there",
    "revision_of_model": "the recipe's base_models.*.revision: change it there",
    "chat_template": "the recipe's base_models.*.chat_template: change it there",
    "chat_template_jinja": "the recipe's base_models.*.chat_template: change it there",
    "datasets": "the recipe's train.dataset and datasets: change it there",
    "dataset_prepared_path": FOLDERS,
    "output_dir": FOLDERS,
    "seed": "the recipe's seed: change it there",
    "num_epochs": "the recipe's train.epochs: change it there",
    "attn_implementation": "the recipe's train.attention: change it there",
    "bf16": "the recipe's train.precision: change it there",
    **{
        name: f"the recipe's train.{name}: change it there"
        for name in (
            "sequence_len",
            "micro_batch_size",
            "gradient_accumulation_steps",
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
