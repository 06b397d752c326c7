"""Altair's charts as SVG, by vl-convert. The same chart gives the same bytes, and nothing is fetched.

A reader's own plain font may be wider than the one that the layout was measured with: the room around a picture keeps
labels at its edge from being cut.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import vl_convert

ROOM = {"left": 40, "right": 70, "top": 8, "bottom": 8}
"""Pixels around a picture."""


def svg_text(chart: alt.TopLevelMixin) -> str:
    """A finished chart's SVG."""
    drawn: dict[str, Any] = chart.to_dict()
    return str(vl_convert.vegalite_to_svg({**drawn, "padding": ROOM}, allowed_base_urls=[]))
