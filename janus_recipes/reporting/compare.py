"""Paired differences: what two models, or two ways to judge one, differ by on the same instances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from janus_recipes.judging.scores import InstanceScores
from janus_recipes.recipe.best_of import SINGLE
from janus_recipes.recipe.schema import Recipe, Table
from janus_recipes.records import BenchInstance
from janus_recipes.reporting.scored import ScoredAnswers
from janus_recipes.reporting.statistics import Estimate, holm, paired_difference, paired_test
from janus_recipes.seeding import derive_seed

Compared = Literal[
    "trained_minus_base",
    "trained_minus_start",
    "compared",
    "selected_minus_single",
    "with_minus_without_message",
    "own_minus_swapped",
]
"""Two models, by what the second is to the first: its untrained base, the model its training started from, or one that
the recipe's `compare` names beside it; one model's selected answers and its single ones; its answers under a system
message and those without any (paper, Table 8); or its own rubrics and another message's."""


@dataclass(frozen=True)
class Comparison:
    """A paired difference, `first` minus `second`, both means over the instances that both have.

    `p_value`: of no difference, by `statistics.paired_test`; `p_holm`: the same for all comparisons of the table taken
    together. `detectable`: the smallest difference that this test finds four times in five. None: nothing to test.
    """

    kind: Compared
    model: str
    against: str
    condition: str
    selection: str
    judge: str
    first: float | None
    second: float | None
    difference: Estimate
    p_value: float | None
    detectable: float | None
    p_holm: float | None = None


def comparisons_of(
    table: Table, recipe: Recipe, bench: Sequence[BenchInstance], scored: Sequence[ScoredAnswers]
) -> Iterator[Comparison]:
    """Each model minus those it is compared with, selected answers minus single ones, own rubrics minus another item's.

    All over all instances.
    """
    for one, other in ((one, other) for one in scored for other in scored):
        if one.condition != other.condition or one.judged.judge != other.judged.judge:
            continue
        if one.selection == other.selection and (kind := _kind_of(one.model, other.model, table, recipe)):
            yield _compare(kind, one, other.model, (one.own, other.own), bench, recipe)
        if one.model == other.model and one.selection != other.selection == SINGLE:
            yield _compare("selected_minus_single", one, SINGLE, (one.own, other.own), bench, recipe)
    for one, other in ((one, other) for one in scored for other in scored):
        if _has_no_message(other, one):
            yield _compare("with_minus_without_message", one, other.condition, (one.own, other.own), bench, recipe)
    for one in scored:
        if one.swapped is not None:
            against = "swapped_rubric_score"
            yield _compare("own_minus_swapped", one, against, (one.own, one.swapped), bench, recipe)


def _has_no_message(other: ScoredAnswers, one: ScoredAnswers) -> bool:
    """Whether these are the same model's answers as `one`, but without the system message."""
    alike = (one.model, one.selection, one.judged.judge) == (other.model, other.selection, other.judged.judge)
    return alike and one.condition != other.condition == "none"


def adjusted(comparisons: Iterable[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons of one table, with `p_holm` for the family that they are."""
    told = tuple(comparisons)
    p_values = holm([one.p_value for one in told])
    return tuple(replace(one, p_holm=p) for one, p in zip(told, p_values, strict=True))


def _kind_of(name: str, other: str, table: Table, recipe: Recipe) -> Compared | None:
    """Why a model is compared with another one; None: it is not.

    Two models are compared once, for the first reason and one way round: `compare` adds no pair that has a reason
    already, nor the other way round one that it names before.
    """
    if kind := _by_training(name, other, recipe):
        return kind
    if other not in table.compare.get(name, ()) or _by_training(other, name, recipe):
        return None
    in_order, both_ways = list(table.compare), name in table.compare.get(other, ())
    return None if both_ways and in_order.index(other) < in_order.index(name) else "compared"


def _by_training(name: str, other: str, recipe: Recipe) -> Compared | None:
    """What a model's training makes of another one."""
    model, against = recipe.models[name], recipe.models[other]
    if model.train is None:
        return None
    if against.train is None and model.base == against.base:
        return "trained_minus_base"
    return "trained_minus_start" if model.train.start == other else None


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
    seed = derive_seed(recipe.seed, "bootstrap", kind, one.model, against, one.answers.file)
    test = paired_test(first, second, instruction_of, derive_seed(seed, "sign flips"))
    return Comparison(
        kind,
        one.model,
        against,
        one.condition,
        one.selection,
        one.judged.judge,
        first=_mean(first, both),
        second=_mean(second, both),
        difference=paired_difference(first, second, instruction_of, seed),
        p_value=test.p_value,
        detectable=test.detectable,
    )


def _mean(scores: Mapping[str, float], ids: Sequence[str]) -> float | None:
    return sum(scores[one] for one in ids) / len(ids) if ids else None
