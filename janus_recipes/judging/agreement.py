"""How far two sets of verdicts on the same items agree, and within which 95% intervals.

    verdict_agreement(a, b, instruction, pairs_of_runs(3, 3), draws)

All figures compare one run with one run, averaged over the pairs of runs: so a judge's agreement with another judge is
on the scale of its agreement with itself, which no other judge can be asked to exceed by much. Whole instructions are
drawn, because verdicts on one are not independent. Each figure of a resample follows from a table of counts, scores of
one by scores of the other, and tables of instructions add up; so 2,000 resamples are one matrix product.

Figures: Spearman's rank correlation with ties at their mean rank; kappa with weights (i - j)^2 (Cohen, 1968); the share
of equal scores; the mean of b - a, which says how much milder b is and is no difference between models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from janus_recipes.reporting.statistics import Estimate, percentile_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
RunPairs = Sequence[tuple[int, int]]

BLOCK = 250
"""Resamples at a time: tables of 49 scores by 49 would else be 40 MB an array."""


class PairShares(NamedTuple):
    """Of pairs of answers, or of models: the share that two judges put in opposite orders, and that at least one of
    them does not tell apart. The rest is in the same order."""

    opposite: Estimate
    tied: Estimate


def pairs_of_runs(first: int, second: int) -> RunPairs:
    """The runs of one judge with those of another."""
    return [(i, j) for i in range(first) for j in range(second)]


def pairs_within(runs: int) -> RunPairs:
    """The runs of one judge with each other, both ways round."""
    return [(i, j) for i in range(runs) for j in range(runs) if i != j]


def agreement(
    a: Ints, b: Ints, cluster: Ints, runs: RunPairs, draws: Floats, figures: Sequence[str] = ()
) -> dict[str, Estimate]:
    """The figures (those named, else all) of items, [items, runs] each, that lie in instructions `cluster`, [items].

    `draws` is [resamples, instructions]. A figure is None where a judge gives one score to all.
    """
    values = [np.unique(np.concatenate([a.ravel(), b.ravel()]))] * 2
    tables = _tables(a, b, cluster, runs, values, draws.shape[1])
    n_clusters = len(np.unique(cluster))
    return {
        name: _estimate(lambda t, name=name: FIGURES[name](t, *values), tables, draws, len(a), n_clusters)  # type: ignore[misc]
        for name in figures or FIGURES
    }


def _tables(a: Ints, b: Ints, cluster: Ints, runs: RunPairs, values: list[Ints], n_clusters: int) -> Floats:
    """The mean table over the pairs of runs, [instructions, scores of a, scores of b]."""
    found = np.zeros((n_clusters, len(values[0]), len(values[1])))
    of_a, of_b = np.searchsorted(values[0], a), np.searchsorted(values[1], b)
    for i, j in runs:
        np.add.at(found, (cluster, of_a[:, i], of_b[:, j]), 1 / len(runs))
    return found


def _estimate(figure: Callable[[Floats], Floats], parts: Floats, draws: Floats, n: int, n_clusters: int) -> Estimate:
    """A figure of the sum of instructions' parts, with its interval."""
    if not n:
        return Estimate(None, None, 0)
    value = float(figure(parts.sum(axis=0)[None])[0])
    flat, blocks = parts.reshape(len(parts), -1), np.array_split(draws, max(1, len(draws) // BLOCK))
    resampled = np.concatenate([figure((block @ flat).reshape(-1, *parts.shape[1:])) for block in blocks])
    if np.isnan(value):
        return Estimate(None, None, n)
    return Estimate(value, percentile_interval(resampled, n_clusters), n)


def spearman(tables: Floats, a: Ints, b: Ints) -> Floats:
    """Rank correlation of tables, [..., scores of a, scores of b]; NaN where one of them is constant."""
    of_a, of_b = _centred_ranks(tables.sum(axis=-1)), _centred_ranks(tables.sum(axis=-2))
    together = (tables * of_a[..., :, None] * of_b[..., None, :]).sum(axis=(-2, -1))
    squares = (tables.sum(axis=-1) * of_a**2).sum(axis=-1) * (tables.sum(axis=-2) * of_b**2).sum(axis=-1)
    return _divided(together, np.sqrt(squares))


def _centred_ranks(counts: Floats) -> Floats:
    """The mean rank of each score, [..., scores], less the mean of all ranks."""
    ranks: Floats = np.cumsum(counts, axis=-1) - counts / 2 - counts.sum(axis=-1, keepdims=True) / 2
    return ranks


def weighted_kappa(tables: Floats, a: Ints, b: Ints) -> Floats:
    """1 - observed / expected disagreement, with weights (i - j)^2; NaN where both are the same constant."""
    weights = (a[:, None] - b[None, :]).astype(np.float64) ** 2
    expected = tables.sum(axis=-1)[..., :, None] * tables.sum(axis=-2)[..., None, :]
    observed = (weights * tables).sum(axis=(-2, -1)) * tables.sum(axis=(-2, -1))
    return 1 - _divided(observed, (weights * expected).sum(axis=(-2, -1)))


def exact_agreement(tables: Floats, a: Ints, b: Ints) -> Floats:
    """The share of equal scores."""
    same = a[:, None] == b[None, :]
    return _divided((same * tables).sum(axis=(-2, -1)), tables.sum(axis=(-2, -1)))


def mean_shift(tables: Floats, a: Ints, b: Ints) -> Floats:
    """The mean of b - a, in points."""
    return _divided(((b[None, :] - a[:, None]) * tables).sum(axis=(-2, -1)), tables.sum(axis=(-2, -1)))


FIGURES: Mapping[str, Callable[[Floats, Ints, Ints], Floats]] = {
    "spearman": spearman,
    "weighted_kappa": weighted_kappa,
    "exact_agreement": exact_agreement,
    "mean_shift": mean_shift,
}


def _divided(above: Floats, below: Floats) -> Floats:
    """A quotient; NaN where there is none."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 1e-12)


def answer_pairs(a: Ints, b: Ints, there: Bools, cluster: Ints, runs: RunPairs, draws: Floats) -> PairShares:
    """Of pairs of answers to one instance: those that two judges order oppositely, and those that one leaves tied.

    `a` and `b` are sums over rubrics, [entries, instances, runs], `there` says which answers both have whole.
    """
    parts = np.zeros((draws.shape[1], 3))  # opposite, tied, all: a line for each instruction
    n, seen = 0, np.zeros(len(cluster), dtype=np.bool_)
    for one, other in combinations(range(len(a)), 2):
        both = there[one] & there[other]
        n, seen = n + int(both.sum()), seen | both
        for i, j in runs:
            signs = np.sign(a[one, both, i] - a[other, both, i]) * np.sign(b[one, both, j] - b[other, both, j])
            told = np.stack([signs < 0, signs == 0, np.ones_like(signs)], axis=1) / len(runs)
            np.add.at(parts, cluster[both], told)
    n_clusters = len(np.unique(cluster[seen]))
    return PairShares(
        *(_estimate(lambda t, k=k: _divided(t[..., k], t[..., 2]), parts, draws, n, n_clusters) for k in (0, 1))  # type: ignore[misc]
    )


def model_pairs(a: Ints, b: Ints, there: Bools, cluster: Ints, runs: RunPairs, draws: Floats) -> PairShares:
    """Of pairs of models (under their conditions), compared by their means over the instances of both: as above."""
    pairs = list(combinations(range(len(a)), 2))
    of_a, of_b = (
        np.stack([_differences(x, there, cluster, pair, draws.shape[1]) for pair in pairs], axis=1)
        if pairs
        else np.zeros((draws.shape[1], 0, x.shape[2]), dtype=np.int64)
        for x in (a, b)
    )
    used = [(there[one] & there[other]).any() for one, other in pairs]
    parts = np.stack([np.stack([of_a[:, used, i], of_b[:, used, j]], axis=2) for i, j in runs], axis=1).astype(float)
    n_clusters = len(np.unique(cluster[there.any(axis=0)]))

    def share(wanted: Callable[[Floats], Bools]) -> Estimate:
        def figure(sums: Floats) -> Floats:  # [..., runs, pairs, judges]
            return np.asarray(wanted(np.sign(sums).prod(axis=-1)).mean(axis=(-2, -1)), dtype=np.float64)

        return _estimate(figure, parts, draws, sum(used), n_clusters)

    return PairShares(share(lambda signs: signs < 0), share(lambda signs: signs == 0))


def _differences(x: Ints, there: Bools, cluster: Ints, pair: tuple[int, int], n_clusters: int) -> Ints:
    """Each instruction's sum of one model's scores less another's, [instructions, runs]."""
    one, other = pair
    both = there[one] & there[other]
    found = np.zeros((n_clusters, x.shape[2]), dtype=np.int64)
    np.add.at(found, cluster[both], x[one, both] - x[other, both])
    return found
