"""Build a page of win rates: of each pair, how often the judge prefers the first model's answer.

    janus win-rates build whole-to-third VERDICTS... --recipe recipes/janus.yaml --bench bench.jsonl --out page.csv

Pure: from the bench, verdicts and the recipe to `BuiltWinRates`; `win_rates/page.py` writes it.

    win rate     (wins + ties / 2) / comparisons; a comparison is an instance in one run (`win_rates/outcomes.py`)
    flipped      share of the comparisons of unlike answers in which the judge prefers the same place in both orders
    picks first  share of the verdicts for an answer that are for the one shown first; 50% where the place is nothing

Intervals are bootstraps over instructions (`reporting/statistics.py`). Expected are the instances that the recipe asks
for: those that the bench lacks are left out as `missing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from janus_recipes.errors import StepError
from janus_recipes.judging.preference import Preferred
from janus_recipes.judging.scores import Counts
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance, Status
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.reporting.table import AVERAGE
from janus_recipes.seeding import derive_seed
from janus_recipes.win_rates.outcomes import (
    Outcome,
    Outcomes,
    counted,
    flipped_share,
    outcomes_of,
    picks_first_share,
)


@dataclass(frozen=True)
class ComparedPair:
    """The verdicts on a pair. `judge`: the judge model's name; `judged_at`: the days of its answers.

    `equal`: the instances that both models answered with the same text.
    """

    verdicts: Sequence[Asked[Preferred]]
    judge: str
    judged_at: str
    equal: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WinRateLine:
    """How often `model` wins against `against`, over the instances of one of the bench's columns or over all.

    `outcomes` count comparisons, `counts` instances; `flipped` and `picks_first` are shares, None over nothing.
    """

    model: str
    against: str
    benchmark: str
    win_rate: Estimate
    outcomes: Mapping[Outcome, int]
    flipped: float | None
    picks_first: float | None
    counts: Counts
    judge: str
    judged_at: str


@dataclass(frozen=True)
class BuiltWinRates:
    """A page of win rates, ready to be written. `notice` is set in a rehearsal only."""

    name: str
    title: str
    notice: str | None
    condition: str
    runs: int
    lines: tuple[WinRateLine, ...]
    n_expected: int
    n_instances: int
    n_instructions: int

    @property
    def averages(self) -> list[WinRateLine]:
        """The lines over all instances: one for each pair."""
        return [line for line in self.lines if line.benchmark == AVERAGE]


def build_win_rates(
    name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    compared: Mapping[tuple[str, str], ComparedPair],
    expected: Mapping[str, int],
) -> BuiltWinRates:
    """The win rates `name` of the recipe, pairs in its order. `expected`: the instances asked for, by column.

    Raises:
        StepError: verdicts on another bench, or more instances than are expected.
    """
    wanted = recipe.win_rates[name]
    columns = _columns(bench, expected)
    lines = [
        line
        for first, second in wanted.pairs
        for line in _lines((first, second), compared[first, second], bench, columns, wanted.runs, recipe)
    ]
    return BuiltWinRates(
        name=name,
        title=wanted.title,
        notice=recipe.rehearsal.notice if recipe.rehearsal else None,
        condition=wanted.condition,
        runs=wanted.runs,
        lines=tuple(lines),
        n_expected=sum(expected.values()),
        n_instances=len(bench),
        n_instructions=len({one.instruction_id for one in bench}),
    )


@dataclass(frozen=True)
class _Column:
    """A column's instances that are there, and how many are expected."""

    name: str
    ids: Sequence[str]
    n_expected: int


def _columns(bench: Sequence[BenchInstance], expected: Mapping[str, int]) -> list[_Column]:
    """The bench's columns, those asked for and those there, by name; then all instances together."""
    there: dict[str, list[str]] = {name: [] for name in sorted({*expected, *(one.benchmark for one in bench)})}
    for one in bench:
        there[one.benchmark].append(one.id)
    if over := [name for name, ids in there.items() if len(ids) > expected.get(name, 0)]:
        raise StepError(
            f"the bench has more instances of {over[0]} than this recipe asks for: make it with this recipe"
        )
    columns = [_Column(name, ids, expected[name]) for name, ids in there.items()]
    return [*columns, _Column(AVERAGE, [one.id for one in bench], sum(expected.values()))]


def _lines(
    pair: tuple[str, str],
    compared: ComparedPair,
    bench: Sequence[BenchInstance],
    columns: Sequence[_Column],
    runs: int,
    recipe: Recipe,
) -> Iterator[WinRateLine]:
    found = outcomes_of(bench, compared.verdicts, runs, compared.equal)
    instruction_of = {one.id: one.instruction_id for one in bench}
    for column in columns:
        used = [one for one in column.ids if one in found.compared]
        comparisons = [one for instance in used for one in found.compared[instance]]
        seed = derive_seed(recipe.seed, "bootstrap", "win rate", *pair, column.name)
        yield WinRateLine(
            *pair,
            column.name,
            win_rate=mean_with_interval({one: found.score(one) for one in used}, instruction_of, seed),
            outcomes=counted(comparisons),
            flipped=flipped_share(comparisons),
            picks_first=picks_first_share(comparisons),
            counts=_counts(found, column),
            judge=compared.judge,
            judged_at=compared.judged_at,
        )


def _counts(found: Outcomes, column: _Column) -> Counts:
    left_out = Counter(found.left_out[one] for one in column.ids if one in found.left_out)
    left_out[Status.MISSING] += column.n_expected - len(column.ids)
    by_status = {status: left_out[status] for status in Status if left_out[status]}
    return Counts(column.n_expected, sum(one in found.compared for one in column.ids), by_status, partial={})
