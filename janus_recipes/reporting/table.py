"""Build a table of rubric scores: our means with intervals and counts, beside the paper's figures (paper, Table 2).

    janus table table2 --recipe recipes/janus.yaml --bench bench.jsonl --verdicts ... --out table2.html

Pure: from the bench, the verdicts and the recipe to a `BuiltTable`, and from that to the rows of the CSV. What people
read is made from the same `BuiltTable` in `janus_recipes.reporting.render`.

Expected are the instances that the recipe asks for. Those that the bench lacks, because a teacher's answer was refused
or did not parse, are left out as `missing`: a bench with holes is never a smaller bench without any.

Scores of different judges are never subtracted: `difference` is filled only where our judge is the very model that gave
the published figure, and never in a rehearsal, whose models are not the paper's.

What the paper's table has and ours has not stands there too, as not run: its further columns after `Average`, and its
further rows after ours. Their cells have the published figure alone, and no instance is expected of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.errors import StepError
from janus_recipes.judging.scores import Counts, InstanceScores, MissingVerdicts, count_instances
from janus_recipes.recipe.best_of import SINGLE, Answers, shown_in
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import BenchInstance, Status
from janus_recipes.reporting.compare import Comparison, adjusted, comparisons_of
from janus_recipes.reporting.published import PublishedTable
from janus_recipes.reporting.reliability import Detectable, Reliability, detectable_between, reliability_of
from janus_recipes.reporting.scored import JudgedAnswers, ScoredAnswers, score_answers
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

AVERAGE = "Average"
"""The last column: the mean over all instances, not over the columns (paper, appendix F.2)."""

CSV_COLUMNS = (
    *("model", "condition", "selection", "benchmark", "metric", "judge", "value", "ci_low", "ci_high"),
    *("n_expected", "n_used", "n_left_out", "published", "difference", "n_partial"),
)
"""`n_partial`: of the used instances, those that lack a verdict (`missing_verdicts: average_rest`)."""

COMPARISON_COLUMNS = (
    *("comparison", "model", "against", "condition", "selection", "benchmark", "judge"),
    *("first", "second", "difference"),
    *("ci_low", "ci_high", "n_expected", "n_used", "n_left_out", "p_value", "p_holm", "detectable"),
)

NOT_RUN = "not run"
"""The judge of what the paper shows and we did not run."""

Metric = Literal["rubric_score", "swapped_rubric_score"]


@dataclass(frozen=True)
class Cell:
    """One figure. `published` and `difference` are None where there is none to show.

    `is_run`: whether this table has it; what the paper alone has is not run.
    """

    benchmark: str
    estimate: Estimate
    counts: Counts
    published: float | None = None
    difference: float | None = None
    reliability: Reliability | None = None
    is_run: bool = True


@dataclass(frozen=True)
class Line:
    """A model's cells under one condition, selection and metric, in the order of the table's columns."""

    model: str
    condition: str
    selection: str
    metric: Metric
    judge: str
    judged_at: str
    cells: tuple[Cell, ...]

    @property
    def average(self) -> Cell:
        return next(cell for cell in self.cells if cell.benchmark == AVERAGE)

    @property
    def is_run(self) -> bool:
        """Whether it was run at all; else every cell is the paper's alone."""
        return self.judge != NOT_RUN


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
    detectable: Detectable | None = None

    def judge_cell(self, judge: str) -> str:
        """The judge as a CSV names it. The columns are fixed, so this is where each row of a rehearsal says so."""
        return f"{judge} (rehearsal)" if self.notice else judge

    @property
    def has_selections(self) -> bool:
        """Whether any of its answers were selected from several."""
        return any(line.selection != SINGLE for line in self.lines)


@dataclass(frozen=True)
class _Column:
    """The instances of a column that the bench has, and how many the recipe expects; not run: the paper's alone."""

    ids: Sequence[str]
    n_expected: int
    is_run: bool = True


def build_table(
    table_name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    judged: Mapping[tuple[str, str], JudgedAnswers],
    published: PublishedTable | None,
    bench_at: Path | None = None,
) -> BuiltTable:
    """The table `table_name` of the recipe, models in its order. `judged` has every (model, `Answers.file`) of it.

    `bench_at` is the file of `bench` where it does not lie in its usual place.

    Raises:
        StepError: verdicts that do not belong to `bench`, or a bench that is not this recipe's.
    """
    table = recipe.tables[table_name]
    scored = [score_answers(one, judged[one.model, one.file], bench, recipe) for one in shown_in(table)]
    columns = _columns(table_name, recipe, bench, published, bench_at)
    return BuiltTable(
        name=table_name,
        title=table.title,
        notice=recipe.rehearsal.notice if recipe.rehearsal else None,
        columns=tuple(columns),
        lines=tuple(_lines(recipe, bench, columns, scored, published)),
        comparisons=adjusted(comparisons_of(table, recipe, bench, scored)),
        published_by=f"{published.judge}, {published.source}" if published else None,
        n_expected=columns[AVERAGE].n_expected,
        n_instances=len(bench),
        n_instructions=len({one.instruction_id for one in bench}),
        runs=recipe.judging.runs,
        missing_verdicts=recipe.judging.missing_verdicts,
        detectable=detectable_between(scored, bench),
    )


def csv_rows(table: BuiltTable) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text: scores with 4 decimals, an empty cell for what there is none of."""
    for line in table.lines:
        for cell in line.cells:
            yield (
                *(line.model, line.condition, line.selection, cell.benchmark, line.metric),
                table.judge_cell(line.judge if cell.is_run else NOT_RUN),
                *estimate_texts(cell.estimate),
                *map(str, (cell.counts.n_expected, cell.counts.n_used, cell.counts.n_left_out)),
                *map(number_text, (cell.published, cell.difference)),
                str(sum(cell.counts.partial.values())),
            )


def comparison_rows(table: BuiltTable) -> Iterator[tuple[str, ...]]:
    """The rows under `COMPARISON_COLUMNS`, as text."""
    for one in table.comparisons:
        n_used = one.difference.n
        yield (
            *(one.kind, one.model, one.against, one.condition, one.selection, AVERAGE),
            table.judge_cell(one.judge),
            *map(number_text, (one.first, one.second)),
            *estimate_texts(one.difference),
            *map(str, (table.n_expected, n_used, table.n_expected - n_used)),
            *map(number_text, (one.p_value, one.p_holm, one.detectable)),
        )


def estimate_texts(estimate: Estimate) -> tuple[str, str, str]:
    """A figure and its interval as the CSVs have them."""
    low, high = estimate.interval or (None, None)
    return number_text(estimate.value), number_text(low), number_text(high)


def number_text(value: float | None) -> str:
    """A number with 4 decimals; an empty text where there is none."""
    return "" if value is None else f"{value:z.4f}"  # z: a difference that rounds to nothing is 0.0000, not -0.0000


def _columns(
    table_name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    published: PublishedTable | None,
    bench_at: Path | None,
) -> dict[str, _Column]:
    """Each column's instances, then those of `Average`: all of them. Then the paper's columns that the bench has not.

    Columns stand as the paper prints them, others after these: a recipe's order says who keeps a shared prompt.
    """
    expected = expected_by_column(recipe, recipe.tables[table_name].benchmark, bench_at)
    printed = published.benchmarks if published else []
    ordered = sorted(expected, key=lambda c: printed.index(c) if c in printed else len(printed))
    there = Counter(one.benchmark for one in bench)
    if problems := [f"{there[column]} of {column}" for column in there if there[column] > expected[column]]:
        raise StepError(
            f"the bench has {', '.join(problems)}, more than this recipe asks for: make it with this recipe"
        )
    return {
        **{name: _Column([one.id for one in bench if one.benchmark == name], expected[name]) for name in ordered},
        AVERAGE: _Column([one.id for one in bench], expected.total()),
        **{name: _Column([], 0, is_run=False) for name in printed if name not in expected and name != AVERAGE},
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
            seed = derive_seed(recipe.seed, "bootstrap", one.model, one.answers.file, metric)
            cells = (_cell(name, column, scores, instruction_of, seed) for name, column in columns.items())
            if metric == "rubric_score" and published:
                cells = (_beside_published(cell, one, published, recipe) for cell in cells)
            yield Line(*one.answers, metric, one.judged.judge, one.judged.judged_at, tuple(cells))
    if published:
        ours = {one.answers for one in scored}
        yield from (_not_run(one, columns, published) for one in published.answers() if one not in ours)


def _not_run(answers: Answers, columns: Mapping[str, _Column], published: PublishedTable) -> Line:
    """The line of answers that the paper's table has and ours has not."""
    cells = (replace(_empty(name), published=_figure(answers, name, published)) for name in columns)
    return Line(*answers, "rubric_score", NOT_RUN, "", tuple(cells))


def _empty(name: str) -> Cell:
    return Cell(name, Estimate(None, None, 0), Counts(0, 0, {}, {}), is_run=False)


def _metrics(one: ScoredAnswers) -> Iterator[tuple[Metric, InstanceScores]]:
    yield "rubric_score", one.own
    if one.swapped is not None:
        yield "swapped_rubric_score", one.swapped


def _cell(name: str, column: _Column, scores: InstanceScores, instruction_of: Mapping[str, str], seed: int) -> Cell:
    if not column.is_run:
        return _empty(name)
    there = {one: scores.scores[one] for one in column.ids if one in scores.scores}
    estimate = mean_with_interval(there, instruction_of, derive_seed(seed, name))
    reliability = reliability_of(scores, column.ids, instruction_of)
    return Cell(name, estimate, _counts(scores, column), reliability=reliability)


def _counts(scores: InstanceScores, column: _Column) -> Counts:
    """The counts of a column; the instances that the bench lacks are left out as missing."""
    counts = count_instances(scores, column.ids)
    lacking = column.n_expected - len(column.ids)
    if not lacking:
        return counts
    missing = {Status.MISSING: counts.left_out.get(Status.MISSING, 0) + lacking}
    return replace(counts, n_expected=column.n_expected, left_out={**counts.left_out, **missing})


def _beside_published(cell: Cell, one: ScoredAnswers, published: PublishedTable, recipe: Recipe) -> Cell:
    figure = _figure(one.answers, cell.benchmark, published)
    comparable = recipe.rehearsal is None and one.judged.judge == published.judge
    value = cell.estimate.value
    difference = value - figure if comparable and value is not None and figure is not None else None
    return replace(cell, published=figure, difference=difference)


def _figure(answers: Answers, benchmark: str, published: PublishedTable) -> float | None:
    """The paper's figure for answers, None where it gives none."""
    return published.figure(answers.model, answers.condition, benchmark, answers.selection)
