"""What `janus check` prints: a line for each cell that has both figures, then what became of all of them."""

from __future__ import annotations

from janus_recipes.recipe.best_of import SINGLE
from janus_recipes.reporting.agreement import CheckedCell, CheckedTable, Finding
from janus_recipes.reporting.render import interval, score, signed
from janus_recipes.reporting.statistics import Interval
from janus_recipes.reporting.text import HOLE, markdown_table

DECIDED = (Finding.AGREES, Finding.UNCLEAR, Finding.DIFFERS, Finding.HOLE)
"""What a cell can be when the judge is the paper's own."""

UNSEEN = (Finding.NOT_RUN, Finding.NOT_PUBLISHED)
"""What is counted and not listed: one of the two figures is not there."""


def text_of(checked: CheckedTable) -> str:
    """A checked table for people."""
    head = ["Model", "Answers", "Column", "Ours", "95% interval", "Paper", "Difference", "Finding", "Judge"]
    rows = [_row(cell) for cell in checked.cells if cell.finding not in UNSEEN]
    parts = [f"{checked.table}: {checked.file}, tolerance {checked.tolerance:g}"]
    if rows:
        parts.append(markdown_table(head, rows, left={0, 1, 2, 7, 8}))
    return "\n\n".join([*parts, "\n".join(_summary(checked))])


def _row(cell: CheckedCell) -> list[str]:
    answers = cell.condition if cell.selection == SINGLE else f"{cell.condition}, {cell.selection}"
    between = None if cell.ci_low is None or cell.ci_high is None else Interval(cell.ci_low, cell.ci_high)
    ours = score(cell.value) + (HOLE if cell.n_used < cell.n_expected or cell.n_partial else "")
    figures = [ours, interval(between), score(cell.published), signed(cell.difference)]
    return [cell.model, answers, cell.benchmark, *figures, cell.finding, cell.judge]


def _summary(checked: CheckedTable) -> list[str]:
    """The counts, and in how many pairs the order is the paper's: that may be told of another judge, too."""
    compared = {one: number for one, number in checked.counts.items() if one in DECIDED}
    others = {one: number for one, number in checked.counts.items() if one not in DECIDED}
    lines = [f"compared: {_counted(compared) or 'no cell'}"]
    if others:
        lines.append(f"not compared: {_counted(others)}")
    for one in checked.orders:
        lines.append(f"order of {one.benchmark} by {one.judge}: the paper's in {one.same} of {one.pairs} pairs")
    return lines


def _counted(counts: dict[Finding, int]) -> str:
    return ", ".join(f"{number} {finding}" for finding, number in counts.items())
