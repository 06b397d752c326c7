"""Krippendorff's alpha: how far annotators agree beyond chance.

    krippendorff([Unit("i-a", {1: "easy", 2: "hard"}), ...], ["easy", "intermediate", "hard"], "ordinal", seed=1)

Klaus Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections C and D: from the coincidences of
values within units, which take missing answers and any number of annotators. 1 is full agreement, 0 is what chance
gives, below 0 is worse than chance. Its 95% interval is a bootstrap over clusters:
instructions are drawn, never answers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from janus_recipes.reporting.statistics import RESAMPLES, Interval

Level = Literal["nominal", "ordinal"]
Floats = NDArray[np.float64]


class Unit(NamedTuple):
    """Something that was judged: its answers by annotator, and the cluster that it is drawn with."""

    cluster: str
    answers: Mapping[Hashable, str]


class Agreement(NamedTuple):
    """Alpha over `n_units` units with `n_answers` answers, by two annotators or more each; or why there is none.

    The interval is None over a single cluster.
    """

    alpha: float | None
    interval: Interval | None
    n_units: int
    n_answers: int
    reason: str = ""


def krippendorff(units: Sequence[Unit], values: Sequence[str], level: Level, seed: int) -> Agreement:
    """Alpha of the units' answers. `values` are all that can be answered, in their order where they have one."""
    rated = [one for one in units if len(one.answers) > 1]
    if not rated:
        return Agreement(None, None, 0, 0, "nothing was answered by two annotators")
    counts = len(rated), sum(len(one.answers) for one in rated)
    clustered = _by_cluster(rated, values)
    alpha = float(_alpha(clustered.sum(axis=0), level))
    if np.isnan(alpha):
        return Agreement(None, None, *counts, "all answers are the same, so chance alone would agree as well")
    return Agreement(alpha, _interval(clustered, level, seed), *counts)


def _by_cluster(rated: Sequence[Unit], values: Sequence[str]) -> Floats:
    """[clusters, values, values]: each cluster's coincidences, in the order of the clusters' names.

    A unit's are the pairs of its answers, weighted by one less than the number of them.
    """
    place = {value: number for number, value in enumerate(values)}
    names = sorted({one.cluster for one in rated})
    row = {name: number for number, name in enumerate(names)}
    found = np.zeros((len(names), len(values), len(values)))
    for cluster, answers in rated:
        counts = np.bincount([place[one] for one in answers.values()], minlength=len(values)).astype(np.float64)
        found[row[cluster]] += (np.outer(counts, counts) - np.diag(counts)) / (len(answers) - 1)
    return found


def _alpha(coincidences: Floats, level: Level) -> Floats:
    """Alpha of each matrix in [..., values, values]; not a number where only one value occurs."""
    totals = coincidences.sum(axis=-1)
    differences = _differences(totals, level)
    observed = (coincidences * differences).sum(axis=(-2, -1))
    expected = (totals[..., :, None] * totals[..., None, :] * differences).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha: Floats = np.where(expected > 0, 1 - (totals.sum(axis=-1) - 1) * observed / expected, np.nan)
    return alpha


def _differences(totals: Floats, level: Level) -> Floats:
    """[..., values, values]: squared differences. Ordinal ones count the answers that lie between two values."""
    if level == "nominal":
        size = totals.shape[-1]
        return np.broadcast_to(1.0 - np.eye(size), (*totals.shape, size))
    reached = np.cumsum(totals, axis=-1) - totals / 2
    return np.square(reached[..., :, None] - reached[..., None, :])


def _interval(clustered: Floats, level: Level, seed: int) -> Interval | None:
    """Percentiles over resamples of the clusters, those aside in which only one value occurs."""
    n = len(clustered)
    if n < 2:
        return None
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    drawn = _alpha(np.tensordot(weights, clustered, axes=1), level)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(float(low), float(high))
