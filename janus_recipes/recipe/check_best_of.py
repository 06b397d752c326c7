"""What best-of-n and tables may name: reward models that choose, models that can be sampled, each thing once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.best_of import SINGLE
from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem, did_you_mean

NUMBERED = re.compile(r"best-of-(\d+)")


def best_of_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with best-of-n. `config` may break the schema: what is odd is passed by.

    That `reward_model` is a model of the recipe is checked elsewhere (`check.REFERENCES`).
    """
    ways, models = part(config, "best_of"), part(config, "models")
    for name, wanted in ways.items():
        yield from _misnamed(str(name), part(ways, name).get("samples"))
        chooser = wanted.get("reward_model") if isinstance(wanted, Mapping) else None
        if isinstance(chooser, str) and chooser in models and _method(models, chooser) != "reward":
            what = f"{chooser} is no reward model: name one that is trained with `method: reward`"
            yield Problem(("best_of", name, "reward_model"), what)
    for name, table in part(config, "tables").items():
        yield from _table_problems(("tables", name), table, ways, models)


def _misnamed(name: str, samples: Any) -> Iterator[Problem]:
    if name == SINGLE:
        yield Problem(("best_of", name), f"{SINGLE} is what plain sampling is called: give it another name")
    numbered = NUMBERED.fullmatch(name)
    if numbered and isinstance(samples, int) and int(numbered[1]) != samples:
        yield Problem(("best_of", name, "samples"), f"{samples}, but {name} says {numbered[1]}: change either")


def _table_problems(path: Path, table: Any, ways: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Problem]:
    known = [SINGLE, *map(str, ways)]
    selections, shown = _items(table, "selections"), _items(table, "models")
    for number, name in enumerate(selections):
        if isinstance(name, str) and name not in known:
            yield Problem((*path, "selections", number), f"{name} is not under best_of{did_you_mean(name, known)}")
    for key in ("models", "conditions", "selections"):
        items = _items(table, key)
        for number, name in enumerate(items):
            if isinstance(name, str) and name in items[:number]:
                yield Problem((*path, key, number), f"{name} stands there twice: leave one out")
    if not any(name != SINGLE for name in selections):
        return
    for number, name in enumerate(shown):
        if isinstance(name, str) and part(models, name).get("provider") is not None:
            what = f"{name} is answered by a provider, which is not sampled for best-of-n: show it in another table"
            yield Problem((*path, "models", number), what)


def _method(models: Mapping[str, Any], name: str) -> Any:
    return part(part(models, name), "train").get("method")


def _items(config: Any, key: str) -> list[Any]:
    items = config.get(key) if isinstance(config, Mapping) else None
    return items if isinstance(items, list) else []
