"""How sure a table's figures are, for people and for scripts.

    tables/table2.reliability.csv   each figure's runs and standard errors, columns `reliability_columns`

The page (`reporting/render.py`) has the same of each Average, and the differences that the bench can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from janus_recipes.reporting.reliability import Detectable, Reliability
from janus_recipes.reporting.table import BuiltTable, number_text
from janus_recipes.reporting.text import HOLE, NONE

PLANNED = (0.2, 0.1, 0.05)
"""The differences, in points, that the page says the needed instructions of."""


def reliability_columns(runs: int) -> tuple[str, ...]:
    """The columns of the CSV: `run_1` and so on are the runs' means, in points like the figures after them."""
    return (
        *("model", "condition", "selection", "benchmark", "metric", "judge"),
        *(f"run_{run}" for run in range(1, runs + 1)),
        *("sd", "range", "se_judging", "se_instructions", "n_expected", "n_used", "n_left_out"),
    )


def reliability_rows(table: BuiltTable) -> Iterator[tuple[str, ...]]:
    """The rows under `reliability_columns`, as text. `n_used` are the instances with every verdict of every run."""
    for line in table.lines:
        for cell in line.cells:
            if cell.reliability is not None:
                expected, used = cell.counts.n_expected, cell.reliability.n
                yield (
                    *(line.model, line.condition, line.selection, cell.benchmark, line.metric),
                    table.judge_cell(line.judge),
                    *map(number_text, _figures(cell.reliability, table.runs)),
                    *map(str, (expected, used, expected - used)),
                )


def shown_reliability(table: BuiltTable) -> Iterator[tuple[str, str, list[str], str]]:
    """Of each line of the page its model, condition, figures and instances, as text; nothing where there is one run."""
    for line in table.lines:
        cell = line.average
        if line.metric == "rubric_score" and cell.reliability is not None and table.runs > 1:
            expected, used = cell.counts.n_expected, cell.reliability.n
            figures = [NONE if one is None else f"{one:.3f}" for one in _figures(cell.reliability, table.runs)]
            shown_as = f"{line.condition}, {line.selection}" if table.has_selections else line.condition
            yield line.model, shown_as, figures, f"{used} of {expected}{HOLE if used < expected else ''}"


def reliability_head(table: BuiltTable) -> list[str]:
    """What stands above `shown_reliability`'s figures."""
    return [*(f"Run {run + 1}" for run in range(table.runs)), "SD", "Range", "SE, judging", "SE, instructions"]


def reliability_note(table: BuiltTable) -> str:
    """What the figures under `reliability_head` are, in a few sentences, or why there are none."""
    if table.runs == 1:
        return "The judge was asked once, so how far its runs are apart is not known."
    return (
        f"The Average of each of the {table.runs} runs of the judge, over the instances that have every verdict; the "
        "standard deviation and the range of these means. The standard errors are of the mean over the runs: what "
        "judging the same answers again would change, and what other instructions would, judging included."
    )


def detectable_note(found: Detectable) -> str:
    """What the table can tell, in two sentences."""
    pairs = "the one pair" if found.pairs == 1 else f"the {found.pairs} pairs"
    many = "" if found.pairs == 1 else f" (median; {found.lowest:.2f} to {found.highest:.2f})"
    needed = [f"{found.instructions_for(points)} for {points:g}" for points in PLANNED]
    return (
        f"Between two models a true difference of {found.median:.2f} points{many} is found at 5% four times in five, "
        f"by the spread of {pairs} of lines here. Instructions needed, with as many system messages each: "
        f"{', '.join(needed)}."
    )


def _figures(found: Reliability, runs: int) -> tuple[float | None, ...]:
    """The runs' means and what follows from them; None where no instance is whole."""
    means = found.means or (None,) * runs
    return (*means, found.sd, found.range, found.se_judging, found.se_instructions)
