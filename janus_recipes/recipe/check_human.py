"""What a recipe's human evaluation may ask for: pairs of models that write answers, annotators that go round.

Whether a run makes the answers is told by the export, which needs them: an overlay that shows other models in its
tables has nothing to do with people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.human import BenchCheck, ModelComparison
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, did_you_mean

STAGE1: Path = ("human", "stage1")
STAGE2: Path = ("human", "stage2")


def human_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the section `human`. `config` may break the schema: what is odd is passed by."""
    human = part(config, "human")
    if not human:
        return
    pairs = part(human, "stage2").get("pairs")
    yield from _pair_problems(pairs, part(config, "models"))
    yield from _numbers_problems(part(human, "stage1"), part(human, "stage2"))


def _pair_problems(pairs: Any, models: Mapping[str, Any]) -> Iterator[Problem]:
    for number, pair in enumerate(pairs if isinstance(pairs, list) else ()):
        path = (*STAGE2, "pairs", number)
        if not isinstance(pair, list):
            continue
        if len(pair) != 2 or pair[0] == pair[1]:
            yield Problem(path, "name two different models")
        if pair in pairs[:number] or pair[::-1] in pairs[:number]:
            yield Problem(path, "stands in the list twice; each pair's sides are swapped at random anyway")
        for place, name in enumerate(pair):
            if not isinstance(name, str):
                continue
            if name not in models:
                yield Problem((*path, place), f"{name} is not under models{did_you_mean(name, models)}")
            elif part(models[name], "train").get("method") == "reward":
                yield Problem((*path, place), f"{name} is a reward model, which writes no answers")


def _numbers_problems(stage1: Mapping[str, Any], stage2: Mapping[str, Any]) -> Iterator[Problem]:
    overlap, annotators = (value(stage1, key, BenchCheck) for key in ("overlap", "annotators"))
    if _more(overlap, annotators):
        yield Problem((*STAGE1, "overlap"), f"{overlap} annotators cannot see the same: there are {annotators}")
    groups, annotators = (value(stage2, key, ModelComparison) for key in ("groups", "annotators"))
    if not (_count(groups) and _count(annotators)):
        return
    if annotators % groups:
        what = f"{annotators} annotators do not divide into {groups} groups: every group has the same number"
        yield Problem((*STAGE2, "annotators"), what)
        return
    overlap, each = value(stage2, "overlap", ModelComparison), annotators // groups
    if _more(overlap, each):
        yield Problem((*STAGE2, "overlap"), f"{overlap} annotators cannot compare the same: a group has {each}")


def _count(number: Any) -> bool:
    return isinstance(number, int) and number > 0


def _more(number: Any, most: Any) -> bool:
    return _count(number) and _count(most) and bool(number > most)
