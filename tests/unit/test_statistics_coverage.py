"""The intervals hold the truth as often as they say, for a bench like the paper's: simulated."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from janus_recipes.reporting.statistics import RESAMPLES, Floats, _widened_level, mean_with_interval

TRIALS, INSTRUCTIONS, SETS, RUBRICS = 2000, 315, 3, 4

COUNTS = np.array([2.0] * 24 + [3.0] * (INSTRUCTIONS - 24))
"""Instances an instruction: 921 of 945, as 24 were found bad."""


@cache
def simulated(mean: float) -> Floats:
    """Instances' scores, [trials, instructions, sets]: whole marks of 1 to 5 by four rubrics, averaged. The sets of one
    instruction are alike, and so are the rubrics of one answer; near 5 the marks pile up."""
    rng = np.random.default_rng(round(10 * mean))
    level = rng.normal(mean, 0.6, (TRIALS, INSTRUCTIONS, 1))
    answer = level + rng.normal(0, 0.4, (TRIALS, INSTRUCTIONS, SETS))
    marks = answer[..., None] + rng.normal(0, 0.7, (TRIALS, INSTRUCTIONS, SETS, RUBRICS))
    return np.clip(np.rint(marks), 1, 5).mean(axis=-1)


def sums_of(scores: Floats) -> Floats:
    """Each instruction's sum over the instances that it has, [trials, instructions]."""
    there = np.arange(SETS) < COUNTS[:, None]
    return np.asarray((scores * there).sum(axis=-1))


def intervals(sums: Floats) -> Floats:
    """The interval of each trial, [2, trials], for all trials at once: a resample is how often it draws whom."""
    times = np.random.default_rng(1).multinomial(INSTRUCTIONS, [1 / INSTRUCTIONS] * INSTRUCTIONS, RESAMPLES)
    means = (times @ sums.T) / (times @ COUNTS)[:, None]
    tail = (1 - _widened_level(INSTRUCTIONS)) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


def covered(sums: Floats) -> float:
    """How many of the trials' intervals hold the true mean: that of all trials together."""
    low, high = intervals(sums)
    truth = sums.sum() / (COUNTS.sum() * TRIALS)
    return float(np.mean((low <= truth) & (truth <= high)))


def test_intervals_of_315_instructions_hold_the_truth_95_times_in_100() -> None:
    high, low = sums_of(simulated(4.3)), sums_of(simulated(2.2))
    # 2,000 trials of 0.95 spread by 0.005; the resamples are the same for all of them, which adds as much again.
    for sums in (high, low, high - low):
        assert 0.93 <= covered(sums) <= 0.97


@pytest.mark.parametrize("trial", [0, 1, 2])
def test_these_are_the_intervals_that_a_table_has(trial: int) -> None:
    found = simulated(4.3)
    scores = {f"{k:03}/{n}": float(found[trial, k, n]) for k in range(INSTRUCTIONS) for n in range(int(COUNTS[k]))}
    ours = mean_with_interval(scores, {one: one.split("/")[0] for one in scores}, seed=trial).interval
    # The two resamplings part by chance: each end by 0.003, where the interval is 0.13 wide.
    assert ours == pytest.approx(intervals(sums_of(found))[:, trial], abs=0.008)
