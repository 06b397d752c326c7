"""Pages and figures as a browser shows them: the rehearsal's own, in headless Chromium. Skipped where there is none."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.workshop import Workshop

pytestmark = pytest.mark.e2e

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WINDOWS = PHONE, LAPTOP = (390, 1280)
"""Widths of a phone and of a small laptop, in pixels."""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def found(rehearsal: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is cut or too wide in every figure and page, by its path."""
    results = rehearsal.folder / "results/rehearsal"
    figures = {str(svg.relative_to(results)): svg.read_text("utf-8") for svg in results.rglob("*.svg")}
    pages = {str(page.relative_to(results)): page.read_text("utf-8") for page in results.rglob("*.html")}
    return measured(figures, pages, tmp_path_factory.mktemp("browser"))


def measured(figures: dict[str, str], pages: dict[str, str], folder: Path) -> dict[str, list[str]]:
    """What `measure.js` finds: the labels that a figure's edge cuts off, and what of a page is wider than its place."""
    shown = [f'<div class="figure" id="{name}">{svg}</div>' for name, svg in figures.items()]
    shown += [
        f'<iframe id="{name} at {width}" width="{width}" frameborder="0" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in WINDOWS
    ]
    script = Path(__file__).with_name("measure.js").read_text("utf-8")
    whole = folder / "all.html"
    whole.write_text(
        f'<!doctype html><meta charset="utf-8"><pre id="found"></pre>{"".join(shown)}<script>{script}</script>',
        encoding="utf-8",
    )
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", "--dump-dom")
    done = subprocess.run(
        [str(CHROMIUM), *options, whole.as_uri()], stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    (report,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout)
    report_of: dict[str, list[str]] = json.loads(html.unescape(report))
    return report_of


@needs_chromium
def test_no_label_of_a_figure_is_cut_off_by_its_edge(found: dict[str, list[str]]) -> None:
    figures = {name: cut for name, cut in found.items() if name.endswith(".svg")}
    names = {name.rpartition("/")[2] for name in figures}
    assert {"figure4.svg", "figure5.svg", "figure8.svg", "figure9.svg", "best-of-8.svg", "gains.svg"} <= names
    assert {name: cut for name, cut in figures.items() if cut} == {}


@needs_chromium
@pytest.mark.parametrize("table", ["table2", "table8", "table10", "table11"])
def test_a_table_fits_a_laptop_and_its_page_a_phone(table: str, found: dict[str, list[str]]) -> None:
    assert found[f"tables/{table}.html at {LAPTOP}"] == []
    assert "the page" not in found[f"tables/{table}.html at {PHONE}"]


@needs_chromium
def test_a_cut_label_and_a_wide_page_would_be_told(tmp_path: Path) -> None:
    cut = '<svg width="100" height="50"><text x="90" y="20">a long label</text><text x="5" y="20">in</text></svg>'
    wide = '<body style="margin:0"><div style="width:1000px;height:10px"></div></body>'
    report = measured({"cut.svg": cut}, {"wide.html": wide}, tmp_path)
    assert report == {"cut.svg": ["a long label"], "wide.html at 390": ["the page"], "wide.html at 1280": []}
