"""Figure 5: how alike the Collection's system messages and the bench's are: ROUGE-L F1 of all pairs.

janus analysis figure5 bench/multifaceted/bench.jsonl --system-messages m.jsonl --out figure5.csv
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from janus_recipes.analysis.charts import figure5_svg
from janus_recipes.analysis.finding import Finding, Read, cell, count, figure
from janus_recipes.analysis.published import RougeL
from janus_recipes.analysis.rouge import BINS, CrossRougeL, cross_rouge_l
from janus_recipes.records import Asked

TITLE = "Figure 5: ROUGE-L between the system messages of the Collection and of the bench"

COLUMNS = (
    *("bench", "measure", "from", "to", "value", "published", "difference"),
    *("n_expected", "n_used", "n_left_out"),
)


@dataclass(frozen=True)
class BenchMessages:
    """A bench's system messages, and how many instances the recipe asks for."""

    texts: Sequence[str]
    n_expected: int


@dataclass(frozen=True)
class Compared:
    """A bench's messages with all of the Collection's."""

    bench: BenchMessages
    collection: Read
    scores: CrossRougeL

    @property
    def n_expected(self) -> int:
        """Pairs of all rows asked for."""
        return self.bench.n_expected * self.collection.n_expected

    @property
    def mean_of_highest(self) -> float | None:
        """The mean, over the bench's messages, of the ROUGE-L with the nearest of the Collection's."""
        highest = self.scores.highest
        return fsum(highest) / len(highest) if highest else None


def compare_messages(
    system_messages: Callable[[], Iterable[Asked[str]]],
    benches: Mapping[str, BenchMessages],
    published: RougeL,
    notice: str | None,
    workers: int = 1,
) -> Finding:
    """Compare each bench with the Collection, whose messages are read anew for each, one block at a time."""
    compared = {name: _compared(system_messages(), bench, workers) for name, bench in benches.items()}
    notes = [_told(name, one) for name, one in compared.items()]
    return Finding(
        title=TITLE,
        columns=COLUMNS,
        rows=[row for name, one in compared.items() for row in _rows(name, one, published, notice)],
        head=["Bench", "Mean", "Mean of each message's highest", "Highest", "Pairs", "Paper's mean"],
        lines=[_line(name, one, published) for name, one in compared.items()],
        text_columns=frozenset({0}),
        notes=[*notes, "A message's highest is its ROUGE-L with the nearest message of the Collection."],
        notice=notice,
        svg=figure5_svg({name: one.scores for name, one in compared.items()}, published, TITLE, notice),
    )


def _compared(system_messages: Iterable[Asked[str]], bench: BenchMessages, workers: int) -> Compared:
    read = Read()
    scores = cross_rouge_l(bench.texts, (text for _, text in read.ok(system_messages)), workers)
    return Compared(bench, read, scores)


def _rows(name: str, one: Compared, published: RougeL, notice: str | None) -> Iterator[list[str]]:
    pairs, mean = one.scores.pairs, one.scores.mean
    n = [one.n_expected, pairs, one.n_expected - pairs]
    difference = mean - published.average if mean is not None and notice is None else None
    highest = max(one.scores.highest, default=None)
    for measure, value, *paper in (
        ("mean", mean, published.average, difference),
        ("mean_of_highest", one.mean_of_highest, None, None),
        ("highest", highest, None, None),
    ):
        yield [name, measure, "", "", *map(cell, (value, *paper, *n))]
    for place, number in enumerate(one.scores.histogram):
        share = number / pairs if pairs else None
        yield [name, "share_of_pairs", *map(cell, (place / BINS, (place + 1) / BINS, share, None, None, *n))]


def _line(name: str, one: Compared, published: RougeL) -> list[str]:
    highest = max(one.scores.highest, default=None)
    numbers = map(figure, (one.scores.mean, one.mean_of_highest, highest))
    return [name, *numbers, count(one.scores.pairs), figure(published.average)]


def _told(name: str, one: Compared) -> str:
    messages = f"{len(one.bench.texts):,} of {one.bench.n_expected:,} instances"
    return f"{name}: {messages}, with {one.collection.told('system messages of the Collection')}."
