"""The pictures of Figures 3, 6 and 7: stacked bars, drawn by altair. The same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from janus_recipes.pictures import svg_text
from janus_recipes.reporting.statistics import Interval

PAPER = "paper"
AXIS = "Share of answers (lines: 95% intervals of the first answer's share, and below it of the last one's)"
NOTICE_COLOUR = "#e45756"
COLOURS = ("#4c78a8", "#9ecae9", "#f2cf5b", "#e4936a")
BELOW = {"first": 17, "last": 21}
"""How far below a bar's middle, in pixels, its whiskers lie: clear of what is written in it, and of each other."""
ABOVE = -17
LIGHT = frozenset(COLOURS[1:])


@dataclass(frozen=True)
class Bar:
    """A bar: the shares of its answers, from left to right, and the intervals of the first and of the last."""

    label: str
    shares: Mapping[str, float]
    first: Interval | None = None
    last: Interval | None = None


@dataclass(frozen=True)
class PaperMark:
    """Where the paper's bar of this label would change colour, of which it prints no whole bar."""

    label: str
    at: float


def stacked_svg(
    bars: Sequence[Bar], answers: Sequence[str], title: str, notice: str | None, marks: Sequence[PaperMark] = ()
) -> str:
    """Stacked bars, each answer's share written in it. Whiskers are 95% intervals of the first and last answer."""
    colours = dict(zip(map(_words, answers), COLOURS, strict=False))
    y = alt.Y("bar:N", title=None, sort=[bar.label for bar in bars], axis=alt.Axis(labelLimit=320))
    x = alt.X("from:Q", title=AXIS, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    parts = [part for bar in bars for part in _parts(bar, colours)]
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color("answer:N", title="Answer", scale=scale, sort=list(colours))
    layers: list[Any] = [
        alt.Chart(_data(parts)).mark_bar(size=26).encode(y=y, x=x, x2="to:Q", color=colour),
        alt.Chart(_data([one for one in parts if one["to"] - one["from"] >= 0.06]))
        .mark_text(fontSize=11)
        .encode(y=y, x=alt.X("middle:Q"), text="text:N", color=alt.Color("ink:N", scale=None, legend=None)),
        *(
            alt.Chart(_data([one for bar in bars for one in _whiskers(bar) if one["end"] == end]))
            .mark_rule(color="black", strokeWidth=2, yOffset=offset)
            .encode(y=y, x="from:Q", x2="to:Q")
            for end, offset in BELOW.items()
        ),
    ]
    if marks:
        drawn = [{"bar": mark.label, "from": mark.at, "mark": f"{PAPER}: end of win, start of loss"} for mark in marks]
        legend = alt.Scale(range=[NOTICE_COLOUR])
        layers.append(
            alt.Chart(_data(drawn))
            .mark_tick(thickness=3, size=8, yOffset=ABOVE)
            .encode(
                y=y, x="from:Q", stroke=alt.Stroke("mark:N", title=None, scale=legend), color=alt.value(NOTICE_COLOUR)
            )
        )
    told = alt.TitleParams(title, subtitle=_subtitle(notice), subtitleColor=NOTICE_COLOUR, anchor="start")
    chart = (
        alt.layer(*layers).resolve_scale(color="independent").properties(width=520, height=44 * len(bars), title=told)
    )
    return svg_text(chart)


def _words(answer: str) -> str:
    return answer.replace("_", " ")


def _subtitle(notice: str | None) -> list[str]:
    return [notice] if notice else []


def _parts(bar: Bar, colours: Mapping[str, str]) -> list[dict[str, Any]]:
    parts, reached = [], 0.0
    for answer, share in bar.shares.items():
        ink = "black" if colours[_words(answer)] in LIGHT else "white"
        end = reached + share
        place = {"from": reached, "to": end, "middle": (reached + end) / 2}
        parts.append({"bar": bar.label, "answer": _words(answer), "text": f"{100 * share:.1f}%", "ink": ink, **place})
        reached = end
    return parts


def _whiskers(bar: Bar) -> list[dict[str, Any]]:
    found = []
    if bar.first is not None:
        found.append({"bar": bar.label, "end": "first", "from": bar.first.low, "to": bar.first.high})
    if bar.last is not None:  # the last answer's share ends at 1, so its interval lies at its beginning
        found.append({"bar": bar.label, "end": "last", "from": 1 - bar.last.high, "to": 1 - bar.last.low})
    return found


def _data(values: list[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=values)  # type: ignore[no-untyped-call]
