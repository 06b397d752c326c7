"""The picture of best-of-n: mean against k, with a band for its 95% interval, in rewards and in the judge's scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt

from janus_recipes.best_of.build import BuiltCurve, Curve, Metric
from janus_recipes.pictures import svg_text

AXES: dict[Metric, str] = {
    "reward": "Mean reward of the best",
    "rubric_score": "Mean rubric score of the best (1 to 5)",
}


def curve_svg(built: BuiltCurve, title: str) -> str:
    """A panel for each measure, a line with its band for each model. The same figures give the same bytes."""
    panels = [
        panel_of([curve for curve in built.curves if curve.metric == metric and curve.points], name)
        for metric, name in AXES.items()
        if any(curve.metric == metric and curve.points for curve in built.curves)
    ]
    bands = f"bands: 95% intervals by bootstrap over {built.n_instructions} instructions"
    told = alt.TitleParams(
        title,
        subtitle=[built.notice, bands] if built.notice else [bands],
        subtitleColor="#e45756" if built.notice else "#666666",
        anchor="start",
    )
    chart = alt.hconcat(*panels).properties(title=told)
    return svg_text(chart)


def panel_of(curves: list[Curve], name: str) -> alt.LayerChart | alt.FacetChart:
    """One measure: k on a logarithmic axis, as each doubling of the samples costs as much as all before it."""
    data = alt.Data(values=[row for curve in curves for row in rows_of(curve)])  # type: ignore[no-untyped-call]
    ticks = sorted({row["k"] for row in data.values if row["k"] & (row["k"] - 1) == 0})
    base = alt.Chart(data).encode(
        x=alt.X(
            "k:Q", title="k, samples to choose from", scale=alt.Scale(type="log", base=2), axis=alt.Axis(values=ticks)
        ),
        color=alt.Color("model:N", title="Model"),
    )
    scale = alt.Scale(zero=False)
    band = base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=name, scale=scale), y2="high:Q")
    line = base.mark_line(point=True).encode(y=alt.Y("value:Q", title=name, scale=scale))
    return alt.layer(band, line).properties(width=320, height=260)


def rows_of(curve: Curve) -> Iterator[dict[str, Any]]:
    """The points as the chart reads them; one without an interval has a band of no width."""
    shown = curve.answers.model if curve.answers.condition == "multifaceted" else " ".join(curve.answers[:2])
    for point in curve.points:
        value = point.value.value
        low, high = point.value.interval or (value, value)
        yield {"model": shown, "k": point.k, "value": value, "low": low, "high": high}
