"""Tables as text: CSV for scripts, Markdown for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence, Set
from itertools import chain
from pathlib import Path

from janus_recipes.files import written_whole

HOLE = "†"
"""Stands beside a figure that not every instance stands behind."""

NONE = "\N{EN DASH}"
"""Stands where there is no figure."""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV with `\\n` line ends, quoted where needed."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(chain([header], rows))
    return out.getvalue()


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Set[int]) -> str:
    """A table with its columns lined up; `left` are the columns of text, the others are numbers."""
    cells = [[plain(text).replace("|", "\\|") for text in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(head))]
    rule = [":" + "-" * (width - 1) if k in left else "-" * (width - 1) + ":" for k, width in enumerate(widths)]
    lined = [
        [t.ljust(w) if k in left else t.rjust(w) for k, (t, w) in enumerate(zip(row, widths, strict=True))]
        for row in cells
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in (lined[0], rule, *lined[1:]))


def plain(text: str) -> str:
    """Text that Markdown shows as it is: on one line, and never as HTML."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")


def write_texts(folder: Path, name: str, texts: Iterable[tuple[str, str]]) -> None:
    """Write a result's files, `<name>.<suffix>` and its text each, one after the other, each whole or not at all."""
    for suffix, text in texts:
        with written_whole(folder / f"{name}.{suffix}") as out:
            out.write(text)
