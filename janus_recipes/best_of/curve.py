"""What the best of k answers would come to, for every k up to n, from one sampling of n.

    expected_best(rewards, values)      # [instances, n] of each, to [instances, n]: column k - 1 is the best of k

The mean of all C(n, k) ways to draw k of the n answers without putting one back, so it is unbiased, and uses all n
answers for each k: of the answers in the order of their rewards, the i-th lowest is the best of k in C(i - 1, k - 1) of
them. `values` are what the answer that the rewards choose is worth: its reward, or its judged score. Answers with the
same reward are as likely as one another to be chosen, so each counts as their mean.
"""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def expected_best(rewards: Floats, values: Floats) -> Floats:
    """The mean value of the best of k by reward, [instances, n] with k from 1 to n along the second axis.

    `rewards` and `values` are both [instances, n], in the same order of samples.
    """
    order = np.argsort(rewards, axis=1, kind="stable")
    sorted_rewards, sorted_values = (np.take_along_axis(one, order, axis=1) for one in (rewards, values))
    shared = np.array([shared_by_ties(*row) for row in zip(sorted_rewards, sorted_values, strict=True)])
    found: Floats = shared.reshape(values.shape) @ chances_to_be_best(values.shape[1]).T
    return found


@cache
def chances_to_be_best(n: int) -> Floats:
    """[n, n]: in row k - 1 how likely each of n answers, lowest reward first, is the best of k drawn from them."""
    return np.array([[comb(i, k - 1) / comb(n, k) for i in range(n)] for k in range(1, n + 1)])


def shared_by_ties(rewards: Floats, values: Floats) -> Floats:
    """`values` [n], each the mean of those with the same reward."""
    _, group, sizes = np.unique(rewards, return_inverse=True, return_counts=True)
    means: Floats = np.bincount(group, weights=values) / sizes
    return means[group]
