"""What a model of a recipe must be: weights that vLLM samples, or a model that a provider answers for, not both.

janus validate RECIPE...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem


def model_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with what models are. `config` may break the schema: what is odd is passed by."""
    models = {name: one for name, one in part(config, "models").items() if isinstance(one, Mapping)}
    asked = {name for name, one in models.items() if one.get("provider") is not None}
    for name, model in models.items():
        yield from _bad_model(("models", name), model)
        if isinstance(start := part(model, "train").get("start"), str) and start in asked:
            yield Problem(("models", name, "train", "start"), f"{start} {NO_WEIGHTS} to start from")
    for name, ranking in part(config, "rankings").items():
        named = ranking.get("models") if isinstance(ranking, Mapping) else None
        for number, model in enumerate(named if isinstance(named, list) else ()):
            if isinstance(model, str) and model in asked:
                yield Problem(("rankings", name, "models", number), f"{model} {NO_WEIGHTS} to score pairs with")


NO_WEIGHTS = "is answered by a provider, so it has no weights here"


def _bad_model(path: Path, model: Mapping[str, Any]) -> Iterator[Problem]:
    base, provider = model.get("base"), model.get("provider")
    if base is None and provider is None:
        yield Problem((*path, "base"), "missing (a name under `base_models`), or give a `provider` that answers")
    if provider is None:
        return
    if base is not None:
        what = "has weights (`base`) already: a model is sampled by vLLM or answered by a provider; set one to null"
        yield Problem((*path, "provider"), what)
    if model.get("train") is not None:
        yield Problem((*path, "train"), "a model that a provider answers for is not trained here: set it to null")
