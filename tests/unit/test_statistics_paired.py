"""Tests of two models' difference: instances of an instruction flip together, and errors are clustered."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, sem, ttest_1samp

from janus_recipes.reporting.statistics import (
    Floats,
    PairedTest,
    _sign_flip_p,
    detectable,
    holm,
    paired_test,
    standard_error,
)


def zeros(scores: dict[str, float]) -> dict[str, float]:
    return dict.fromkeys(scores, 0.0)


def by_first_letter(scores: dict[str, float]) -> dict[str, str]:
    return {one: one[0] for one in scores}


def p_of(scores: dict[str, float], seed: int = 1) -> float | None:
    return paired_test(scores, zeros(scores), by_first_letter(scores), seed).p_value


def test_three_instances_of_an_instruction_flip_together() -> None:
    # Five instructions that are better by a point three times each: of 2^5 flips two are as far from nothing as that,
    # none flipped and all flipped. Were the 15 instances flipped one by one, it would be 2 of 2^15.
    assert p_of({f"{k}/{n}": 1.0 for k in "abcde" for n in range(3)}) == 2 / 32


def test_the_p_value_of_two_instructions_derived_by_hand() -> None:
    # Sums +1 - 1 + 1 = 1 and 3. Flips give 1 + 3, 1 - 3, -1 + 3 and -1 - 3: two of four are as far from 0 as 4.
    assert p_of({"a/0": 1.0, "a/1": -1.0, "a/2": 1.0, "b/0": 3.0}) == 0.5


def test_all_flips_are_counted_where_they_are_few_and_ties_count_as_far_off() -> None:
    # Twelfths, as of 4 rubrics in 3 runs: many flips come to the observed sum.
    twelfths = np.array([1, 2, -1, 4, 3, 5, -2])
    flipped = np.abs(np.array(list(product((1, -1), repeat=7))) @ twelfths)
    assert _sign_flip_p(twelfths / 12, seed=1) == np.mean(flipped >= 12)


def test_instructions_of_equal_weight_give_the_sign_tests_p_value() -> None:
    # 160 of 300 better by a twelfth, the others worse: only the number of signs counts, which is a coin's.
    sums = np.array([1] * 160 + [-1] * 140) / 12
    # 9,999 flips around 0.27 spread by 0.0045: three of them.
    assert _sign_flip_p(sums, seed=1) == pytest.approx(binomtest(160, 300).pvalue, abs=0.0135)


def test_many_instructions_give_about_students_p_value() -> None:
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.1, 0.2):
        sums = rng.normal(shift, 1, 200)
        assert _sign_flip_p(sums, seed=1) == pytest.approx(ttest_1samp(sums, 0).pvalue, abs=0.02)


def test_the_same_seed_gives_the_same_p_value_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(4)
    scores = {f"{chr(97 + k)}/{n}": float(rng.normal(0.2, 1)) for k in range(20) for n in range(3)}
    assert p_of(scores) == p_of(dict(reversed(scores.items())))


def test_no_difference_no_instance_and_a_single_instruction_have_defined_answers() -> None:
    assert p_of({f"{k}/0": 0.0 for k in "abcd"}) == 1.0
    assert paired_test({"a/0": 1.0}, {"b/0": 1.0}, {"a/0": "a", "b/0": "b"}, seed=1) == PairedTest(None, None)
    assert paired_test({"a/0": 2.0}, {"a/0": 1.0}, {"a/0": "a"}, seed=1) == PairedTest(1.0, None)


def test_equal_models_are_called_different_about_5_times_in_100() -> None:
    rng = np.random.default_rng(5)
    # Skewed within symmetric differences, and alike within an instruction: its sum is what varies.
    alarms = [
        _sign_flip_p(rng.normal(0, 1, 40) * rng.exponential(1, 40), seed, flips=199) <= 0.05 for seed in range(900)
    ]
    # 900 trials of 0.05 spread by 0.0073: three of them.
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.022)


def test_the_standard_error_derived_by_hand() -> None:
    # Instructions of 3 and 1 instances with the sums 6 and 5, the mean is 11/4. Residual sums: 6 - 3 * 11/4 = -9/4 and
    # 5 - 11/4 = 9/4. 2/1 * 2 * (9/4)^2 = 20.25, whose root 4.5 is divided by 4 instances.
    scores = {"a/0": 1.0, "a/1": 2.0, "a/2": 3.0, "b/0": 5.0}
    assert standard_error(scores, by_first_letter(scores)) == 4.5 / 4
    assert standard_error({}, {}) is None and standard_error({"a/0": 1.0, "a/1": 2.0}, {"a/0": "a", "a/1": "a"}) is None


def test_the_standard_error_of_single_instances_is_the_usual_one() -> None:
    values = np.random.default_rng(6).normal(0, 1, 50)
    scores = {str(k): float(value) for k, value in enumerate(values)}
    assert standard_error(scores, {one: one for one in scores}) == pytest.approx(sem(values))


def cluster_robust(values: Floats, groups: Floats) -> float:
    """The error of the constant in a regression on it alone, as statsmodels has it for `cov_type="cluster"`:
    bread (X'X)^-1, meat summed over groups, times G / (G - 1) * (N - 1) / (N - 1 parameter)."""
    x, n, names = np.ones((len(values), 1)), len(values), np.unique(groups)
    bread = np.linalg.inv(x.T @ x)
    residuals = values - (x @ bread @ x.T @ values)
    scores = [x[groups == name].T @ residuals[groups == name] for name in names]
    meat = sum(np.outer(score, score) for score in scores)
    correction = len(names) / (len(names) - 1) * (n - 1) / (n - 1)
    return float(np.sqrt(correction * bread @ meat @ bread)[0, 0])


def test_the_standard_error_is_the_cluster_robust_one_of_a_regression() -> None:
    rng = np.random.default_rng(7)
    groups = np.sort(rng.integers(0, 30, 80))
    values = rng.normal(0, 1, 30)[groups] + rng.normal(0, 1, 80)
    scores = {str(k): float(value) for k, value in enumerate(values)}
    found = standard_error(scores, {str(k): str(group) for k, group in enumerate(groups)})
    assert found == pytest.approx(cluster_robust(values, groups))


@pytest.mark.parametrize("instructions", [7, 10, 100])
def test_the_detectable_difference_is_found_four_times_in_five(instructions: int) -> None:
    rng = np.random.default_rng(8)
    true = detectable(1 / instructions**0.5, instructions)  # of differences that spread by 1
    assert true is not None
    found = [_sign_flip_p(rng.normal(true, 1, instructions), seed, flips=199) <= 0.05 for seed in range(500)]
    # 500 trials of 0.8 spread by 0.018, three of them 0.054; with the normal quantiles 7 would give 0.61.
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_fewer_instructions_than_a_test_takes_detect_nothing() -> None:
    assert detectable(0.1, 6) is None
    # Student's t with six degrees of freedom: 2.446912 at 97.5%, 0.905703 at 80%.
    assert detectable(0.1, 7) == pytest.approx(0.3352615, abs=1e-6)


def test_the_detectable_difference_comes_from_the_very_data() -> None:
    # Seven instructions, the first of two instances that sum to 2; the others 1 each: all as their mean, no spread.
    scores = {"a/0": 0.0, "a/1": 2.0, **{f"{name}/0": 1.0 for name in "bcdefg"}}
    found = paired_test(scores, zeros(scores), by_first_letter(scores), seed=1)
    assert found.detectable == 0.0
    # With b at 5 the mean is 12/8. Residuals: a 2 - 3 = -1, b 3.5, five of -0.5: squares 1 + 12.25 + 1.25 = 14.5.
    found = paired_test({**scores, "b/0": 5.0}, zeros(scores), by_first_letter(scores), seed=1)
    assert found.detectable == pytest.approx(3.352615 * (7 / 6 * 14.5) ** 0.5 / 8, abs=1e-5)
    few = {"a/0": 1.0, "b/0": 5.0}
    assert paired_test(few, zeros(few), by_first_letter(few), seed=1).detectable is None


def test_holm_derived_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, and none below one before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    # What was not tested is not of the family.
    assert holm([0.02, None, 0.7, 0.6]) == [pytest.approx(0.06), None, 1.0, 1.0]
    assert holm([]) == []
