"""The curve of a training, step by step, as CSV and SVG: from the trainers' own logs (paper, appendices D and E).

janus train run janus-7b ...     writes results/janus/models/janus-7b/training.{csv,svg}
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import altair as alt

from janus_recipes.files import written_whole
from janus_recipes.pictures import svg_text


@dataclass(frozen=True)
class CurvePoint:
    """One optimizer step.

    `epoch` counts passes over the data. `loss` is the method's own, in nats: of SFT the mean over the answers' tokens.
    `reward_accuracy` is the share of the step's pairs whose chosen answer is scored higher, `tokens_per_second` what
    one GPU learns from. None: the trainer logs no such thing.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    reward_accuracy: float | None = None
    tokens_per_second: float | None = None


COLUMNS = tuple(field.name for field in fields(CurvePoint))

PANELS = {
    "loss": ("Loss (nats)", False),
    "learning_rate": ("Learning rate", False),
    "reward_accuracy": ("Chosen scored higher", True),
    "tokens_per_second": ("Tokens/s per GPU", True),
}
"""What is drawn over the steps, from top to bottom: its title, and whether it is left out where no step has it."""

DRAWN_AT_MOST = 1000
"""Steps in a picture: more than its pixels show would make the file large and no clearer. The CSV has them all."""


def write_curve(path: Path, points: Sequence[CurvePoint]) -> None:
    """Write the curve as CSV, whole or not at all: CurvePoint's fields as columns, empty where there is none."""
    with written_whole(path) as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(astuple(point) for point in points)  # csv writes None as nothing


def read_curve(path: Path) -> list[CurvePoint]:
    """The points of a curve that `write_curve` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_point(row) for row in csv.DictReader(file)]


def _point(row: Mapping[str, str]) -> CurvePoint:
    numbers = {name: float(row[name]) if row[name] else None for name in COLUMNS[1:]}
    return CurvePoint(step=int(row["step"]), **numbers)  # type: ignore[arg-type]


def draw_curve(path: Path, points: Sequence[CurvePoint], *, title: str, notice: str | None) -> None:
    """Draw the curve as SVG, one panel a figure, over the same steps. `notice` is set in a rehearsal only."""
    drawn = [_panel(points, name, title) for name, title in _panels(points)]
    told = alt.TitleParams(title, subtitle=[notice] if notice else [], subtitleColor="#e45756", anchor="start")
    chart = alt.vconcat(*drawn).properties(title=told)
    with written_whole(path) as out:
        out.write(svg_text(chart))


def _panels(points: Sequence[CurvePoint]) -> Iterator[tuple[str, str]]:
    for name, (title, optional) in PANELS.items():
        if not optional or any(getattr(point, name) is not None for point in points):
            yield name, title


def _panel(points: Sequence[CurvePoint], name: str, title: str) -> alt.Chart:
    data = alt.Data(values=list(_values(points, name)))  # type: ignore[no-untyped-call]
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_line(point=len(points) <= 50, strokeWidth=1.2)
        .encode(
            x=alt.X("step:Q", title="Step", scale=alt.Scale(nice=False)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=name == "learning_rate")),
        )
        .properties(width=520, height=140)
    )
    return drawn


def _values(points: Sequence[CurvePoint], name: str) -> Iterator[dict[str, Any]]:
    """The finite values of one figure, thinned evenly to what a picture shows; the last step is always among them."""
    every = max(1, math.ceil(len(points) / DRAWN_AT_MOST))
    for point in reversed(points[::-1][::every]):
        value = getattr(point, name)
        if value is not None and math.isfinite(value):
            yield {"step": point.step, "value": value}
