"""The pictures of Figures 8 and 9: a row for each model, so that long names and many models stay legible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
from scipy.stats import gaussian_kde

from janus_recipes.analysis.charts import SCORE, data_of, svg_of

if TYPE_CHECKING:  # they draw what this draws
    from janus_recipes.analysis.figure8 import Lengths
    from janus_recipes.analysis.figure9 import Alike
    from janus_recipes.analysis.published import RougeL
    from janus_recipes.reporting.statistics import Estimate

ROW = 44
"""Pixels of a model's row."""

POINTS = 120
"""Points of a violin's outline."""

HALF = 0.42
"""Half the height of a violin at its widest, of its row."""

REFERENCE_COLOUR, MODEL_COLOUR, PAPER_COLOUR = "#9d9d9d", "#4c78a8", "#e45756"


def figure8_svg(lengths: Mapping[str, Lengths], title: str, notice: str | None) -> str:
    """A violin a model: how its answers' lengths spread, with the quartiles as a line and the median as a point."""
    models = list(lengths)
    y = _named_rows(models)
    outline = (
        alt.Chart(data_of(_outlines(lengths)))
        .mark_area(opacity=0.6)
        .encode(
            x=alt.X("words:Q", title="Words"),
            y=y,
            y2="below:Q",
            detail="model:N",
            color=alt.Color("colour:N", scale=None),
        )
    )
    spread = data_of(_spreads(lengths))
    line = alt.Chart(spread).mark_rule(size=3).encode(x=alt.X("low:Q", title="Words"), x2="high:Q", y=y)
    middle = (
        alt.Chart(spread)
        .mark_point(filled=True, fill="white", stroke="black", size=45, opacity=1)
        .encode(x=alt.X("median:Q", title="Words"), y=y)
    )
    return svg_of(alt.layer(outline, line, middle), title, notice, ROW * len(models))


def _named_rows(models: Sequence[str]) -> alt.Y:
    """A row of height 1 for each model, the first on top, with its name at its middle."""
    names = f"{json.dumps(models)}[floor(datum.value)]"
    axis = alt.Axis(values=[place + 0.5 for place in range(len(models))], labelExpr=names, labelLimit=260, grid=False)
    return alt.Y("above:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, len(models)], reverse=True, nice=False))


def _outlines(lengths: Mapping[str, Lengths]) -> Iterator[dict[str, Any]]:
    """Gaussian kernel densities (Scott's bandwidth) from the shortest to the longest, all as wide at their widest.

    Lengths that are all the same have none.
    """
    for place, (model, one) in enumerate(lengths.items()):
        words = np.array(sorted(one.words.values()), dtype=np.float64)
        if len(set(words)) < 2:
            continue
        grid = np.linspace(words[0], words[-1], POINTS)
        density = gaussian_kde(words)(grid)
        colour = REFERENCE_COLOUR if place == 0 else MODEL_COLOUR
        for x, share in zip(grid, density / density.max(), strict=True):
            sides = {"above": _shown(place + 0.5 - HALF * share), "below": _shown(place + 0.5 + HALF * share)}
            yield {"model": model, "colour": colour, "words": _shown(x), **sides}


def _shown(value: float) -> float:
    """Digits that can be seen, so that another machine's last ones do not show."""
    return round(float(value), 3)


def _spreads(lengths: Mapping[str, Lengths]) -> Iterator[dict[str, Any]]:
    for place, one in enumerate(lengths.values()):
        if spread := one.spread:
            quartiles = {"low": spread["quartile 1"], "median": spread["median"], "high": spread["quartile 3"]}
            yield {"above": place + 0.5, **quartiles}


def figure9_svg(alike: Mapping[str, Alike], published: Mapping[str, RougeL], title: str, notice: str | None) -> str:
    """Two points a model with their intervals: the mean of all pairs, and of each instruction's highest."""
    named = ["mean of pairs", "mean of each instruction's highest"]
    points = data_of(_points(alike, named))
    shared = {
        "y": alt.Y("model:N", title=None, scale=alt.Scale(domain=list(alike)), axis=alt.Axis(labelLimit=260)),
        "yOffset": alt.YOffset("what:N", sort=named),
    }
    colour = alt.Color("what:N", title=None, scale=alt.Scale(domain=named, range=["#4c78a8", "#f58518"]))
    x = alt.X("value:Q", title=f"{SCORE} (95% interval)", scale=alt.Scale(zero=True))
    dots = alt.Chart(points).mark_point(filled=True, size=60, opacity=1).encode(x=x, color=colour, **shared)
    bars = alt.Chart(points).mark_rule(size=2).encode(x=alt.X("low:Q"), x2="high:Q", color=colour, **shared)
    paper = (
        alt.Chart(data_of(_paper(alike, published, named)))
        .mark_tick(color=PAPER_COLOUR, thickness=3, size=14)
        .encode(x=x, opacity=alt.Opacity("line:N", title=None, scale=alt.Scale(range=[1])), **shared)
    )
    return svg_of(alt.layer(bars, dots, paper), title, notice, ROW * len(alike))


def _points(alike: Mapping[str, Alike], named: Sequence[str]) -> Iterator[dict[str, Any]]:
    for model, one in alike.items():
        for what, estimate in zip(named, (one.mean, one.highest), strict=True):
            if estimate.value is not None:
                yield {"model": model, "what": what, "value": _shown(estimate.value), **_ends(estimate)}


def _ends(estimate: Estimate) -> dict[str, float]:
    interval = estimate.interval
    return {"low": _shown(interval.low), "high": _shown(interval.high)} if interval else {}


def _paper(
    alike: Mapping[str, Alike], published: Mapping[str, RougeL], named: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for model in alike:
        stated = published.get(model)
        for what, value in zip(named, (stated.average, stated.max) if stated else (None, None), strict=True):
            if value is not None:
                yield {"model": model, "what": what, "value": value, "line": "paper"}
