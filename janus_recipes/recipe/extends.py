"""`extends:` of models: a child takes its parent's keys, merged as overlays are, and says only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from janus_recipes.recipe.merge import merge
from janus_recipes.recipe.problem import Problem, did_you_mean


def with_parents(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The recipe with every model's inherited keys written out and `extends` gone, and what was wrong on the way.

    A model whose parent is unknown, or that extends itself around a circle, keeps its own keys.
    """
    models = config.get("models")
    if not isinstance(models, Mapping):
        return dict(config), []
    problems: list[Problem] = []
    resolved = {name: _resolved(name, models, problems) for name in models}
    return {**config, "models": resolved}, problems


def parent_of(name: str, models: Mapping[str, Any]) -> str | None:
    """The model that `name` extends, as it is written."""
    model = models.get(name)
    parent = model.get("extends") if isinstance(model, Mapping) else None
    return parent if isinstance(parent, str) else None


def ancestry(name: str, models: Mapping[str, Any]) -> list[str]:
    """The model and those it builds on, itself first, where nothing is wrong with them."""
    return _ancestry(name, models, [])


def _resolved(name: str, models: Mapping[str, Any], problems: list[Problem]) -> Any:
    line = _ancestry(name, models, problems)
    if not isinstance(models[name], Mapping):
        return models[name]
    merged: dict[str, Any] = {}
    for ancestor in reversed(line):
        own = {key: value for key, value in models[ancestor].items() if not _is_parent(key, value)}
        merged = merge(merged, own)
    return merged


def _is_parent(key: str, value: Any) -> bool:
    # An `extends` that is not a name stays, so that the schema reports it.
    return key == "extends" and isinstance(value, str)


def _ancestry(name: str, models: Mapping[str, Any], problems: list[Problem]) -> list[str]:
    """The model and those it builds on, itself first."""
    line = [name]
    while (parent := parent_of(line[-1], models)) is not None:
        path = ("models", line[-1], "extends")
        if parent in line:
            _add(problems, _circle(line[line.index(parent) :]))
            return [name]
        if not isinstance(models.get(parent), Mapping):
            others = [other for other in models if other != line[-1] and models[other] is not None]
            _add(problems, Problem(path, f"there is no model {parent}{did_you_mean(parent, others)}"))
            return line
        line.append(parent)
    return line


def _circle(names: list[str]) -> Problem:
    # Written from its first name in the alphabet, so that it reads the same from whichever model it is met.
    start = names.index(min(names))
    circle = [*names[start:], *names[:start], names[start]]
    return Problem(("models", circle[0], "extends"), f"models extend each other in a circle: {' -> '.join(circle)}")


def _add(problems: list[Problem], problem: Problem) -> None:
    # Each of a model's descendants meets what is wrong with it; it is one problem.
    if problem not in problems:
        problems.append(problem)
