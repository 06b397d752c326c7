"""Which cells of a finished table agree with the paper's figures, within what the recipe tolerates: `janus check`.

    check_table(Path("results/janus/tables/table2.csv"), tolerance=0.1).counts      # {agrees: 17, other judge: 12}

Reads the table's CSV and nothing else, so any result that was kept can be checked, by any tolerance. A difference is
taken as it stands there: only where our judge is the paper's own. Of figures by another judge the order of the models
can be told, not a difference.

    agrees          the difference is within the tolerance
    differs         it is beyond it, and so is the end of the 95% interval that is nearer to the published figure
    unclear         it is beyond it, but the interval reaches into it: chance may have done it
    hole            instances are left out, or averaged over the verdicts they have, and what is missing, from 1 to 5,
                    could make it another of the three
    other judge, rehearsal, not run, not published    there is nothing to compare

A few holes hide nothing: one instance of 921 moves a mean by less than 0.005, and the cell is called what it is.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from pathlib import Path

from janus_recipes.errors import UsageError
from janus_recipes.reporting.table import CSV_COLUMNS, NOT_RUN

REHEARSED = " (rehearsal)"
"""Ends the judge's name in every row of a rehearsal (`BuiltTable.judge_cell`)."""

SCALES = {"rubric_score": (1.0, 5.0)}
"""The least and the most that an instance which was left out could have had, by metric."""


class Finding(StrEnum):
    """What a cell of a table is beside the paper's figure."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNCLEAR = "unclear"
    HOLE = "hole"
    OTHER_JUDGE = "other judge"
    REHEARSAL = "rehearsal"
    NOT_RUN = "not run"
    NOT_PUBLISHED = "not published"


@dataclass(frozen=True)
class CheckedCell:
    """A cell of a table's CSV, and what it is beside the paper's figure. None: an empty cell there."""

    model: str
    condition: str
    selection: str
    benchmark: str
    metric: str
    judge: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_expected: int
    n_used: int
    published: float | None
    difference: float | None
    n_partial: int = 0
    finding: Finding = Finding.NOT_PUBLISHED


@dataclass(frozen=True)
class SameOrder:
    """Of a column's lines under one judge: the pairs that stand in the paper's order, of those in any order."""

    benchmark: str
    judge: str
    same: int
    pairs: int


@dataclass(frozen=True)
class CheckedTable:
    """A table's cells in the order of its CSV; `counts` are by finding, `orders` by column and judge."""

    table: str
    file: str
    tolerance: float
    counts: dict[Finding, int]
    orders: list[SameOrder]
    cells: list[CheckedCell]


def check_table(path: Path, tolerance: float) -> CheckedTable:
    """What each cell of a table's CSV is beside the paper's figure.

    Raises:
        UsageError: the file is no table's CSV.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if lacking := [name for name in CSV_COLUMNS if name not in (rows.fieldnames or ())]:
                what = f"it has no column {', '.join(lacking)}"
                raise UsageError(f"{path}: no CSV of a table, or one of an older version: {what}")
            cells = [_checked(row, tolerance, f"{path}:{rows.line_num}") for row in rows]
    except UnicodeDecodeError:
        raise UsageError(f"{path}: no CSV of a table: it is not UTF-8") from None
    counted = Counter(cell.finding for cell in cells)
    counts = {finding: counted[finding] for finding in Finding if counted[finding]}
    return CheckedTable(path.stem, str(path), tolerance, counts, list(same_orders(cells)), cells)


def same_orders(cells: Iterable[CheckedCell]) -> Iterator[SameOrder]:
    """Of each column with two lines and more, how many pairs of them stand in the paper's order. Ties are no order.

    Only scores of one judge are held against each other, ours and the paper's each among their own. Rehearsals say
    nothing here.
    """
    columns: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for cell in cells:
        if cell.value is not None and cell.published is not None and cell.finding is not Finding.REHEARSAL:
            columns[cell.benchmark, cell.judge, cell.metric].append((cell.value, cell.published))
    for (benchmark, judge, _), figures in columns.items():
        products = [(a - b) * (x - y) for (a, x), (b, y) in combinations(figures, 2)]
        if ordered := [product for product in products if product]:
            yield SameOrder(benchmark, judge, sum(product > 0 for product in ordered), len(ordered))


def _checked(row: Mapping[str, str], tolerance: float, where: str) -> CheckedCell:
    try:
        cell = CheckedCell(
            model=row["model"],
            condition=row["condition"],
            selection=row["selection"],
            benchmark=row["benchmark"],
            metric=row["metric"],
            judge=row["judge"],
            value=_number(row["value"]),
            ci_low=_number(row["ci_low"]),
            ci_high=_number(row["ci_high"]),
            n_expected=int(row["n_expected"]),
            n_used=int(row["n_used"]),
            published=_number(row["published"]),
            difference=_number(row["difference"]),
            n_partial=int(row["n_partial"]),
        )
    except (TypeError, ValueError) as problem:
        raise UsageError(f"{where}: no row of a table's CSV ({problem}): make the table again") from None
    return replace(cell, finding=_finding(cell, tolerance))


def _number(text: str) -> float | None:
    return float(text) if text else None


def _finding(cell: CheckedCell, tolerance: float) -> Finding:
    if cell.published is None:
        return Finding.NOT_PUBLISHED
    if cell.judge.removesuffix(REHEARSED) == NOT_RUN:
        return Finding.NOT_RUN
    if cell.judge.endswith(REHEARSED):
        return Finding.REHEARSAL
    if cell.value is None:
        return Finding.HOLE
    return Finding.OTHER_JUDGE if cell.difference is None else _compared(cell, tolerance)


def _compared(cell: CheckedCell, tolerance: float) -> Finding:
    """What the difference says, if the verdicts that are missing cannot make it say something else."""
    told = {_by_difference(cell, tolerance, shift) for shift in _shifts(cell)}
    return told.pop()[0] if len(told) == 1 else Finding.HOLE


def _by_difference(cell: CheckedCell, tolerance: float, shift: float) -> tuple[Finding, bool]:
    """The finding were the mean higher by `shift`, and whether it is above the published figure: two ways to differ."""
    assert cell.difference is not None and cell.published is not None
    above = cell.difference + shift > 0
    if abs(cell.difference + shift) <= tolerance:
        return Finding.AGREES, True
    nearer = cell.ci_low if above else cell.ci_high
    if nearer is None:  # a single instruction shows no spread, so nothing is beyond chance
        return Finding.UNCLEAR, above
    reach = round(nearer + shift - cell.published, 6)  # rounded: 1.1 - 1.0 is more than 0.1 in floats
    clear = (reach if above else -reach) > tolerance
    return Finding.DIFFERS if clear else Finding.UNCLEAR, above


def _shifts(cell: CheckedCell) -> Iterator[float]:
    """What the missing verdicts could do to the mean: nothing, and the most in either direction.

    An instance that was left out could have had any score. One with some of its verdicts could move to either end of
    the scale, but all used ones together by no more than their sum is away from it.
    """
    yield 0.0
    left_out = cell.n_expected - cell.n_used
    if cell.value is None or not (left_out or cell.n_partial):
        return
    low, high = SCALES.get(cell.metric, (-math.inf, math.inf))
    for score in (low, high):
        distance = score - cell.value
        partial = min(cell.n_partial * (high - low), cell.n_used * abs(distance)) if cell.n_partial else 0.0
        moved = left_out * distance if left_out else 0.0
        yield (moved + math.copysign(partial, distance)) / cell.n_expected
