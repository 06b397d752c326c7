"""Write a built table: CSV for scripts, Markdown and one self-contained HTML page for people.

    tables/table2.csv               the long form, columns `CSV_COLUMNS`
    tables/table2.comparisons.csv   paired differences, columns `COMPARISON_COLUMNS`
    tables/table2.reliability.csv   the judge's runs and standard errors (reliability_page.py)
    tables/table2.md
    tables/table2.html              table.html.j2; no script, font or picture from elsewhere

A figure that not every instance stands behind is marked with a dagger, and a list under the table says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from janus_recipes.judging.scores import Counts
from janus_recipes.records import Status
from janus_recipes.reporting.compare import Comparison
from janus_recipes.reporting.reliability_page import (
    detectable_note,
    reliability_columns,
    reliability_head,
    reliability_note,
    reliability_rows,
    shown_reliability,
)
from janus_recipes.reporting.statistics import FEWEST_TESTED, Interval
from janus_recipes.reporting.table import (
    AVERAGE,
    COMPARISON_COLUMNS,
    CSV_COLUMNS,
    NOT_RUN,
    BuiltTable,
    Cell,
    Line,
    comparison_rows,
    csv_rows,
)
from janus_recipes.reporting.text import HOLE, NONE, csv_text, markdown_table, plain, write_texts

MINUS = "\N{MINUS SIGN}"

SUFFIXES = ("html", "md", "comparisons.csv", "reliability.csv", "csv")
"""Of a table's files, in the order in which they are written: the CSV that other steps read comes last."""


def write_table(table: BuiltTable, folder: Path) -> None:
    """Write the five files into `folder`, each whole or not at all, in the order of `SUFFIXES`."""
    texts = (
        html_of(table),
        markdown_of(table),
        csv_text(COMPARISON_COLUMNS, comparison_rows(table)),
        csv_text(reliability_columns(table.runs), reliability_rows(table)),
        csv_text(CSV_COLUMNS, csv_rows(table)),
    )
    write_texts(folder, table.name, zip(SUFFIXES, texts, strict=True))


def html_of(table: BuiltTable) -> str:
    """The page. Every text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": score,
        "signed": signed,
        "interval": interval,
        "holes": holes,
        "label": comparison_label,
        "p_value": p_value,
    }
    page = environment.get_template("table.html.j2")
    return page.render(
        table=table,
        own=list(own_lines(table)),
        average=AVERAGE,
        not_run=NOT_RUN,
        note=note_of(table),
        holes_of=list(hole_notes(table)),
        comparisons_note=comparisons_note(table),
        reliability=list(shown_reliability(table)),
        reliability_head=reliability_head(table),
        reliability_note=reliability_note(table),
        detectable_note=detectable_note(table.detectable) if table.detectable else None,
    )


def markdown_of(table: BuiltTable) -> str:
    """The same in Markdown. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(table.title)}"]
    if table.notice:
        parts.append(f"> **{plain(table.notice)}**")
    parts += [plain(note_of(table)), _markdown_scores(table)]
    if found := list(hole_notes(table)):
        parts.append("\n".join(f"- {HOLE} {plain(one)}" for one in found))
    if table.comparisons:
        parts += ["## Paired comparisons (Average)", _markdown_comparisons(table), comparisons_note(table)]
    if shown := list(shown_reliability(table)):
        parts += ["## Run to run (Average)", _markdown_reliability(table, shown)]
    parts.append(reliability_note(table))
    if table.detectable:
        parts.append(detectable_note(table.detectable))
    return "\n\n".join(parts) + "\n"


def note_of(table: BuiltTable) -> str:
    """What the figures are, in a few sentences."""
    missing = {
        "leave_out": "An instance with a verdict missing is left out.",
        "average_rest": "An instance with a verdict missing is averaged over the verdicts it has.",
    }[table.missing_verdicts]
    runs = "1 run" if table.runs == 1 else f"{table.runs} runs"
    lacking = table.n_expected - table.n_instances
    holed = f" The bench lacks {lacking} of the recipe's {table.n_expected} instances: counted as missing."
    return (
        f"Mean rubric scores, 1 to 5, of {table.n_instances} instances of {table.n_instructions} instructions, "
        f"each judged by all its rubrics in {runs}. Average is over all instances, not over the columns; "
        f"brackets are 95% intervals by bootstrap over instructions. {missing}{holed if lacking else ''}"
    )


def comparisons_note(table: BuiltTable) -> str:
    """What the tests of the comparisons are, and what the bench can tell."""
    return (
        "p: two-sided, of no difference, by flipping the signs of whole instructions; beside it the same adjusted for "
        f"all {len(table.comparisons)} comparisons of this table (Holm). Detectable: the true difference that the test "
        f"finds at 5% four times in five; none below {FEWEST_TESTED} instructions."
    )


def own_lines(table: BuiltTable) -> Iterator[Line]:
    """The lines scored by the answers' own rubrics: the main table."""
    return (line for line in table.lines if line.metric == "rubric_score")


def hole_notes(table: BuiltTable) -> Iterator[str]:
    """For each line with holes, what is missing and where."""
    for line in table.lines:
        found = [f"{cell.benchmark} {holes(cell.counts)}" for cell in line.cells if cell.counts.has_holes]
        if found:
            swapped = ", under another message's rubrics" if line.metric == "swapped_rubric_score" else ""
            told = ", ".join(_shown_as(table, line.condition, line.selection))
            yield f"{line.model} ({told}{swapped}): {'; '.join(found)}"


def holes(counts: Counts) -> str:
    """`18 of 20: 2 left out (1 unparsed, 1 refused)`"""
    parts = []
    if counts.left_out:
        parts.append(f"{counts.n_left_out} left out ({_statuses(counts.left_out)})")
    if counts.partial:
        parts.append(f"{sum(counts.partial.values())} averaged over fewer verdicts ({_statuses(counts.partial)})")
    return f"{counts.n_used} of {counts.n_expected}: {', '.join(parts)}"


def score(value: float | None) -> str:
    """A score as the paper prints it, with two decimals."""
    return NONE if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """A difference, with its sign and a true minus."""
    return NONE if value is None else f"{value:+z.2f}".replace("-", MINUS)


def p_value(found: float | None) -> str:
    """A p-value with three decimals, or that it is smaller."""
    return NONE if found is None else "<0.001" if found < 0.001 else f"{found:.3f}"


def interval(found: Interval | None) -> str:
    """`[3.91, 4.20]`, or an empty text where there is no interval."""
    return "" if found is None else f"[{found.low:z.2f}, {found.high:z.2f}]".replace("-", MINUS)


def comparison_label(one: Comparison) -> str:
    """What is compared: the first side minus the second, and what the second is to the first."""
    if one.kind == "own_minus_swapped":
        return f"{one.model}: own {MINUS} another message's rubrics"
    if one.kind == "with_minus_without_message":
        return f"{one.model}: with {MINUS} without a system message"
    if one.kind == "selected_minus_single":
        return f"{one.model}: {one.selection} {MINUS} {one.against}"
    what = {"trained_minus_base": ", its base", "trained_minus_start": ", which it started from", "compared": ""}
    return f"{one.model} {MINUS} {one.against}{what[one.kind]}"


def _markdown_scores(table: BuiltTable) -> str:
    names = ["Model", *_shown_as(table, "System message", "Selection"), "Figures"]
    head = [*names, *table.columns, "95% interval", "n used", "Left out", "Judge"]
    rows = [row for line in own_lines(table) for row in _markdown_line(line, table)]
    return markdown_table(head, rows, left={*range(len(names)), len(head) - 2, len(head) - 1})


def _shown_as(table: BuiltTable, condition: str, selection: str) -> list[str]:
    """What tells a model's answers apart, in the columns that the table's pages have for it."""
    return [condition, selection] if table.has_selections else [condition]


def _markdown_line(line: Line, table: BuiltTable) -> Iterator[list[str]]:
    """Ours, then the paper's and the difference where there are any."""
    counts, names = line.average.counts, [line.model, *_shown_as(table, line.condition, line.selection)]
    left_out = _statuses(counts.left_out) if counts.left_out else "0"
    ours = [score(cell.estimate.value) + _mark(cell) if cell.is_run else NOT_RUN for cell in line.cells]
    used = f"{counts.n_used} of {counts.n_expected}"
    average = interval(line.average.estimate.interval)
    behind = [average, used, left_out, f"{line.judge}, {line.judged_at}"] if line.is_run else ["", "", "", ""]
    yield [*names, "ours", *ours, *behind]
    if any(cell.published is not None for cell in line.cells):
        figures = [score(cell.published) for cell in line.cells]
        yield [*names, "paper", *figures, "", "", "", table.published_by or ""]
    if any(cell.difference is not None for cell in line.cells):
        yield [*names, "difference", *(signed(cell.difference) for cell in line.cells), "", "", "", "the same"]


def _markdown_comparisons(table: BuiltTable) -> str:
    names = ["Comparison", *_shown_as(table, "System message", "Selection")]
    head = [*names, "First", "Second", "Difference", "95% interval"]
    head += ["p", "p, Holm", "Detectable", "n in both"]
    rows = []
    for one in table.comparisons:
        means = [score(one.first), score(one.second), signed(one.difference.value)]
        n_used = f"{one.difference.n} of {table.n_expected}"
        tests = [p_value(one.p_value), p_value(one.p_holm), score(one.detectable)]
        told = [comparison_label(one), *_shown_as(table, one.condition, one.selection)]
        rows.append([*told, *means, interval(one.difference.interval), *tests, n_used])
    return markdown_table(head, rows, left=set(range(len(names))))


def _markdown_reliability(table: BuiltTable, shown: Sequence[tuple[str, str, list[str], str]]) -> str:
    head = ["Model", "System message", *reliability_head(table), "Instances"]
    return markdown_table(head, [[model, condition, *figures, n] for model, condition, figures, n in shown], {0, 1})


def _mark(cell: Cell) -> str:
    return HOLE if cell.counts.has_holes else ""


def _statuses(counted: Mapping[Status, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counted.items())
