"""What an analysis found, and its files: CSV for scripts, Markdown for people, SVG where it is a figure.

    results/janus/analysis/figure4.csv, figure4.md, figure4.svg

Every figure stands beside the paper's and says how many rows it was made from. A rehearsal says so in each row of
its CSV, in its Markdown and in the title of its picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from janus_recipes.files import written_whole
from janus_recipes.records import Asked, Status
from janus_recipes.reporting.text import csv_text, markdown_table, plain

T = TypeVar("T")

NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Finding:
    """An analysis, made. `rows` are the CSV's, under `columns`; `lines` are the Markdown table's, under `head`.

    `text_columns` are the places in `head` of words; the others are numbers. `notes` stand under the table, under
    these `sections` of Markdown.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    text_columns: frozenset[int]
    notes: Sequence[str]
    notice: str | None = None
    svg: str | None = None
    sections: Sequence[str] = ()


@dataclass
class Read:
    """Counts rows while they are read: how many there are, and how many could not be used, by status (contract 2)."""

    n_expected: int = 0
    left_out: Counter[Status] = field(default_factory=Counter)

    def ok(self, rows: Iterable[Asked[T]]) -> Iterator[tuple[str, T]]:
        """The id and value of each ok row; the others are counted."""
        for row in rows:
            self.n_expected += 1
            if row.value is None:
                self.left_out[row.status] += 1
            else:
                yield row.id, row.value

    @property
    def n_used(self) -> int:
        return self.n_expected - self.left_out.total()

    def told(self, what: str) -> str:
        """`196,956 of 196,959 system messages; left out: 2 refused, 1 unparsed`"""
        listed = ", ".join(f"{count:,} {status}" for status, count in sorted(self.left_out.items()))
        return f"{self.n_used:,} of {self.n_expected:,} {what}" + (f"; left out: {listed}" if listed else "")


def files_beside(csv: Path, *, svg: bool) -> list[Path]:
    """The further files that `write_finding` writes beside the CSV."""
    return [csv.with_suffix(suffix) for suffix in ([".md", ".svg"] if svg else [".md"])]


def write_finding(finding: Finding, csv: Path) -> None:
    """Write the files, each whole or not at all; the CSV comes last."""
    texts = {csv.with_suffix(".md"): markdown_of(finding)}
    if finding.svg is not None:
        texts[csv.with_suffix(".svg")] = finding.svg
    texts[csv] = csv_of(finding)
    for path, text in texts.items():
        with written_whole(path) as out:
            out.write(text)


def csv_of(finding: Finding) -> str:
    """The rows, each with a last cell that says whether they are a rehearsal's: rows are copied without their page."""
    said = "yes" if finding.notice else "no"
    return csv_text([*finding.columns, "rehearsal"], ([*row, said] for row in finding.rows))


def markdown_of(finding: Finding) -> str:
    """The page: title, a rehearsal's notice, table, notes."""
    parts = [f"# {plain(finding.title)}"]
    if finding.notice:
        parts.append(f"> **{plain(finding.notice)}**")
    parts.append(markdown_table(finding.head, finding.lines, finding.text_columns))
    parts += [plain(note) for note in finding.notes]
    parts += finding.sections
    return "\n\n".join(parts) + "\n"


def count(value: int | None) -> str:
    """A number of things for people: `65,653`."""
    return NONE if value is None else f"{value:,}"


def signed_count(value: int | None) -> str:
    """A difference of counts for people, with its sign and a true minus."""
    return NONE if value is None else f"{value:+,}".replace("-", "\N{MINUS SIGN}")


def figure(value: float | None) -> str:
    """A ROUGE-L for people, with three digits."""
    return NONE if value is None else f"{value:.3f}"


def cell(value: float | None) -> str:
    """A number in a CSV: to six digits, so that the order of a sum does not show; empty where there is none."""
    return "" if value is None else str(round(value, 6))
