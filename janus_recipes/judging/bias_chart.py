"""The picture of a bias report: how much better a judge finds answers that are longer than others to their instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from janus_recipes.analysis.charts import data_of, svg_of
from janus_recipes.judging.length import LengthBin

COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#b279a2", "#9d755d", "#e45756"]


def length_svg(bins: Mapping[str, Sequence[LengthBin]], title: str, notice: str | None) -> str:
    """A line for each judge through tenths of the answers, shortest first; the same bytes for the same figures."""
    points = (
        {"judge": judge, "words": part.words, "points": part.points} for judge, parts in bins.items() for part in parts
    )
    scale = alt.Scale(domain=list(bins), range=COLOURS[: len(bins)])
    lines = (
        alt.Chart(data_of(points))
        .mark_line(point=True)
        .encode(
            x=alt.X("words:Q", title="Words more than the mean of the answers to the same instance"),
            y=alt.Y("points:Q", title="Points more than their mean score"),
            color=alt.Color("judge:N", title="Judge", scale=scale),
        )
    )
    even = alt.Chart(data_of(iter([{"even": 0}]))).mark_rule(strokeDash=[4, 4], color="#555").encode(y="even:Q")
    return svg_of(alt.layer(even, lines), f"{title}: length and score", notice)
