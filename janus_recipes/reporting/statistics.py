"""Means and differences with 95% intervals, by bootstrap over instructions; tests of differences, and their power.

    mean_with_interval(scores, instruction_of, seed)
    paired_difference(scores_of_one_model, scores_of_another, instruction_of, seed)
    paired_test(scores_of_one_model, scores_of_another, instruction_of, seed)

The three instances of one instruction are not independent, so whole instructions are drawn, never instances: a
resample's mean is the sum of its instructions' scores over their number. The percentile interval is widened for few
instructions as Hesterberg does ("What Teachers Should Know About the Bootstrap", 2015, section 5.3): without it, a
simulated column of 12 instructions was covered 90% of the time, with it 94%; at 300 instructions it changes nothing.

Two models are tested by flipping signs: were they equally good, then each instruction's differences might as well have
come out the other way round, all instances of an instruction together. No shape of the scores is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit
from scipy.stats import bootstrap, permutation_test

RESAMPLES = 2000
FLIPS = 9999
"""Ways to flip the signs: all of them up to 13 instructions, else as many drawn. The smallest p-value is 0.0002."""

POWER = 0.8
FEWEST_TESTED = 7
"""Instructions from which on a test can have that power. Below six no flips of signs come to a p-value under 5%; with
six only one sign for all does, and what Student's t calls detectable is found three times in five."""

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


class PairedTest(NamedTuple):
    """Are two models different on the instances that both have?

    `p_value`: two-sided, of no difference; None over no instance. `detectable`: the true difference that the test
    finds at 5% with a power of 80%, in points; None below `FEWEST_TESTED` instructions.
    """

    p_value: float | None
    detectable: float | None


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


def paired_test(
    a: Mapping[str, float], b: Mapping[str, float], instruction_of: Mapping[str, str], seed: int
) -> PairedTest:
    """Test a - b over the instances that both have by flipping the signs of whole instructions."""
    differences = {one: a[one] - b[one] for one in a.keys() & b.keys()}
    if not differences:
        return PairedTest(None, None)
    sums, _ = _sums_and_counts(differences, instruction_of)
    error = standard_error(differences, instruction_of)
    return PairedTest(_sign_flip_p(sums, seed), None if error is None else detectable(error, len(sums)))


def detectable(error: float, n: int) -> float | None:
    """The true difference that a test over `n` instructions finds at 5%, from either side, four times in five.

    `error`: the standard error of the difference. So many of it as Student's t with n - 1 degrees of freedom has at
    97.5% and at 80% together: 2.80 for many instructions, 3.35 for seven. In simulations of normal differences signs
    flipped found it 76% of the time at 7 instructions, 79% at 10 and 80% from 15 on; with the normal distribution's
    2.80 it would be 61%, 71% and 76%. None below `FEWEST_TESTED`.
    """
    if n < FEWEST_TESTED:
        return None
    return error * float(stdtrit(n - 1, 0.975) + stdtrit(n - 1, POWER))


def standard_error(scores: Mapping[str, float], instruction_of: Mapping[str, str]) -> float | None:
    """The standard error of the mean over instances, clustered by instruction; None below two instructions.

    With instructions k of n_k instances that sum to s_k, K of them, N instances and the mean m, it is the root of
    K / (K - 1) * sum over k of (s_k - n_k * m)^2 / N^2: the cluster-robust error of a regression on a constant.
    """
    if not scores:
        return None
    sums, counts = _sums_and_counts(scores, instruction_of)
    k, n = len(sums), counts.sum()
    if k < 2:
        return None
    residuals = sums - counts * (sums.sum() / n)
    return float(math.sqrt(k / (k - 1) * (residuals**2).sum()) / n)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values of a family, adjusted so that at 5% the chance of any false alarm is at most 5% (Holm, 1979).

    The k-th smallest of m is multiplied by m - k + 1, and is never below those before it nor above 1. None stays None
    and is not counted in m.
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        adjusted[place] = highest
    return adjusted


def _sign_flip_p(sums: Floats, seed: int, flips: int = FLIPS) -> float:
    """The two-sided p-value of instructions' sums of differences, [instructions], under flips of their signs."""
    if len(sums) < 2:
        return 1.0  # flipped or not, one instruction is as far from nothing
    found = permutation_test(
        (sums,),
        lambda s, axis: s.sum(axis=axis),  # over a number of instances that no flip changes; scipy sees ties as such
        permutation_type="samples",  # of a single sample these are its signs
        vectorized=True,
        n_resamples=flips,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


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


def percentile_interval(resampled: Floats, n: int) -> Interval | None:
    """The interval of a figure that was computed anew in resamples of `n` instructions, [resamples], widened as above.

    A resample in which the figure has no value is NaN and left out. None over a single instruction, or without values.
    """
    found = resampled[~np.isnan(resampled)]
    if n < 2 or not len(found):
        return None
    tail = (1 - _widened_level(n)) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(float(low), float(high))


def resampled_counts(n: int, seed: int) -> Floats:
    """How often each of `n` instructions is drawn in each of the resamples, [resamples, n], for `percentile_interval`.

    What is a sum over instructions is in all resamples at once their product with the instructions' parts.
    """
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)


def _widened_level(n: int) -> float:
    """The level at which a percentile interval over `n` draws is about as wide as Student's t at 95%."""
    tail = ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.025))
    return float(1 - 2 * tail)
