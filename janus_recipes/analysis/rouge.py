"""ROUGE-L F1 as the rouge-score package computes it, at the speed that all pairs of two data sets need.

    rouge_l("a b c d", "a c b d")                       # 0.75
    cross_rouge_l(bench_messages, collection_messages)  # mean, histogram, and the nearest of each bench message

The package's own tokenizer, without its stemmer, makes the words. Each distinct word then becomes a character, so that
rapidfuzz finds the longest common subsequence of two texts 64 words at a time. With L words in it, F1 is the harmonic
mean of L / n and L / m: 2 L / (n + m). A text without words has F1 0 with every text, as in the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist
from rouge_score.tokenize import tokenize  # type: ignore[import-untyped]

BINS = 50
"""Parts of a histogram, each 0.02 wide. The last one has 1 in it."""

PAIRS_AT_ONCE = 2_000_000
"""What is held in memory at a time: about 25 bytes a pair."""

Numbers = npt.NDArray[np.int32]

Words = Sequence[str]
"""The words of one text, in order."""


@dataclass(frozen=True)
class CrossRougeL:
    """ROUGE-L F1 of every text on the left with every text on the right.

    `histogram` counts pairs by `BINS` equal parts of 0 to 1. For each left text, in order: `highest` is its highest F1
    with any right text, and `nearest` the place of the first such text; 0 and None where nothing has a word in common.
    """

    pairs: int
    mean: float | None
    histogram: tuple[int, ...]
    highest: tuple[float, ...]
    nearest: tuple[int | None, ...]


def words_of(text: str) -> list[str]:
    """The words that ROUGE compares: runs of a-z and 0-9 of the text in lower case."""
    return list(tokenize(text, None))


def rouge_l(first: str, second: str) -> float:
    """ROUGE-L F1 of two texts, from 0 to 1. It does not matter which comes first."""
    return pairwise_rouge_l([first, second])[0]


def pairwise_rouge_l(texts: Sequence[str]) -> list[float]:
    """ROUGE-L F1 of every two of a few texts, in the order of `itertools.combinations`."""
    return [
        2 * LCSseq.similarity(one, other) / max(1, len(one) + len(other))
        for one, other in combinations(encoded(texts), 2)
    ]


def encoded(texts: Iterable[str]) -> list[str]:
    """Each text with a character for each of its words: the same word is the same character in all of them."""
    characters: dict[str, str] = {}
    return ["".join([characters.setdefault(word, chr(len(characters))) for word in words_of(text)]) for text in texts]


def cross_rouge_l(left: Sequence[str], right: Iterable[str], workers: int = 1) -> CrossRougeL:
    """Compare all of `left` with all of `right`, `workers` threads at a time.

    `left` is the smaller side and held in memory; of `right` only a block is, so it may be a stream of any length.
    """
    return cross_rouge_l_of_words([words_of(text) for text in left], map(words_of, right), workers)


def cross_rouge_l_of_words(left: Sequence[Words], right: Iterable[Words], workers: int = 1) -> CrossRougeL:
    """As `cross_rouge_l`, of texts that somebody else has cut into words: ROUGE's own know the letters a to z alone."""
    side = _LeftSide(left)
    totals = _Totals(len(left))
    for words in _blocks(right, max(1, PAIRS_AT_ONCE // max(1, len(left)))):
        lengths = np.array([len(one) for one in words], dtype=np.int32)
        codes = [side.encode(one) for one in words]
        common = cdist(side.codes, codes, scorer=LCSseq.similarity, dtype=np.int32, workers=workers)
        totals.add(common, side.lengths, lengths)
    return totals.result()


class _LeftSide:
    """The texts that every other is compared with: their words as characters, the most frequent ones first.

    rapidfuzz looks the first 256 characters up fastest. Words of the right that the left does not have cannot match:
    they are left out of its strings and count in its length alone.
    """

    def __init__(self, words: Sequence[Words]) -> None:
        ranked = Counter(chain.from_iterable(words)).most_common()
        self._characters = {word: chr(rank) for rank, (word, _) in enumerate(ranked)}
        self.codes = [self.encode(one) for one in words]
        self.lengths: Numbers = np.array([len(one) for one in words], dtype=np.int32)

    def encode(self, words: Iterable[str]) -> str:
        get = self._characters.get
        return "".join([get(word, "") for word in words])


class _Totals:
    """What is known of the pairs seen so far."""

    def __init__(self, left: int) -> None:
        self._pairs = self._rights = 0
        self._sum = 0.0
        self._histogram = np.zeros(BINS, dtype=np.int64)
        self._highest = np.zeros(left)
        self._nearest = np.full(left, -1, dtype=np.int64)

    def add(self, common: Numbers, left: Numbers, right: Numbers) -> None:
        """Add a block: `common` has the length of the longest common subsequence of each left (row) and right text."""
        if not common.size:
            return
        twice = 2 * common
        words = np.maximum(left[:, None] + right[None, :], 1)  # two texts without words: 0 / 1
        scores = twice / words
        self._pairs += scores.size
        self._sum += float(scores.sum())
        parts = np.minimum(twice * BINS // words, BINS - 1)  # whole numbers: no score falls on the wrong side of a bin
        self._histogram += np.bincount(parts.ravel(), minlength=BINS)
        self._keep_nearest(scores)
        self._rights += right.size

    def _keep_nearest(self, scores: npt.NDArray[np.float64]) -> None:
        places = scores.argmax(axis=1)
        highest = scores[np.arange(len(places)), places]
        better = highest > self._highest
        self._highest[better] = highest[better]
        self._nearest[better] = self._rights + places[better]

    def result(self) -> CrossRougeL:
        return CrossRougeL(
            pairs=self._pairs,
            mean=self._sum / self._pairs if self._pairs else None,
            histogram=tuple(self._histogram.tolist()),
            highest=tuple(self._highest.tolist()),
            nearest=tuple(None if place < 0 else place for place in self._nearest.tolist()),
        )


def _blocks(texts: Iterable[Words], size: int) -> Iterator[list[Words]]:
    rest = iter(texts)
    while block := list(islice(rest, size)):
        yield block
