"""Figure 4: how alike the preferences are that one instruction got, by dimension.

    janus analysis figure4 --preferences p.jsonl --out figure4.csv

Each instruction has several preference sets and each set one description of every dimension: compared by ROUGE-L F1 are
every two descriptions of the same instruction and dimension. Low scores mean that the sets differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, fsum

from janus_recipes.analysis.charts import figure4_svg
from janus_recipes.analysis.finding import Finding, Read, cell, count, figure
from janus_recipes.analysis.published import RougeL
from janus_recipes.analysis.rouge import pairwise_rouge_l
from janus_recipes.datasets.usable import instruction_of
from janus_recipes.records import DIMENSIONS, Asked, Preference

ALL = "All"
TITLE = "Figure 4: ROUGE-L between the preference descriptions of an instruction"

COLUMNS = (
    *("dimension", "mean", "mean_of_highest", "highest", "n_expected", "n_used", "n_left_out"),
    *("published_mean", "published_max", "difference"),
)


@dataclass
class Scores:
    """ROUGE-L of pairs, and the highest of each instruction (and dimension)."""

    pairs: list[float] = field(default_factory=list)
    highest: list[float] = field(default_factory=list)

    def add(self, pairs: Sequence[float]) -> None:
        """The pairs of one instruction in one dimension; none where it has fewer than two descriptions."""
        if pairs:
            self.pairs += pairs
            self.highest.append(max(pairs))

    def __add__(self, other: Scores) -> Scores:
        return Scores(self.pairs + other.pairs, self.highest + other.highest)

    @property
    def mean(self) -> float | None:
        return _mean(self.pairs)

    @property
    def mean_of_highest(self) -> float | None:
        return _mean(self.highest)


def compare_descriptions(
    preference_sets: Iterable[Asked[tuple[Preference, ...]]],
    sets_per_instruction: int,
    published: RougeL,
    notice: str | None,
) -> Finding:
    """Compare the descriptions of each instruction's sets. n counts pairs: all that the rows asked for could give."""
    read = Read()
    scores, instructions = _scores(preference_sets, read)
    expected = instructions * comb(sets_per_instruction, 2)
    whole = sum(scores.values(), Scores())
    rows = [_row(name, one, expected) for name, one in scores.items()]
    rows.append(_row(ALL, whole, expected * len(DIMENSIONS), published, notice))
    lines = [_line(name, one) for name, one in scores.items()]
    lines.append(_line(ALL, whole, published))
    used = len(whole.pairs)
    return Finding(
        title=TITLE,
        columns=COLUMNS,
        rows=rows,
        head=["Dimension", "Mean", "Mean of the highest", "Highest", "Pairs", "Paper's average", "Paper's maximum"],
        lines=lines,
        text_columns=frozenset({0}),
        notes=[
            f"{used:,} of {expected * len(DIMENSIONS):,} pairs, from {read.told('preference sets')}.",
            _what_the_paper_means(scores, whole, published),
        ],
        notice=notice,
        svg=figure4_svg(
            {name: (one.mean, one.mean_of_highest) for name, one in scores.items()}, published, TITLE, notice
        ),
    )


def _scores(sets: Iterable[Asked[tuple[Preference, ...]]], read: Read) -> tuple[dict[str, Scores], int]:
    """The scores by dimension, and how many instructions were asked about."""
    asked: set[str] = set()
    descriptions: dict[str, list[dict[str, str]]] = {}
    for item, preferences in read.ok(_noting(sets, asked)):
        descriptions.setdefault(instruction_of(item), []).append(
            {one.dimension: one.description for one in preferences}
        )
    scores = {dimension: Scores() for dimension in DIMENSIONS}
    for listed in descriptions.values():
        for dimension, one in scores.items():
            one.add(pairwise_rouge_l([each[dimension] for each in listed if dimension in each]))
    return scores, len(asked)


def _noting(sets: Iterable[Asked[tuple[Preference, ...]]], asked: set[str]) -> Iterator[Asked[tuple[Preference, ...]]]:
    for row in sets:
        asked.add(instruction_of(row.id))
        yield row


def _row(
    name: str, scores: Scores, expected: int, published: RougeL | None = None, notice: str | None = None
) -> list[str]:
    paper = (published.average, published.max) if published else (None, None)
    difference = scores.mean - paper[0] if scores.mean is not None and paper[0] is not None and not notice else None
    used = len(scores.pairs)
    numbers = (scores.mean, scores.mean_of_highest, max(scores.pairs, default=None), expected, used, expected - used)
    return [name, *map(cell, (*numbers, *paper, difference))]


def _line(name: str, scores: Scores, published: RougeL | None = None) -> list[str]:
    numbers = map(figure, (scores.mean, scores.mean_of_highest, max(scores.pairs, default=None)))
    paper = map(figure, (published.average, published.max)) if published else ["", ""]
    return [name, *numbers, count(len(scores.pairs)), *paper]


def _what_the_paper_means(scores: Mapping[str, Scores], whole: Scores, published: RougeL) -> str:
    means = [one.mean for one in scores.values() if one.mean is not None]
    return (
        f"The paper states an average of {published.average} over all dimensions and a maximum of {published.max}, "
        "and does not say of what. It may be the highest mean of a dimension (ours: "
        f"{figure(max(means, default=None))}) or the mean, over instructions and dimensions, of the highest of their "
        f"pairs (ours: {figure(whole.mean_of_highest)}); of all single pairs the highest is "
        f"{figure(max(whole.pairs, default=None))} here."
    )


def _mean(values: Sequence[float]) -> float | None:
    """Exactly rounded, so that the order of the rows does not show."""
    return fsum(values) / len(values) if values else None
