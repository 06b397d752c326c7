"""Pictures have room for a reader's wider font, and are the same bytes each time."""

from __future__ import annotations

import re

import altair as alt

from janus_recipes.pictures import ROOM, svg_text


def bar(title: str) -> alt.Chart:
    data = alt.Data(values=[{"model": "a model with a long name", "score": 3.0}])  # type: ignore[no-untyped-call]
    axis = alt.Axis(labels=False, ticks=False, title=None)
    return alt.Chart(data, title=title, width=100, height=20).mark_bar().encode(x=alt.X("score:Q", axis=axis))


def test_a_picture_keeps_the_room_around_it_that_a_wider_font_needs() -> None:
    found = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg_text(bar("t")))
    assert found
    # The plot is 100 pixels wide and has no labels beside it.
    assert float(found[1]) >= 100 + ROOM["left"] + ROOM["right"]


def test_the_same_chart_gives_the_same_bytes_and_names_no_address() -> None:
    assert svg_text(bar("t")) == svg_text(bar("t")) != svg_text(bar("u"))
    assert set(re.findall(r'(?:href|src)="([^"]*)"', svg_text(bar("t")))) <= {""}
