"""What win rates may compare: two different models that write answers, each pair once.

janus validate RECIPE...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem


def win_rate_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the pairs of win rates. `config` may break the schema: what is odd is passed by.

    That they are models of the recipe is checked elsewhere (`check.REFERENCES`).
    """
    models = part(config, "models")
    for name, wanted in part(config, "win_rates").items():
        pairs = wanted.get("pairs") if isinstance(wanted, Mapping) else None
        seen: list[frozenset[str]] = []
        for number, pair in enumerate(pairs if isinstance(pairs, list) else ()):
            if not isinstance(pair, list) or not all(isinstance(one, str) for one in pair):
                continue
            path: Path = ("win_rates", name, "pairs", number)
            yield from _without_answers(path, pair, models)
            if len(pair) == 2 and pair[0] == pair[1]:
                yield Problem(path, f"{pair[0]} cannot be compared with itself: name another model")
            elif frozenset(pair) in seen:
                yield Problem(path, f"{' and '.join(pair)} are compared already, and in both orders: name them once")
            seen.append(frozenset(pair))


def _without_answers(path: Path, pair: list[str], models: Mapping[str, Any]) -> Iterator[Problem]:
    for place, name in enumerate(pair):
        if part(models.get(name), "train").get("method") == "reward":
            yield Problem((*path, place), f"{name} is a reward model, which writes no answers: name it under rankings")
