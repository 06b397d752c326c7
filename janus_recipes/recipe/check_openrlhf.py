"""What OpenRLHF 0.11.2 cannot do of a reward model's training, and which of its flags a recipe sets elsewhere.

    janus validate RECIPE...

OpenRLHF looks at a scheduler's name when the model is loaded, long after the Collection was paid for. Flags that it
does not know are found by its own parser when a training starts; `make test` does so for all models of the recipes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem, did_you_mean

SCHEDULERS = (
    *("linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt"),
    *("cosine_with_min_lr", "cosine_warmup_with_min_lr"),
)
"""Of transformers' schedulers those that need no arguments, or the one that OpenRLHF gives: `min_lr_ratio`."""

RUN = "the project, which looks for its files there and continues a killed training: it cannot be changed"
ROWS = "the project, which renders the rows in the one template before: it cannot be changed"
TRACKING = "the recipe's tracking: change it there"


def _here(key: str) -> str:
    return f"the recipe's {key}: change it there"


SET_ELSEWHERE = {
    "model.model_name_or_path": _here("train.start"),
    "model.gradient_checkpointing_enable": _here("train.gradient_checkpointing"),
    "ds.attn_implementation": _here("train.attention"),
    "ds.param_dtype": _here("train.precision"),
    "ds.zero_stage": _here("train.zero_stage"),
    "ds.value_head_prefix": "the project, whose scoring looks for the head there: it cannot be changed",
    "data.max_len": _here("train.sequence_len"),
    "train.batch_size": _here("train.batch_size"),
    "train.micro_batch_size": _here("train.micro_batch_size"),
    "train.max_epochs": _here("train.epochs"),
    "adam.lr": _here("train.learning_rate"),
    "adam.betas": _here("train.betas"),
    "adam.weight_decay": _here("train.weight_decay"),
    "lr_scheduler": _here("train.lr_scheduler"),
    "lr_warmup_ratio": _here("train.warmup_ratio"),
    "train.seed": _here("seed"),
    **dict.fromkeys(("ckpt.output_dir", "ckpt.path", "ckpt.load_enable", "ckpt.max_num", "logger.logging_steps"), RUN),
    "ckpt.save_steps": _here("train.saves_per_epoch"),
    **dict.fromkeys(
        ("data.dataset", "data.dataset_probs", "data.max_samples", "data.prompt_key", "data.chosen_key"), ROWS
    ),
    **dict.fromkeys(("data.rejected_key", "data.input_template", "data.apply_chat_template"), ROWS),
    **dict.fromkeys(("data.tokenizer_chat_template", "eval.dataset"), ROWS),
    **dict.fromkeys(
        ("logger.wandb.key", "logger.wandb.org", "logger.wandb.project", "logger.wandb.run_name"), TRACKING
    ),
    "logger.tensorboard_dir": TRACKING,
}
"""OpenRLHF's flags that `train.openrlhf` may not hold, each with what sets it."""


def openrlhf_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything of a recipe's reward trainings that OpenRLHF would refuse. `config` may break the schema."""
    for name in part(config, "models"):
        train = part(part(part(config, "models"), name), "train")
        if train.get("method") == "reward":
            path: Path = ("models", name, "train")
            yield from (Problem((*path, *where), message) for where, message in _refused(train))


def _refused(train: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    epochs, precision, scheduler = (
        train.get("epochs"),
        train.get("precision", "bf16"),
        train.get("lr_scheduler", "cosine"),
    )
    if isinstance(epochs, float) and not epochs.is_integer():
        yield ("epochs",), f"OpenRLHF trains whole epochs, not {epochs}"
    if precision == "fp32":
        yield ("precision",), "OpenRLHF trains in bf16, beside which it keeps fp32 weights to learn in: choose bf16"
    if isinstance(scheduler, str) and scheduler not in SCHEDULERS:
        yield ("lr_scheduler",), f"OpenRLHF has no scheduler {scheduler}{did_you_mean(scheduler, SCHEDULERS)}"
    for flag in part(train, "openrlhf"):
        if flag in SET_ELSEWHERE:
            yield ("openrlhf", flag), f"set by {SET_ELSEWHERE[flag]}"
