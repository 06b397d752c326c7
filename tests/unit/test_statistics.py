"""Intervals draw whole instructions, are reproducible, and cover what they say."""

from __future__ import annotations

import numpy as np
import pytest

from janus_recipes.reporting.statistics import Interval, _widened_level, mean_with_interval, paired_difference


def clustered(rng: np.random.Generator, instructions: int) -> tuple[dict[str, float], dict[str, str]]:
    """Scores of three instances an instruction, alike within it; the true mean is 3."""
    level = rng.normal(3, 0.6, instructions)
    scores = {f"i{k:04}/{n}": float(level[k] + rng.normal(0, 0.4)) for k in range(instructions) for n in range(3)}
    return scores, {one: one.split("/")[0] for one in scores}


def test_the_mean_is_over_instances_not_over_instructions() -> None:
    scores = {"a/0": 1.0, "a/1": 2.0, "a/2": 3.0, "b/0": 5.0}
    found = mean_with_interval(scores, {"a/0": "a", "a/1": "a", "a/2": "a", "b/0": "b"}, seed=1)
    # (1 + 2 + 3 + 5)/4, not (2 + 5)/2.
    assert found.value == 2.75 and found.n == 4


def test_two_instructions_give_the_interval_derived_by_hand() -> None:
    # Draws of two from {a: mean 2 of 3 instances, b: 5 of 1}: aa 1/4 -> 2, ab or ba 1/2 -> 11/4, bb 1/4 -> 5. Any level
    # over one half therefore reaches from 2 to 5.
    scores = {"a/0": 1.0, "a/1": 2.0, "a/2": 3.0, "b/0": 5.0}
    instruction_of = {one: one[0] for one in scores}
    assert mean_with_interval(scores, instruction_of, seed=1).interval == Interval(2.0, 5.0)


def test_the_interval_is_that_of_a_plain_loop_over_drawn_instructions() -> None:
    rng = np.random.default_rng(5)
    scores, instruction_of = clustered(rng, instructions=40)
    del scores["i0007/1"], scores["i0011/0"]  # instructions of unequal size
    groups: dict[str, list[float]] = {}
    for one, value in scores.items():
        groups.setdefault(instruction_of[one], []).append(value)
    names = list(groups)
    means = []
    for _ in range(20_000):
        drawn = [value for k in rng.integers(0, len(names), len(names)) for value in groups[names[k]]]
        means.append(sum(drawn) / len(drawn))
    tail = (1 - _widened_level(len(names))) / 2
    found = mean_with_interval(scores, instruction_of, seed=1).interval
    assert found == pytest.approx(tuple(np.quantile(means, [tail, 1 - tail])), abs=0.03)  # 0.4 wide


def test_instances_of_one_instruction_are_not_taken_for_independent() -> None:
    # Ten identical instances an instruction hold no more than one each: the interval must not shrink.
    few = {f"{k}/0": float(k % 5 + 1) for k in range(20)}
    many = {f"{k}/{n}": float(k % 5 + 1) for k in range(20) for n in range(10)}
    one, ten = (mean_with_interval(s, {i: i.split("/")[0] for i in s}, seed=3).interval for s in (few, many))
    assert one is not None and ten == pytest.approx(one)


def test_the_same_seed_gives_the_same_interval_in_any_order_of_rows() -> None:
    scores, instruction_of = clustered(np.random.default_rng(2), instructions=15)
    turned = dict(reversed(scores.items()))
    assert mean_with_interval(scores, instruction_of, 4) == mean_with_interval(turned, instruction_of, 4)
    assert mean_with_interval(scores, instruction_of, 4) != mean_with_interval(scores, instruction_of, 5)


def test_the_widened_level_is_students_t_for_normal_means() -> None:
    # The normal quantile of the new tail is sqrt(n/(n-1)) times Student's. For n = 12 a table of Student's t with 11
    # degrees of freedom says 2.2010; times sqrt(12/11) 2.2989; a normal lies within it 97.849% of the time.
    assert _widened_level(12) == pytest.approx(0.97849, abs=1e-5)
    assert _widened_level(10_000) == pytest.approx(0.95, abs=1e-3)


def test_no_instance_one_instruction_and_no_spread_have_defined_answers() -> None:
    assert mean_with_interval({}, {}, seed=1) == (None, None, 0)
    assert mean_with_interval({"a/0": 2.0, "a/1": 4.0}, {"a/0": "a", "a/1": "a"}, seed=1) == (3.0, None, 2)
    flat = {f"{k}/0": 4.25 for k in range(9)}
    assert mean_with_interval(flat, {one: one for one in flat}, seed=1) == (4.25, (4.25, 4.25), 9)


def test_a_difference_is_paired_on_the_instances_that_both_have() -> None:
    a = {"a/0": 5.0, "a/1": 4.0, "b/0": 3.0, "c/0": 1.0}
    b = {"a/0": 4.0, "a/1": 3.5, "b/0": 3.0, "d/0": 5.0}
    found = paired_difference(a, b, {one: one[0] for one in (*a, *b)}, seed=1)
    # (1 + 0.5 + 0)/3 over a/0, a/1, b/0. Draws: aa -> 1.5/2, ab -> 1.5/3, bb -> 0.
    assert found == (0.5, Interval(0.0, 0.75), 3)
    assert paired_difference(a, {"z/0": 1.0}, {}, seed=1) == (None, None, 0)


def test_pairing_removes_the_difficulty_of_the_questions() -> None:
    scores, instruction_of = clustered(np.random.default_rng(8), instructions=30)
    better = {one: value + 0.1 for one, value in scores.items()}
    found = paired_difference(better, scores, instruction_of, seed=1)
    assert found.interval is not None and found.interval.excludes_zero
    assert found.interval == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("instructions", [12, 60])
def test_intervals_cover_the_true_mean_about_95_times_in_100(instructions: int) -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for seed in range(300):
        found = mean_with_interval(*clustered(rng, instructions), seed).interval
        assert found is not None
        covered += found.low <= 3 <= found.high
    # 300 trials of 0.95 spread by 0.0126: three of them.
    assert covered / 300 == pytest.approx(0.95, abs=0.038)
