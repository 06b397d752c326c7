"""What tables and rankings may name: models that there are, and in a table only such as write answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.collection import PreferenceSets
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, did_you_mean


def table_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the models of tables and rankings. `config` may break the schema: what is odd is passed by.

    That `models` of a table are models of the recipe is checked elsewhere (`check.REFERENCES`). A model under `compare`
    need not be in the table: an overlay that shows fewer models may leave it as it is.
    """
    models = part(config, "models")
    for section in ("tables", "rankings"):
        for name, table in part(config, section).items():
            path = (section, name, "compare")
            yield from _unknown_compared(path, part(table, "compare"), models)
    for name, table in part(config, "tables").items():
        yield from _without_answers(("tables", name, "models"), _items(table, "models"), models)
        if isinstance(table, Mapping) and table.get("tolerance") is not None and not table.get("published"):
            yield Problem(("tables", name, "tolerance"), "nothing to hold ours against: name the figures in published")
    for name, ranking in part(config, "rankings").items():
        yield from _without_pairs(("rankings", name, "benchmark"), ranking, part(config, "benchmarks"))


def _unknown_compared(path: Path, compare: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Problem]:
    for model, others in compare.items():
        if model not in models:
            yield Problem((*path, model), f"{model} is not under models{did_you_mean(str(model), models)}")
        for number, other in enumerate(others if isinstance(others, list) else ()):
            if other == model:
                yield Problem((*path, model, number), f"{model} cannot be compared with itself: name another model")
            elif isinstance(other, str) and other not in models:
                yield Problem((*path, model, number), f"{other} is not under models{did_you_mean(str(other), models)}")


def _without_answers(path: Path, names: list[Any], models: Mapping[str, Any]) -> Iterator[Problem]:
    for number, name in enumerate(names):
        train = part(models.get(name) if isinstance(name, str) else None, "train")
        if train.get("method") == "reward":
            yield Problem((*path, number), f"{name} is a reward model, which writes no answers: name it under rankings")


def _without_pairs(path: Path, ranking: Any, benches: Mapping[str, Any]) -> Iterator[Problem]:
    bench = str(ranking.get("benchmark")) if isinstance(ranking, Mapping) else ""
    if bench in benches and value(part(benches[bench], "preference_sets"), "per_instruction", PreferenceSets) == 1:
        what = (
            "has one system message an instruction, so no other answer to rank lower: preference_sets.per_instruction"
        )
        yield Problem(path, f"{bench} {what} must be 2 or more")


def _items(config: Any, key: str) -> list[Any]:
    items = config.get(key) if isinstance(config, Mapping) else None
    return items if isinstance(items, list) else []
