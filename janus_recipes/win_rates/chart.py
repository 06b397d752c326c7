"""Draw win rates: of each pair the shares of wins, ties and losses, and the win rate with its 95% interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt

from janus_recipes.pictures import svg_text
from janus_recipes.win_rates.build import BuiltWinRates, WinRateLine
from janus_recipes.win_rates.outcomes import Outcome

WHAT: dict[Outcome, str] = {"win": "wins", "tie": "ties", "loss": "losses"}
COLOURS = ["#4c78a8", "#d9d9d9", "#f2a766"]
ROW_HEIGHT = 52


def win_rates_svg(built: BuiltWinRates) -> str:
    """The picture, the same bytes for the same figures. A rehearsal says so under the title."""
    pairs = [_label(one) for one in built.averages]
    y = alt.Y("pair:N", title=None, sort=pairs, axis=alt.Axis(labelLimit=360))
    x = alt.X("share:Q", title="Share of comparisons", stack=None, axis=alt.Axis(format="%"))
    scale = alt.Scale(domain=list(WHAT.values()), range=COLOURS)
    colour = alt.Color("what:N", title=None, scale=scale, legend=alt.Legend(orient="bottom"))
    bars = (
        alt.Chart(_data(_shares(built)))
        .mark_bar(height=24)
        .encode(y=y, x=x.scale(domain=[0, 1]), x2="until:Q", color=colour)
    )
    rates = _data(_rates(built))
    spread = alt.Chart(rates).mark_rule(strokeWidth=2).encode(y=y, x="low:Q", x2="high:Q")
    points = alt.Chart(rates).mark_point(filled=True, color="black", size=60).encode(y=y, x="rate:Q")
    texts = alt.Chart(rates).mark_text(dy=-20, align="right").encode(y=y, x=alt.datum(1.0), text="told:N")
    even = alt.Chart(_data(iter([{"even": 0.5}]))).mark_rule(strokeDash=[4, 4], color="#555").encode(x="even:Q")
    chart = alt.layer(bars, even, spread, points, texts)
    told = alt.TitleParams(built.title, subtitle=_subtitle(built), anchor="start")
    sized = chart.properties(width=520, height=ROW_HEIGHT * max(1, len(pairs)), title=told)
    return svg_text(sized)


def _subtitle(built: BuiltWinRates) -> list[str]:
    judges = ", ".join(sorted({one.judge for one in built.averages}))
    told = "Point: win rate of the model named first, ties counted half, with its 95% interval by bootstrap over"
    return [
        *([built.notice] if built.notice else []),
        told,
        f"instructions; dashed: even. Compared in both orders by {judges}.",
    ]


def _shares(built: BuiltWinRates) -> Iterator[dict[str, Any]]:
    """The parts of each bar, from its left end: wins, ties, losses."""
    for one in built.averages:
        total, done = sum(one.outcomes.values()), 0
        for outcome, what in WHAT.items():
            number = one.outcomes.get(outcome, 0)
            if number:
                yield {
                    "pair": _label(one),
                    "what": what,
                    "share": done / total,
                    "until": (done + number) / total,
                }
            done += number


def _rates(built: BuiltWinRates) -> Iterator[dict[str, Any]]:
    for one in built.averages:
        rate = one.win_rate.value
        if rate is None:
            continue
        low, high = one.win_rate.interval or (rate, rate)
        told = f"{100 * rate:.1f}% ({one.counts.n_used} of {one.counts.n_expected} instances)"
        yield {"pair": _label(one), "rate": rate, "low": low, "high": high, "told": told}


def _label(one: WinRateLine) -> str:
    return f"{one.model} against {one.against}"


def _data(values: Iterator[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=list(values))  # type: ignore[no-untyped-call]
