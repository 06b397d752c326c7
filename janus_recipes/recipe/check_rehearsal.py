"""What a rehearsal's changes may name: models that are trained, keys that their methods have, a tiny model that exists.

    janus validate RECIPE...

What the changes make of the trainings is checked after them (`check_training.rehearsed_problems`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, did_you_mean
from janus_recipes.recipe.schema import TinyModel
from janus_recipes.recipe.training import (
    DpoTraining,
    OrpoTraining,
    RehearsalTraining,
    RewardTraining,
    SftTraining,
    TrainingRun,
)

METHODS: dict[str, type[TrainingRun]] = {
    "sft": SftTraining,
    "dpo": DpoTraining,
    "orpo": OrpoTraining,
    "reward": RewardTraining,
}
OF_NO_METHOD = "learning_rate_times"
"""A change to a key that every method has, and no key itself."""


def rehearsal_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with a rehearsal's changes. `config` may break the schema: what is odd is passed by."""
    rehearsal = part(config, "rehearsal")
    changes, models = part(rehearsal, "training"), part(config, "models")
    trained = {name: part(part(models, name), "train").get("method") for name in models}
    trained = {name: method for name, method in trained.items() if method is not None}
    path: Path = ("rehearsal", "training")
    for method in METHODS:
        yield from _keys_it_has_not((*path, method), part(changes, method), method)
    for name, wanted in part(changes, "models").items():
        if name not in trained:
            what = f"{name} is no trained model of the recipe{did_you_mean(str(name), trained)}"
            yield Problem((*path, "models", name), what)
        elif isinstance(wanted, Mapping):
            yield from _keys_it_has_not((*path, "models", name), wanted, trained[name])
    yield from _bad_heads(part(rehearsal, "tiny_model"))


def _keys_it_has_not(path: Path, wanted: Mapping[str, Any], method: Any) -> Iterator[Problem]:
    training = METHODS.get(method) if isinstance(method, str) else None
    for key, given in wanted.items():
        known = training is None or key in training.model_fields or key == OF_NO_METHOD
        if given is not None and not known and key in RehearsalTraining.model_fields:
            yield Problem((*path, key), f"a training by {method} has no {key}: leave it out, or say it under `every`")


def _bad_heads(tiny: Mapping[str, Any]) -> Iterator[Problem]:
    size, heads = (value(tiny, key, TinyModel) for key in ("hidden_size", "heads"))
    if isinstance(size, int) and isinstance(heads, int) and heads > 0 and size % (2 * heads):
        what = f"{heads} heads do not share a hidden_size of {size}: it must be a multiple of {2 * heads}, heads x 2"
        yield Problem(("rehearsal", "tiny_model", "heads"), what)
