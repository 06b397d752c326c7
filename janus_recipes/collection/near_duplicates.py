"""Find instructions that say nearly the same, of which one is enough.

    near_duplicates({"i-1": "...", "i-2": "..."}, NearDuplicates(similarity=0.8, words=3))

Beyond the paper, and off by default. Two texts are near-duplicates when the Jaccard similarity of their sets of word
runs reaches `similarity`: runs in common by runs in either. Pairs are proposed by MinHash (datasketch) and banding
(Leskovec et al., Mining of Massive Datasets, chapter 3), then compared exactly: whatever is removed is as similar as
the recipe says, and a pair just at the limit is missed at most once in a thousand, a closer one more rarely.

Sketches are banded here and not in datasketch's MinHashLSH, whose sets of ids took three times the time and six times
the memory: most buckets hold one text alone, and numpy drops these at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from janus_recipes.collection.words import runs_of, words_of
from janus_recipes.recipe.collection import NearDuplicates

PERMUTATIONS = 128
SEED = 1  # of the hash functions; fixed, so that the same texts always propose the same pairs

MISSED = 0.001
"""Share of the pairs just at the limit that may be missed."""

SLACK = 0.2
"""How far a sketch's estimate may lie below the limit: more than four of its standard deviations."""

CACHED = 20_000
"""Texts whose runs are held: where thousands are filled into one template, each is compared with all before it."""

Runs = NDArray[np.int64]
"""A set of word runs, as sorted digests."""

Sketches = NDArray[np.uint32]
"""[texts, PERMUTATIONS]: the share of equal values in two rows estimates the similarity of their texts."""


def near_duplicates(texts: Mapping[str, str], spec: NearDuplicates) -> dict[str, str]:
    """Removed id -> the kept id that it nearly repeats. Of similar texts the first in `texts` is kept.

    A text is compared with kept ones only: where b is similar to a and c to b, but c not to a, only b goes.
    """
    ids = list(texts)
    sketches = sketched(texts.values(), spec.words)
    runs = lru_cache(CACHED)(lambda number: digests(texts[ids[number]], spec.words))
    kept: dict[int, list[int]] = defaultdict(list)  # by bucket
    removed: dict[str, str] = {}
    for number, buckets in shared_buckets(sketches, rows_per_band(spec.similarity)).items():
        others = sorted({other for bucket in buckets for other in kept[bucket]})
        close = likely(sketches, number, others, spec.similarity)
        alike = jaccard(runs(number), [runs(other) for other in close]) >= spec.similarity
        if alike.any():
            removed[ids[number]] = ids[close[alike.argmax()]]
            continue
        for bucket in buckets:
            kept[bucket].append(number)
    return removed


def digests(text: str, words: int) -> Runs:
    """The set of a text's word runs, as Python's own 64-bit digests, sorted. They hold for this process alone."""
    return np.unique(np.fromiter(map(hash, runs_of(words_of(text), words)), np.int64))


def jaccard(one: Runs, others: Sequence[Runs]) -> NDArray[np.float64]:
    """The similarity of one set to each of others, 0 to 1: what both have by what either has."""
    sizes = np.array([len(other) for other in others], dtype=np.int64)
    every = np.concatenate([*others, one])
    found = one[np.minimum(np.searchsorted(one, every), len(one) - 1)] == every
    shared = np.add.reduceat(found, np.cumsum([0, *sizes]), dtype=np.int64)[:-1]
    return np.asarray(shared / (sizes + len(one) - shared))


def sketched(texts: Collection[str], words: int) -> Sketches:
    """The MinHash of each text's word runs. (crc32 is fast and everywhere the same; datasketch mixes its bits.)"""
    from datasketch import MinHash  # type: ignore[import-untyped]  # it takes half a second, and few recipes want it

    runs = ([run.encode("utf-8", "surrogatepass") for run in runs_of(words_of(text), words)] for text in texts)
    sketches = np.empty((len(texts), PERMUTATIONS), np.uint32)
    made = MinHash.generator(runs, num_perm=PERMUTATIONS, seed=SEED, hashfunc=crc32)
    for row, one in zip(sketches, made, strict=True):
        row[:] = one.hashvalues
    return sketches


def rows_per_band(similarity: float) -> int:
    """The longest bands in which pairs at this similarity still meet: longer ones propose fewer pairs in vain."""
    lengths = range(PERMUTATIONS, 1, -1)
    return next((rows for rows in lengths if (1 - similarity**rows) ** (PERMUTATIONS // rows) <= MISSED), 1)


def shared_buckets(sketches: Sketches, rows: int) -> dict[int, list[int]]:
    """The numbers of the texts that share a bucket with others, in order, each with its buckets.

    One bucket holds the texts that are equal in one band of `rows` values.
    """
    found: dict[int, list[int]] = defaultdict(list)
    begin = 0
    for first in range(0, PERMUTATIONS - rows + 1, rows):
        band = np.ascontiguousarray(sketches[:, first : first + rows])
        values = band.view(np.dtype((np.void, band.itemsize * rows))).ravel()
        _, bucket, size = np.unique(values, return_inverse=True, return_counts=True)
        for number in np.flatnonzero(size[bucket] > 1).tolist():
            found[number].append(begin + int(bucket[number]))
        begin += len(size)
    return dict(sorted(found.items()))


def likely(sketches: Sketches, number: int, others: list[int], similarity: float) -> list[int]:
    """Those of `others` whose sketch does not rule out that they are so similar."""
    estimates = (sketches[others] == sketches[number]).mean(axis=1)
    return [other for other, estimate in zip(others, estimates, strict=True) if estimate >= similarity - SLACK]
