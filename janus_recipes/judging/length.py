"""How scores go with the length of answers, among answers to the same instance.

    slope(words, scores, there, instruction, draws, own_level=False)

Words and scores are taken less their means over the instance's answers: what an instance is worth is then gone. With
`own_level` a level of each model is estimated beside the slope. Intervals draw whole instructions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from janus_recipes.reporting.statistics import Estimate, percentile_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BINS = 10
FEWEST = 3
"""Answers to an instance whose ranks are worth correlating."""


class LengthBin(NamedTuple):
    """Answers of like length: their mean words and mean points, less those of the other answers to their instances."""

    words: float
    points: float
    n: int


def rank_correlations(words: Floats, scores: Floats, there: Bools) -> Floats:
    """Spearman's correlation of each instance's answers, [instances]; all arrays are [entries, instances].

    NaN where fewer than three answers are there, or all are as long, or as good.
    """
    found = np.full(words.shape[1], np.nan)
    for i in range(words.shape[1]):
        used = there[:, i]
        ranks = [rankdata(values[used, i]) for values in (words, scores)]
        if used.sum() >= FEWEST and all(np.ptp(one) > 0 for one in ranks):
            found[i] = np.corrcoef(*ranks)[0, 1]
    return found


def slope(
    words: Floats, scores: Floats, there: Bools, instruction: Ints, draws: Floats, *, own_level: bool
) -> Estimate:
    """Points for 100 words more, over the answers to instances that have two or more. None where lengths do not differ.

    `words`, `scores` and `there` are [entries, instances], `instruction` [instances], `draws` [resamples,
    instructions].
    """
    used = there & (there.sum(axis=0) >= 2)
    levels = np.eye(len(words))[:, :, None] * used[:, None, :]  # [entries, levels, instances]
    columns = np.concatenate([words[:, None] / 100, levels[:, 1:] if own_level else levels[:, :0]], axis=1)
    x = _less_the_mean(columns, used[:, None, :])
    y = _less_the_mean(scores, used)
    squares, products = np.einsum("eki,eli->ikl", x, x), np.einsum("eki,ei->ik", x, y)
    parts = np.concatenate([squares.reshape(len(squares), -1), products], axis=1)
    sums = np.zeros((draws.shape[1], parts.shape[1]))
    np.add.at(sums, instruction, parts)
    value = float(_solved(sums.sum(axis=0)[None], columns.shape[1])[0])
    n = int(used.sum())
    if np.isnan(value):
        return Estimate(None, None, n)
    resampled = _solved(draws @ sums, columns.shape[1])
    return Estimate(value, percentile_interval(resampled, len(np.unique(instruction[used.any(axis=0)]))), n)


def _less_the_mean(values: Floats, used: Bools) -> Floats:
    """Values less their mean over the instance's used entries (first axis), 0 where unused."""
    n = np.maximum(used.sum(axis=0), 1)
    return np.asarray((values - (values * used).sum(axis=0) / n) * used)


def _solved(sums: Floats, k: int) -> Floats:
    """The first coefficient of each regression, [regressions], from its squares and products; NaN where words do not
    vary beside the levels."""
    squares, products = sums[:, : k * k].reshape(-1, k, k), sums[:, k * k :]
    inverse = np.linalg.pinv(squares, rcond=1e-9, hermitian=True)
    found = np.einsum("rl,rl->r", inverse[:, 0], products)
    alone = np.einsum("rl,rl->r", inverse[:, 0], squares[:, 0])  # 1 where words are told apart from the levels
    return np.where(np.abs(alone - 1) < 1e-6, found, np.nan)


def length_bins(words: Floats, scores: Floats, there: Bools) -> list[LengthBin]:
    """Tenths of the answers by how much longer they are than their instance's other answers, shortest first."""
    used = there & (there.sum(axis=0) >= 2)
    longer, better = _less_the_mean(words, used)[used], _less_the_mean(scores, used)[used]
    order = np.argsort(longer, kind="stable")
    return [
        LengthBin(float(longer[part].mean()), float(better[part].mean()), len(part))
        for part in np.array_split(order, min(BINS, len(order)) or 1)
        if len(part)
    ]
