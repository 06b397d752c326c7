"""Verdicts are averaged as the paper does, and what is missing is counted."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from janus_recipes.errors import StepError
from janus_recipes.judging.scores import count_instances, score_instances
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status

PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "any", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)


def instance(id: str) -> BenchInstance:
    return BenchInstance(id, id.split("/")[0], "mf-Koala", "?", "Be kind.", PREFERENCES, "!", RUBRICS)


def verdicts(id: str, run: int, scores: Iterable[int | Status]) -> list[Asked[int]]:
    """One run's verdicts on an instance, rubric by rubric: a score, or the status of a hole."""
    return [
        Asked(f"{id}/{rubric}/{run}", Status.OK, one)
        if isinstance(one, int)
        else Asked(f"{id}/{rubric}/{run}", one, None)
        for rubric, one in enumerate(scores)
    ]


A, B, C = "i-a/0", "i-a/1", "i-b/0"
BENCH = [instance(id) for id in (A, B, C)]
WHOLE = [
    *(*verdicts(A, 0, (4, 4, 4, 4)), *verdicts(A, 1, (5, 4, 4, 5))),  # 4, 4.5: 4.25
    *(*verdicts(B, 0, (1, 2, 1, 2)), *verdicts(B, 1, (2, 2, 2, 2))),  # 1.5, 2: 1.75
    *(*verdicts(C, 0, (3, 3, 3, 4)), *verdicts(C, 1, (3, 3, 3, 3))),  # 3.25, 3: 3.125
]


def with_hole(id: str, status: Status) -> list[Asked[int]]:
    return [Asked(id, status, None) if row.id == id else row for row in WHOLE]


def test_rubrics_are_averaged_to_instances_and_instances_over_runs() -> None:
    found = score_instances(BENCH, WHOLE, runs=2, policy="leave_out")
    assert found.scores == {A: 4.25, B: 1.75, C: 3.125}
    # The paper's order of averaging gives the same mean: run 0 is (4 + 1.5 + 3.25)/3, run 1 is (4.5 + 2 + 3)/3.
    by_run = [(4 + 1.5 + 3.25) / 3, (4.5 + 2 + 3) / 3]
    assert sum(found.scores.values()) / 3 == pytest.approx(sum(by_run) / 2)


def test_an_instance_with_one_verdict_missing_is_left_out_with_its_status() -> None:
    found = score_instances(BENCH, with_hole(f"{B}/2/1", Status.UNPARSED), runs=2, policy="leave_out")
    assert found.scores == {A: 4.25, C: 3.125}
    assert found.left_out == {B: Status.UNPARSED} and not found.partial
    counts = count_instances(found, [A, B, C])
    assert (counts.n_expected, counts.n_used, counts.n_left_out) == (3, 2, 1)
    assert counts.left_out == {Status.UNPARSED: 1} and counts.has_holes


def test_an_instance_is_averaged_over_the_rest_when_the_recipe_says_so() -> None:
    # B's run 1 keeps three verdicts of 2; its run 0 loses the first 1: (2 + 1 + 2)/3 = 5/3.
    found = score_instances(BENCH, with_hole(f"{B}/0/0", Status.REFUSED), runs=2, policy="average_rest")
    assert found.scores[B] == pytest.approx((5 / 3 + 2) / 2)
    assert not found.left_out and found.partial == {B: Status.REFUSED}
    counts = count_instances(found, [A, B, C])
    assert (counts.n_used, counts.n_left_out, counts.has_holes) == (3, 0, True)


def test_a_whole_run_missing_leaves_the_other_run() -> None:
    rows = [row for row in WHOLE if not (row.id.startswith(B) and row.id.endswith("/0"))]
    found = score_instances(BENCH, rows, runs=2, policy="average_rest")
    assert found.scores[B] == 2.0 and found.partial == {B: Status.MISSING}


@pytest.mark.parametrize("policy", ["leave_out", "average_rest"])
def test_an_instance_without_any_verdict_is_left_out_and_never_zero(policy: str) -> None:
    rows = [row for row in WHOLE if not row.id.startswith(C)]
    found = score_instances(BENCH, rows, runs=2, policy=policy)  # type: ignore[arg-type]
    assert C not in found.scores and found.left_out == {C: Status.MISSING}


def test_left_out_instances_are_counted_once_each_by_their_first_hole() -> None:
    holes = {f"{A}/3/0": Status.TRUNCATED, f"{A}/0/1": Status.FAILED, f"{B}/0/0": Status.REFUSED}
    rows = [Asked(row.id, holes[row.id], None) if row.id in holes else row for row in WHOLE]
    counts = count_instances(score_instances(BENCH, rows, runs=2, policy="leave_out"), [A, B, C])
    assert counts.left_out == {Status.REFUSED: 1, Status.TRUNCATED: 1}
    assert counts.n_used + counts.n_left_out == counts.n_expected == 3


def test_the_order_of_the_verdicts_does_not_matter() -> None:
    there = score_instances(BENCH, WHOLE, runs=2, policy="leave_out")
    assert score_instances(BENCH, list(reversed(WHOLE)), runs=2, policy="leave_out") == there


def test_verdicts_of_another_bench_are_refused() -> None:
    with pytest.raises(StepError, match="i-z/0/0/0"):
        score_instances(BENCH, [*WHOLE, *verdicts("i-z/0", 0, (5,))], runs=2, policy="leave_out")
    with pytest.raises(StepError, match="2 runs"):
        score_instances(BENCH, [*WHOLE, *verdicts(A, 2, (5,))], runs=2, policy="leave_out")
    with pytest.raises(StepError, match="comes twice"):
        score_instances(BENCH, [*WHOLE, WHOLE[0]], runs=2, policy="leave_out")
