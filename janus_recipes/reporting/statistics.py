"""Means and differences with 95% intervals, by bootstrap over instructions.

    mean_with_interval(scores, instruction_of, seed)
    paired_difference(scores_of_one_model, scores_of_another, instruction_of, seed)

The three instances of one instruction are not independent, so whole instructions are drawn, never instances: a
resample's mean is the sum of its instructions' scores over their number. The percentile interval is widened for few
instructions as Hesterberg does ("What Teachers Should Know About the Bootstrap", 2015, section 5.3): without it, a
simulated column of 12 instructions was covered 90% of the time, with it 94%; at 300 instructions it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit
from scipy.stats import bootstrap

RESAMPLES = 2000

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A 95% interval, in the unit of the scores."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


class Estimate(NamedTuple):
    """A mean over `n` instances. Both are None over no instance; the interval is None over a single instruction,
    which shows no spread. Where all instructions score the same, the interval is that one point."""

    value: float | None
    interval: Interval | None
    n: int


def mean_with_interval(scores: Mapping[str, float], instruction_of: Mapping[str, str], seed: int) -> Estimate:
    """The mean of `scores` (by instance id) over instances. The order of `scores` does not matter."""
    if not scores:
        return Estimate(None, None, 0)
    sums, counts = _sums_and_counts(scores, instruction_of)
    value = float(sums.sum() / counts.sum())
    return Estimate(value, _interval(sums, counts, seed) if len(sums) > 1 else None, len(scores))


def paired_difference(
    a: Mapping[str, float], b: Mapping[str, float], instruction_of: Mapping[str, str], seed: int
) -> Estimate:
    """The mean of a - b over the instances that both have: the same questions, so their difficulty cancels out."""
    return mean_with_interval({one: a[one] - b[one] for one in a.keys() & b.keys()}, instruction_of, seed)


def _sums_and_counts(scores: Mapping[str, float], instruction_of: Mapping[str, str]) -> tuple[Floats, Floats]:
    """Each instruction's sum of scores and number of instances, [instructions] each, in the order of their ids."""
    grouped: dict[str, list[float]] = {}
    for one in sorted(scores):
        grouped.setdefault(instruction_of[one], []).append(scores[one])
    groups = [grouped[key] for key in sorted(grouped)]
    return np.array([sum(group) for group in groups]), np.array([float(len(group)) for group in groups])


def _interval(sums: Floats, counts: Floats, seed: int) -> Interval:
    found = bootstrap(
        (sums, counts),
        lambda s, c, axis: s.sum(axis=axis) / c.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=_widened_level(len(sums)),
        n_resamples=RESAMPLES,
        batch=100,  # 2,000 resamples of 315 instructions at once would be 5 MB an array; of 50,000, 800 MB
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def _widened_level(n: int) -> float:
    """The level at which a percentile interval over `n` draws is about as wide as Student's t at 95%."""
    tail = ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.025))
    return float(1 - 2 * tail)
