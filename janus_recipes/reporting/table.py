"""Build a table of rubric scores: our means with intervals and counts, beside the paper's figures (paper, Table 2).

    janus table table2 --recipe recipes/janus.yaml --bench bench.jsonl --verdicts ... --out table2.html

Pure: from the bench, the verdicts and the recipe to a `BuiltTable`, and from that to the rows of the CSV. What people
read is made from the same `BuiltTable` in `janus_recipes.reporting.render`.

Expected are the instances that the recipe asks for. Those that the bench lacks, because a teacher's answer was refused
or did not parse, are left out as `missing`: a bench with holes is never a smaller bench without any.

Scores of different judges are never subtracted: `difference` is filled only where our judge is the very model that gave
the published figure, and never in a rehearsal, whose models are not the paper's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from janus_recipes.errors import StepError
from janus_recipes.judging.scores import Counts, InstanceScores, MissingVerdicts, count_instances
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import BenchInstance, Status
from janus_recipes.reporting.compare import Comparison, comparisons_of
from janus_recipes.reporting.published import PublishedTable
from janus_recipes.reporting.scored import JudgedAnswers, ScoredAnswers, score_answers
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

AVERAGE = "Average"
"""The last column: the mean over all instances, not over the columns (paper, appendix F.2)."""

CSV_COLUMNS = (
    *("model", "condition", "selection", "benchmark", "metric", "judge", "value", "ci_low", "ci_high"),
    *("n_expected", "n_used", "n_left_out", "published", "difference"),
)
COMPARISON_COLUMNS = (
    *("comparison", "model", "against", "condition", "benchmark", "judge", "first", "second", "difference"),
    *("ci_low", "ci_high", "n_expected", "n_used", "n_left_out"),
)

SINGLE = "single"
"""The selection of plain sampling: the one answer that was drawn."""

Metric = Literal["rubric_score", "swapped_rubric_score"]


@dataclass(frozen=True)
class Cell:
    """One figure. `published` and `difference` are None where there is none to show."""

    benchmark: str
    estimate: Estimate
    counts: Counts
    published: float | None = None
    difference: float | None = None


@dataclass(frozen=True)
class Line:
    """One model's cells under one condition and metric: the columns in order, `Average` last."""

    model: str
    condition: str
    metric: Metric
    judge: str
    judged_at: str
    cells: tuple[Cell, ...]

    @property
    def average(self) -> Cell:
        return self.cells[-1]


@dataclass(frozen=True)
class BuiltTable:
    """A table, ready to be written.

    `notice` is set in a rehearsal only. `published_by` names the judge of the paper's figures, and their table.
    `n_instances` are in the bench, `n_expected` those that the recipe asks for.
    """

    name: str
    title: str
    notice: str | None
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    comparisons: tuple[Comparison, ...]
    published_by: str | None
    n_expected: int
    n_instances: int
    n_instructions: int
    runs: int
    missing_verdicts: MissingVerdicts

    def judge_cell(self, judge: str) -> str:
        """The judge as a CSV names it. The columns are fixed, so this is where each row of a rehearsal says so."""
        return f"{judge} (rehearsal)" if self.notice else judge


@dataclass(frozen=True)
class _Column:
    """The instances of a column that the bench has, and how many the recipe expects."""

    ids: Sequence[str]
    n_expected: int


def build_table(
    table_name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    judged: Mapping[tuple[str, str], JudgedAnswers],
    published: PublishedTable | None,
) -> BuiltTable:
    """The table `table_name` of the recipe, models in its order. `judged` has every (model, condition) of it.

    Raises:
        StepError: verdicts that do not belong to `bench`, or a bench that is not this recipe's.
    """
    table = recipe.tables[table_name]
    pairs = [(model, condition) for model in table.models for condition in table.conditions]
    scored = [score_answers(pair, judged[pair], bench, recipe) for pair in pairs]
    columns = _columns(table_name, recipe, bench, published)
    return BuiltTable(
        name=table_name,
        title=table.title,
        notice=recipe.rehearsal.notice if recipe.rehearsal else None,
        columns=tuple(columns),
        lines=tuple(_lines(recipe, bench, columns, scored, published)),
        comparisons=tuple(comparisons_of(table, recipe, bench, scored)),
        published_by=f"{published.judge}, {published.source}" if published else None,
        n_expected=columns[AVERAGE].n_expected,
        n_instances=len(bench),
        n_instructions=len({one.instruction_id for one in bench}),
        runs=recipe.judging.runs,
        missing_verdicts=recipe.judging.missing_verdicts,
    )


def csv_rows(table: BuiltTable) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text: scores with 4 decimals, an empty cell for what there is none of."""
    for line in table.lines:
        for cell in line.cells:
            yield (
                *(line.model, line.condition, SINGLE, cell.benchmark, line.metric),
                table.judge_cell(line.judge),
                *estimate_texts(cell.estimate),
                *map(str, (cell.counts.n_expected, cell.counts.n_used, cell.counts.n_left_out)),
                *map(number_text, (cell.published, cell.difference)),
            )


def comparison_rows(table: BuiltTable) -> Iterator[tuple[str, ...]]:
    """The rows under `COMPARISON_COLUMNS`, as text."""
    for one in table.comparisons:
        n_used = one.difference.n
        yield (
            *(one.kind, one.model, one.against, one.condition, AVERAGE),
            table.judge_cell(one.judge),
            *map(number_text, (one.first, one.second)),
            *estimate_texts(one.difference),
            *map(str, (table.n_expected, n_used, table.n_expected - n_used)),
        )


def estimate_texts(estimate: Estimate) -> tuple[str, str, str]:
    """A figure and its interval as the CSVs have them."""
    low, high = estimate.interval or (None, None)
    return number_text(estimate.value), number_text(low), number_text(high)


def number_text(value: float | None) -> str:
    """A number with 4 decimals; an empty text where there is none."""
    return "" if value is None else f"{value:z.4f}"  # z: a difference that rounds to nothing is 0.0000, not -0.0000


def _columns(
    table_name: str, recipe: Recipe, bench: Sequence[BenchInstance], published: PublishedTable | None
) -> dict[str, _Column]:
    """Each column's instances, then those of `Average`: all of them.

    Columns stand as the paper prints them, others after these: a recipe's order says who keeps a shared prompt.
    """
    benchmark = recipe.benchmarks[recipe.tables[table_name].benchmark]
    expected: Counter[str] = Counter()
    for source in benchmark.sources.values():
        expected[source.column] += source.quota * benchmark.preference_sets.per_instruction
    printed = published.columns if published else []
    ordered = sorted(expected, key=lambda c: printed.index(c) if c in printed else len(printed))
    there = Counter(one.benchmark for one in bench)
    if problems := [f"{there[column]} of {column}" for column in there if there[column] > expected[column]]:
        raise StepError(
            f"the bench has {', '.join(problems)}, more than this recipe asks for: make it with this recipe"
        )
    return {
        **{name: _Column([one.id for one in bench if one.benchmark == name], expected[name]) for name in ordered},
        AVERAGE: _Column([one.id for one in bench], expected.total()),
    }


def _lines(
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    columns: Mapping[str, _Column],
    scored: Sequence[ScoredAnswers],
    published: PublishedTable | None,
) -> Iterator[Line]:
    instruction_of = {one.id: one.instruction_id for one in bench}
    for one in scored:
        for metric, scores in _metrics(one):
            seed = derive_seed(recipe.seed, "bootstrap", one.model, one.condition, metric)
            cells = (_cell(name, column, scores, instruction_of, seed) for name, column in columns.items())
            if metric == "rubric_score" and published:
                cells = (_beside_published(cell, one, published, recipe) for cell in cells)
            yield Line(one.model, one.condition, metric, one.judged.judge, one.judged.judged_at, tuple(cells))


def _metrics(one: ScoredAnswers) -> Iterator[tuple[Metric, InstanceScores]]:
    yield "rubric_score", one.own
    if one.swapped is not None:
        yield "swapped_rubric_score", one.swapped


def _cell(name: str, column: _Column, scores: InstanceScores, instruction_of: Mapping[str, str], seed: int) -> Cell:
    there = {one: scores.scores[one] for one in column.ids if one in scores.scores}
    return Cell(name, mean_with_interval(there, instruction_of, derive_seed(seed, name)), _counts(scores, column))


def _counts(scores: InstanceScores, column: _Column) -> Counts:
    """The counts of a column; the instances that the bench lacks are left out as missing."""
    counts = count_instances(scores, column.ids)
    lacking = column.n_expected - len(column.ids)
    if not lacking:
        return counts
    missing = {Status.MISSING: counts.left_out.get(Status.MISSING, 0) + lacking}
    return replace(counts, n_expected=column.n_expected, left_out={**counts.left_out, **missing})


def _beside_published(cell: Cell, one: ScoredAnswers, published: PublishedTable, recipe: Recipe) -> Cell:
    figure = published.figure(one.model, one.condition, cell.benchmark)
    comparable = recipe.rehearsal is None and one.judged.judge == published.judge
    value = cell.estimate.value
    difference = value - figure if comparable and value is not None and figure is not None else None
    return Cell(cell.benchmark, cell.estimate, cell.counts, figure, difference)
