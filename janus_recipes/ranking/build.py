"""Build a ranking: how often each model puts the right answer of a pair first, and by how much.

    janus rank build held-out SCORES... --recipe recipes/janus.yaml --pairs pairs.jsonl --out rankings/held-out.csv

Pure: from pairs, scores and the recipe to a `BuiltRanking`, and from that to the rows of its CSVs. `ranking/page.py`
writes them, and what people read.

    pair_accuracy   share of pairs whose chosen answer has the higher score; a tie counts half
    margin          mean of the chosen answer's score minus the rejected one's: of a reward model in the unit of its
                    rewards, of any other model in nats. Margins of different kinds are never subtracted

Expected are the instances that the recipe asks for: those that the bench lacks, and those without a pair, are left out
as `missing`. Intervals are bootstraps over instructions (`reporting/statistics.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.errors import StepError
from janus_recipes.judging.scores import Counts
from janus_recipes.ranking.run import Score, score_of
from janus_recipes.recipe.schema import Ranking, Recipe
from janus_recipes.records import Asked, Status
from janus_recipes.reporting.statistics import Estimate, mean_with_interval, paired_difference
from janus_recipes.seeding import derive_seed

Metric = Literal["pair_accuracy", "margin"]
METRICS: tuple[Metric, Metric] = ("pair_accuracy", "margin")


class Scores(NamedTuple):
    """What a model gives to the two answers of a pair."""

    chosen: float
    rejected: float

    def by(self, metric: Metric) -> float:
        """The pair's contribution to a metric."""
        margin = self.chosen - self.rejected
        return margin if metric == "margin" else 0.5 * ((margin > 0) + (margin >= 0))


@dataclass(frozen=True)
class RankedModel:
    """A model's figures over the pairs that it scored."""

    model: str
    score: Score
    figures: Mapping[Metric, Estimate]
    counts: Counts


@dataclass(frozen=True)
class RankingComparison:
    """A paired difference, `first` minus `second`, both means over the pairs that both models scored."""

    metric: Metric
    model: str
    against: str
    score: Score
    first: float | None
    second: float | None
    difference: Estimate


@dataclass(frozen=True)
class BuiltRanking:
    """A ranking, ready to be written.

    `notice` is set in a rehearsal only. Of the `n_expected` instances that the recipe asks for `n_pairs` have a pair;
    `without` counts those that are in the bench and have none, by reason.
    """

    name: str
    title: str
    notice: str | None
    models: tuple[RankedModel, ...]
    comparisons: tuple[RankingComparison, ...]
    n_expected: int
    n_pairs: int
    n_instructions: int
    without: Mapping[str, int]


def build_ranking(
    name: str,
    recipe: Recipe,
    instruction_of: Mapping[str, str],
    without: Mapping[str, int],
    rows: Mapping[str, Sequence[Asked[Scores]]],
) -> BuiltRanking:
    """The ranking `name` of the recipe, models in its order.

    `instruction_of` has every pair's id, `rows` every model's scores.

    Raises:
        StepError: scores of other pairs, or more pairs than the recipe asks for.
    """
    ranking = recipe.rankings[name]
    expected = _expected(ranking, recipe)
    if len(instruction_of) + sum(without.values()) > expected:
        raise StepError(f"the bench has more than the {expected} instances of this recipe: make it with this recipe")
    scores = {model: _scores(model, rows[model], instruction_of) for model in ranking.models}
    return BuiltRanking(
        name=name,
        title=ranking.title,
        notice=recipe.rehearsal.notice if recipe.rehearsal else None,
        models=tuple(
            _ranked(model, scores[model], _left_out(rows[model], expected), instruction_of, recipe)
            for model in ranking.models
        ),
        comparisons=tuple(_comparisons(ranking, scores, instruction_of, recipe)),
        n_expected=expected,
        n_pairs=len(instruction_of),
        n_instructions=len(set(instruction_of.values())),
        without=without,
    )


def _expected(ranking: Ranking, recipe: Recipe) -> int:
    """The instances that the recipe asks for."""
    return expected_by_column(recipe, ranking.benchmark).total()


def _scores(model: str, rows: Sequence[Asked[Scores]], pairs: Mapping[str, str]) -> dict[str, Scores]:
    if strange := [row.id for row in rows if row.id not in pairs]:
        raise StepError(f"{model} has scores of pairs that are not there, {strange[0]} first: score these pairs again")
    return {row.id: row.value for row in rows if row.value is not None}


def _left_out(rows: Sequence[Asked[Scores]], expected: int) -> dict[Status, int]:
    """The instances without scores by status, in the order of `Status`."""
    counted = Counter(row.status for row in rows)
    counted[Status.MISSING] += expected - len(rows)
    return {status: counted[status] for status in Status if counted[status] and status is not Status.OK}


def _ranked(
    model: str,
    scores: Mapping[str, Scores],
    left_out: dict[Status, int],
    instruction_of: Mapping[str, str],
    recipe: Recipe,
) -> RankedModel:
    figures = {
        metric: mean_with_interval(
            _by(metric, scores), instruction_of, derive_seed(recipe.seed, "bootstrap", "ranking", model, metric)
        )
        for metric in METRICS
    }
    counts = Counts(len(scores) + sum(left_out.values()), len(scores), left_out, partial={})
    return RankedModel(model, score_of(recipe.models[model]), figures, counts)


def _comparisons(
    ranking: Ranking, scores: Mapping[str, Mapping[str, Scores]], instruction_of: Mapping[str, str], recipe: Recipe
) -> Iterator[RankingComparison]:
    """The differences that the recipe's `compare` asks for, in its order, between models of this ranking."""
    for model, others in ranking.compare.items():
        for against in others:
            if model in scores and against in scores:
                same = score_of(recipe.models[model]) == score_of(recipe.models[against])
                for metric in METRICS if same else METRICS[:1]:
                    yield _compare(metric, model, against, scores, instruction_of, recipe)


def _compare(
    metric: Metric,
    model: str,
    against: str,
    scores: Mapping[str, Mapping[str, Scores]],
    instruction_of: Mapping[str, str],
    recipe: Recipe,
) -> RankingComparison:
    first, second = _by(metric, scores[model]), _by(metric, scores[against])
    both = first.keys() & second.keys()
    seed = derive_seed(recipe.seed, "bootstrap", "ranking", model, against, metric)
    return RankingComparison(
        metric,
        model,
        against,
        score_of(recipe.models[model]),
        first=_mean(first, both),
        second=_mean(second, both),
        difference=paired_difference(first, second, instruction_of, seed),
    )


def _by(metric: Metric, scores: Mapping[str, Scores]) -> dict[str, float]:
    return {one: pair.by(metric) for one, pair in scores.items()}


def _mean(values: Mapping[str, float], ids: set[str]) -> float | None:
    return sum(values[one] for one in sorted(ids)) / len(ids) if ids else None
