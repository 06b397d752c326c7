"""What OpenRLHF 0.11.2 cannot do of a reward model's training, and flags that are unknown or set elsewhere.

    janus validate RECIPE...

All of it would show only when a training starts or its model is loaded, long after the Collection was paid for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.openrlhf_names import FLAGS, SCHEDULERS, SET_ELSEWHERE
from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem, did_you_mean, hint


def openrlhf_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything of a recipe's reward trainings that OpenRLHF would refuse. `config` may break the schema."""
    for name, model in part(config, "models").items():
        train = part(model, "train")
        if train.get("method") == "reward":
            path: Path = ("models", name, "train")
            base = part(part(config, "base_models"), str(model.get("base")))
            start = () if config.get("rehearsal") else _bad_revision(train, base)
            found = (*_refused(train), *_bad_flags(train), *start)
            yield from (Problem((*path, *where), message) for where, message in found)


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


def _bad_flags(train: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for flag in map(str, part(train, "openrlhf")):
        if flag in SET_ELSEWHERE:
            yield ("openrlhf", flag), f"set by {SET_ELSEWHERE[flag]}"
        elif flag not in FLAGS:
            dashes = ", and they are written without dashes here" if flag.startswith("-") else ""
            yield ("openrlhf", flag), f"OpenRLHF knows no such flag{dashes}{hint(flag.lstrip('-'), FLAGS)}"


def _bad_revision(train: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Without a start a training begins from the base itself. A rehearsal's is the tiny one, which has no revision."""
    path, revision = base.get("path"), base.get("revision")
    if train.get("start") is None and revision is not None and train.get("head") != "keep":  # which needs a start
        yield (
            ("start",),
            f"OpenRLHF takes no revision of a hub's model: name a trained model, or fetch the base (hf download {path} "
            f"--revision {revision} --local-dir DIR) and give DIR as its path",
        )
