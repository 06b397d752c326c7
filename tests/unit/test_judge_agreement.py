"""Agreement of two judges: against hand-derived figures, scipy, and resamples that are drawn item by item."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from janus_recipes.judging.agreement import agreement, answer_pairs, model_pairs, pairs_of_runs, pairs_within
from janus_recipes.reporting.statistics import percentile_interval, resampled_counts

A, B = (np.array([row]).T for row in ((1, 2, 3, 3), (1, 2, 3, 5)))
"""Four items, one run each."""
ALONE = np.arange(4)
"""Each in an instruction of its own."""


def figures(a: Any, b: Any, cluster: Any, runs: Any, n_clusters: int) -> dict[str, float | None]:
    found = agreement(a, b, cluster, runs, resampled_counts(n_clusters, 1))
    return {name: one.value for name, one in found.items()}


def test_the_figures_of_four_items() -> None:
    found = figures(A, B, ALONE, pairs_of_runs(1, 1), 4)
    # Ranks are 1, 2, 3.5, 3.5 and 1, 2, 3, 4: less 2.5 they are -1.5, -0.5, 1, 1 and -1.5, -0.5, 0.5, 1.5.
    # Products: 2.25 + 0.25 + 0.5 + 1.5 = 4.5; squares: 4.5 and 5.
    assert found["spearman"] == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    # Squared distances as they are: 4. Of each with each: 21 of the 1, 11 of the 2, 9 of each 3: 50. 1 - 4 * 4 / 50.
    assert found["weighted_kappa"] == pytest.approx(0.68)
    assert found["exact_agreement"] == 0.75
    assert found["mean_shift"] == 0.5


def test_the_rank_correlation_is_scipys_with_ties() -> None:
    a, b = np.random.default_rng(3).integers(1, 6, size=(2, 200))
    found = figures(a[:, None], b[:, None], np.arange(200), [(0, 0)], 200)
    assert found["spearman"] == pytest.approx(spearmanr(a, b).statistic)


def test_an_interval_is_that_of_resamples_drawn_item_by_item() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(1, 6, size=(60, 1))
    b = np.clip(a + rng.integers(-1, 2, size=(60, 1)), 1, 5)
    cluster, draws = np.arange(60) // 3, resampled_counts(20, 9)
    found = agreement(a, b, cluster, [(0, 0)], draws, ["spearman"])["spearman"]
    resampled = []
    for draw in draws[:, cluster].astype(int):
        resampled.append(spearmanr(np.repeat(a[:, 0], draw), np.repeat(b[:, 0], draw)).statistic)
    assert found.interval == pytest.approx(percentile_interval(np.array(resampled), 20))
    assert found.value is not None and found.interval is not None
    assert found.interval.low < found.value < found.interval.high


def test_runs_are_compared_one_with_one() -> None:
    # a says 1 and 2; b says 2: of the two pairs of runs one agrees, and b is milder by (1 + 0) / 2.
    found = figures(np.array([[1, 2]]), np.array([[2]]), np.array([0]), pairs_of_runs(2, 1), 1)
    assert (found["exact_agreement"], found["mean_shift"]) == (0.5, 0.5)


def test_a_judge_with_itself_is_compared_both_ways_round_and_never_with_the_same_run() -> None:
    assert pairs_within(3) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    a = np.array([[1, 1, 2], [4, 4, 4]])
    # The first item: 2 of 6 ordered pairs agree; the second: all 6.
    assert figures(a, a, np.array([0, 1]), pairs_within(3), 2)["exact_agreement"] == pytest.approx(8 / 12)


def test_a_judge_that_gives_one_score_to_all_has_no_rank_correlation() -> None:
    found = figures(np.full((4, 1), 3), B, ALONE, [(0, 0)], 4)
    assert found["spearman"] is None and found["exact_agreement"] == 0.25


def test_nothing_in_common_is_no_figure() -> None:
    assert set(figures(A[:0], B[:0], ALONE[:0], [(0, 0)], 4).values()) == {None}


# Three models' answers to two instances, one run of each judge, [entries, instances, runs].
X = np.array([[[4], [8]], [[6], [8]], [[8], [4]]])
Y = np.array([[[5], [9]], [[4], [6]], [[9], [9]]])
ALL = np.ones((3, 2), dtype=bool)
TWO = np.array([0, 1])


def test_pairs_of_answers_that_two_judges_order_oppositely() -> None:
    draws = resampled_counts(2, 5)
    found = answer_pairs(X, Y, ALL, TWO, [(0, 0)], draws)
    # First instance, 4 6 8 and 5 4 9: the first pair turns round. Second, 8 8 4 and 9 6 9: the first pair is tied by
    # one, the second (8, 4 and 9, 9) by the other, the third (8, 4 and 6, 9) turns round. Of six, 2 turn, 2 are tied.
    assert (found.opposite.value, found.tied.value, found.opposite.n) == (2 / 6, 2 / 6, 6)


def test_an_answer_that_one_judge_lacks_is_in_no_pair() -> None:
    there = ALL.copy()
    there[1, 0] = False  # of the first instance only the pair of the first and the last is left: the same order
    found = answer_pairs(X, Y, there, TWO, [(0, 0)], resampled_counts(2, 5))
    assert (found.opposite.value, found.tied.value, found.opposite.n) == (1 / 4, 2 / 4, 4)


def test_pairs_of_models_that_two_judges_order_oppositely() -> None:
    found = model_pairs(X, Y, ALL, TWO, [(0, 0)], resampled_counts(2, 5))
    # Sums 12, 14, 12 and 14, 10, 18: the pairs of the second model turn round, the other one is tied by one judge.
    assert (found.opposite.value, found.tied.value, found.opposite.n) == (2 / 3, 1 / 3, 3)


def test_a_single_model_has_no_pairs() -> None:
    draws = resampled_counts(2, 5)
    for pairs in (answer_pairs, model_pairs):
        found = pairs(X[:1], Y[:1], ALL[:1], TWO, [(0, 0)], draws)
        assert (found.opposite.value, found.opposite.n) == (None, 0)


def test_the_order_of_items_does_not_matter() -> None:
    back = slice(None, None, -1)
    draws = resampled_counts(4, 1)
    assert agreement(A, B, ALONE, [(0, 0)], draws) == agreement(A[back], B[back], ALONE[back], [(0, 0)], draws)
