"""Paired differences: what two models, or two ways to judge one, differ by on the same instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from janus_recipes.judging.scores import InstanceScores
from janus_recipes.recipe.schema import Recipe, Table
from janus_recipes.records import BenchInstance
from janus_recipes.reporting.scored import ScoredAnswers
from janus_recipes.reporting.statistics import Estimate, paired_difference
from janus_recipes.seeding import derive_seed

Compared = Literal["trained_minus_base", "trained_minus_start", "compared", "own_minus_swapped"]
"""Two models, by what the second is to the first: its untrained base, the model its training started from, or one that
the recipe's `compare` names beside it; or one model's own rubrics and another message's."""


@dataclass(frozen=True)
class Comparison:
    """A paired difference, `first` minus `second`, both means over the instances that both have."""

    kind: Compared
    model: str
    against: str
    condition: str
    judge: str
    first: float | None
    second: float | None
    difference: Estimate


def comparisons_of(
    table: Table, recipe: Recipe, bench: Sequence[BenchInstance], scored: Sequence[ScoredAnswers]
) -> Iterator[Comparison]:
    """Each model minus those it is compared with, then each model's own rubrics minus another item's; all instances."""
    for one, other in ((one, other) for one in scored for other in scored):
        alike = one.condition == other.condition and one.judged.judge == other.judged.judge
        if alike and (kind := _kind_of(one.model, other.model, table, recipe)):
            yield _compare(kind, one, other.model, (one.own, other.own), bench, recipe)
    for one in scored:
        if one.swapped is not None:
            against = "swapped_rubric_score"
            yield _compare("own_minus_swapped", one, against, (one.own, one.swapped), bench, recipe)


def _kind_of(name: str, other: str, table: Table, recipe: Recipe) -> Compared | None:
    """Why a model is compared with another one; None: it is not. Two models are compared once, for the first reason."""
    model, against = recipe.models[name], recipe.models[other]
    if model.train is not None and against.train is None and model.base == against.base:
        return "trained_minus_base"
    if model.train is not None and model.train.start == other:
        return "trained_minus_start"
    return "compared" if other in table.compare.get(name, ()) else None


def _compare(
    kind: Compared,
    one: ScoredAnswers,
    against: str,
    sides: tuple[InstanceScores, InstanceScores],
    bench: Sequence[BenchInstance],
    recipe: Recipe,
) -> Comparison:
    instruction_of = {instance.id: instance.instruction_id for instance in bench}
    first, second = sides[0].scores, sides[1].scores
    both = [instance.id for instance in bench if instance.id in first and instance.id in second]
    seed = derive_seed(recipe.seed, "bootstrap", kind, one.model, against, one.condition)
    return Comparison(
        kind,
        one.model,
        against,
        one.condition,
        one.judged.judge,
        first=_mean(first, both),
        second=_mean(second, both),
        difference=paired_difference(first, second, instruction_of, seed),
    )


def _mean(scores: Mapping[str, float], ids: Sequence[str]) -> float | None:
    return sum(scores[one] for one in ids) / len(ids) if ids else None
