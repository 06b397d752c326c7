"""The pictures of the analyses: drawn by altair, turned into SVG by vl-convert. The same figures give the same bytes.

Nothing is fetched, and text is set in whatever plain font the reader has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from janus_recipes.analysis.published import RougeL
from janus_recipes.analysis.rouge import BINS, CrossRougeL
from janus_recipes.pictures import svg_text

OURS, PAPER = "ours", "paper"
SCORE = "ROUGE-L F1"


def figure4_svg(
    scores: Mapping[str, tuple[float | None, float | None]], published: RougeL, title: str, notice: str | None
) -> str:
    """Two bars for each dimension: the mean of all pairs, and of each instruction's highest. Lines are the paper's."""
    named = {"mean of all pairs": 0, "mean of each instruction's highest": 1}
    bars = (
        {"dimension": dimension, "what": what, "value": values[place]}
        for dimension, values in scores.items()
        for what, place in named.items()
        if values[place] is not None
    )
    drawn = (
        alt.Chart(data_of(bars))
        .mark_bar()
        .encode(
            x=alt.X("dimension:N", title="Dimension", sort=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("what:N", sort=list(named)),
            y=alt.Y("value:Q", title=SCORE),
            color=alt.Color("what:N", title=None, scale=alt.Scale(domain=list(named), range=["#4c78a8", "#9ecae9"])),
        )
    )
    paper = {"paper, average": published.average, "paper, maximum": published.max}
    lines = ({"line": name, "value": value} for name, value in paper.items() if value is not None)
    ruled = (
        alt.Chart(data_of(lines))
        .mark_rule(color="#e45756")
        .encode(y=alt.Y("value:Q", title=SCORE), strokeDash=alt.StrokeDash("line:N", title=None))
    )
    return svg_of(alt.layer(drawn, ruled), title, notice)


def figure5_svg(scores: Mapping[str, CrossRougeL], published: RougeL, title: str, notice: str | None) -> str:
    """How the pairs spread, one colour a bench, with their mean and the paper's as lines."""
    drawn = (
        alt.Chart(data_of(_parts(scores)))
        .mark_bar(opacity=0.6)
        .encode(
            x=alt.X("from:Q", bin="binned", title=SCORE),
            x2="to:Q",
            y=alt.Y("share:Q", title="Share of pairs", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color("bench:N", title="Bench"),
        )
    )
    means = [{"line": f"{OURS}, {name}: mean", "value": one.mean} for name, one in scores.items() if one.pairs]
    means.append({"line": f"{PAPER}: mean", "value": published.average})
    ruled = (
        alt.Chart(data_of(iter(means)))
        .mark_rule(color="#e45756")
        .encode(x=alt.X("value:Q", title=SCORE), strokeDash=alt.StrokeDash("line:N", title=None, sort=None))
    )
    return svg_of(alt.layer(drawn, ruled), title, notice)


def _parts(scores: Mapping[str, CrossRougeL]) -> Iterator[dict[str, Any]]:
    for name, one in scores.items():
        for place, number in enumerate(one.histogram):
            if number:
                yield {"bench": name, "from": place / BINS, "to": (place + 1) / BINS, "share": number / one.pairs}


def data_of(values: Iterator[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=list(values))  # type: ignore[no-untyped-call]


def svg_of(chart: alt.LayerChart | alt.FacetChart, title: str, notice: str | None, height: int = 280) -> str:
    """The picture, its plot so many pixels high. A rehearsal says so under the title."""
    told = alt.TitleParams(title, subtitle=[notice] if notice else [], subtitleColor="#e45756", anchor="start")
    sized = chart.properties(width=520, height=height, title=told)
    return svg_text(sized)
