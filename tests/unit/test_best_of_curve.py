"""The best of k, told from one sampling of n: by hand, by counting all ways to draw, and with its intervals."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from janus_recipes.best_of.build import JudgedSamples, SampledAnswers, build_curve
from janus_recipes.best_of.curve import expected_best
from janus_recipes.best_of.page import CSV_COLUMNS, csv_rows, markdown_of, write_curve
from janus_recipes.errors import StepError
from janus_recipes.judging.scores import Counts
from janus_recipes.recipe.best_of import Answers, BestOf
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Status
from tests.tables import BENCH, JUDGE, recipe

BEST_OF_3 = Answers("janus-7b", "multifaceted", "best-of-3")


def by_counting(rewards: list[float], values: list[float], k: int) -> float:
    """The mean over all ways to draw k: of each the value of the highest reward, of ties their mean."""
    best = []
    for drawn in combinations(range(len(rewards)), k):
        highest = max(rewards[one] for one in drawn)
        best.append(fmean(values[one] for one in drawn if rewards[one] == highest))
    return fmean(best)


def test_the_best_of_k_of_three_rewards_by_hand() -> None:
    # 1, 2 and 4: of one (1 + 2 + 4)/3; of two {1,2}: 2, {1,4}: 4, {2,4}: 4, so 10/3; of three 4.
    rewards = np.array([[2.0, 1.0, 4.0]])
    assert expected_best(rewards, rewards)[0] == pytest.approx([7 / 3, 10 / 3, 4.0])


def test_the_score_of_the_answer_that_the_reward_chooses_may_fall() -> None:
    # The lowest reward has score 5, the middle one 1, the highest 3. Of two: 1, 3 and 3.
    found = expected_best(np.array([[0.0, 1.0, 2.0]]), np.array([[5.0, 1.0, 3.0]]))
    assert found[0] == pytest.approx([3.0, 7 / 3, 3.0])


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_the_best_of_k_is_the_mean_of_all_ways_to_draw(n: int) -> None:
    rng = np.random.default_rng(n)
    rewards = rng.normal(size=(4, n))
    values = rng.integers(1, 6, size=(4, n)).astype(float)
    found = expected_best(rewards, values)
    for row in range(4):
        told = [by_counting(rewards[row].tolist(), values[row].tolist(), k) for k in range(1, n + 1)]
        assert found[row] == pytest.approx(told)


def test_answers_with_the_same_reward_are_as_likely_as_one_another_to_be_chosen() -> None:
    # Two of three share the highest reward, with scores 5 and 1: whichever comes first, the best of 3 scores 3.
    rewards, values = [1.0, 1.0, 0.0], [5.0, 1.0, 2.0]
    found = expected_best(np.array([rewards, rewards[::-1]]), np.array([values, values[::-1]]))
    # Of two: {5,1} -> 3, {5,2} -> 5, {1,2} -> 1.
    assert found[0] == pytest.approx([8 / 3, 3.0, 3.0])
    assert found[1] == pytest.approx(found[0])


def test_the_best_of_64_of_64_is_the_highest_and_nothing_overflows() -> None:
    rewards = np.random.default_rng(0).normal(size=(3, 64))
    found = expected_best(rewards, rewards)
    assert found[:, -1] == pytest.approx(rewards.max(axis=1))
    assert (np.diff(found, axis=1) > 0).all(), "a reward's curve rises"
    # The best of many draws with replacement lies at most where it lies without; of one draw both are the mean.
    assert found[:, 0] == pytest.approx(rewards.mean(axis=1))


def best_of_3(**more: Any) -> Recipe:
    ways = {"best-of-3": BestOf(reward_model="janus-rm-7b", samples=3)}
    return recipe(models=("janus-7b", "janus-rm-7b"), **more).model_copy(update={"best_of": ways})


def rewards(**holes: Status) -> list[Asked[float]]:
    """Of each instance 0, 1 and 2; three more for those of i-b."""
    rows = []
    for one in BENCH:
        for number in range(3):
            id = f"{one.id}/{number}"
            status = holes.get(id, Status.OK)
            rows.append(
                Asked(id, status, number + 3.0 * (one.instruction_id == "i-b") if status is Status.OK else None)
            )
    return rows


def verdicts(scores: tuple[int, int, int], lost: Mapping[str, Status] | None = None) -> JudgedSamples:
    """Every instance's samples have these scores by all rubrics in both runs, but for what was lost."""
    holes = lost or {}
    rows = [
        Asked(id, holes.get(id, Status.OK), None if id in holes else score)
        for one in BENCH
        for number, score in enumerate(scores)
        for rubric in range(4)
        for run in range(2)
        for id in [f"{one.id}/{number}/{rubric}/{run}"]
    ]
    return JudgedSamples(rows, JUDGE, "2026-11-20")


def test_the_curve_is_over_instances_with_the_gain_paired_and_the_judge_beside() -> None:
    sampled = SampledAnswers(BEST_OF_3, rewards(), verdicts((1, 2, 5)))
    built = build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=8)
    by_reward, by_judge = built.curves
    # Best of 1, 2, 3 of 0, 1, 2: 1, 5/3, 2; three of eight instances (i-b) have 3 more: + 9/8.
    assert [point.value.value for point in by_reward.points] == pytest.approx([1 + 9 / 8, 5 / 3 + 9 / 8, 2 + 9 / 8])
    # The gain is the same in every instance: no spread, whatever the instances' level.
    gain = by_reward.points[2].gain
    assert gain.value == pytest.approx(1.0) and gain.interval == pytest.approx((1.0, 1.0))
    # The judge: 8/3; of {1,2} 2, of {1,5} and {2,5} 5: 4; 5.
    assert [point.value.value for point in by_judge.points] == pytest.approx([8 / 3, 4.0, 5.0])
    assert (by_reward.judge, by_judge.judge) == ("janus-rm-7b", JUDGE)
    assert by_judge.counts.n_used == 8


def test_a_sample_without_a_reward_is_left_out_alone_and_its_instance_told_from_the_others() -> None:
    lost = {"i-a/0/1": Status.FAILED, **{f"i-c/1/{number}": Status.MISSING for number in range(3)}}
    sampled = SampledAnswers(BEST_OF_3, rewards(**lost), None)
    built = build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=9)
    (curve,) = built.curves
    # 9 expected, 8 in the bench, of which i-c/1 has no reward at all: 7. i-a/0 is told from two samples.
    assert (curve.counts.n_expected, curve.counts.n_used) == (9, 7)
    assert (curve.counts.left_out, curve.counts.partial) == ({Status.MISSING: 2}, {Status.FAILED: 1})
    # Six of 0, 1, 2 and one of 0, 2; the three of i-b have 3 more. Best of 1: 1 and 1; of 2: 5/3, and 2. Not of 3.
    assert [point.value.value for point in curve.points] == pytest.approx([1 + 9 / 7, (6 * 5 / 3 + 2 + 9) / 7])
    assert [point.gain.value for point in curve.points] == pytest.approx([0.0, (6 * 2 / 3 + 1) / 7])
    page = markdown_of(built)
    assert "7 of 9" in page and "2 missing; 1 in part (1 failed)" in page
    assert "told up to k = 2, as an instance has only 2 of 3 samples with a reward." in page
    rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv_rows(built)]
    assert [(row["k"], bool(row["value"]), row["n_used"], row["n_left_out"]) for row in rows] == [
        ("1", True, "7", "2"),
        ("2", True, "7", "2"),
        ("3", False, "0", "9"),
    ]


def test_a_lost_verdict_costs_the_judges_curve_one_sample_and_not_the_instance() -> None:
    judged = verdicts((1, 2, 5), lost={"i-a/0/2/3/1": Status.UNPARSED})
    sampled = SampledAnswers(BEST_OF_3, rewards(), judged)
    built = build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=8)
    by_reward, by_judge = built.curves
    assert len(by_reward.points) == 3 and not by_reward.counts.has_holes
    assert by_judge.counts.n_used == 8 and by_judge.counts.partial == {Status.UNPARSED: 1}
    # Seven of 1, 2, 5: 8/3 and 4; one of 1, 2: 1.5 and 2.
    assert [point.value.value for point in by_judge.points] == pytest.approx([(56 / 3 + 1.5) / 8, 30 / 8])
    # By the rubrics and runs that are there the third sample scores 5 all the same, and is counted.
    rest = best_of_3(missing_verdicts="average_rest")
    _, averaged = build_curve("best-of-3", "multifaceted", rest, BENCH, [sampled], n_expected=8).curves
    assert [point.value.value for point in averaged.points] == pytest.approx([8 / 3, 4.0, 5.0])
    assert averaged.counts.partial == {Status.UNPARSED: 1} and not averaged.counts.left_out


def test_a_curve_without_a_figure_says_so_in_every_file(tmp_path: Path) -> None:
    refused = {row.id: Status.REFUSED for row in verdicts((1, 2, 5)).verdicts}
    for given, curves in ((rewards(), 1), (rewards(**{row.id: Status.FAILED for row in rewards()}), 0)):
        sampled = SampledAnswers(BEST_OF_3, given, verdicts((1, 2, 5), lost=refused))
        built = build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=8)
        assert sum(bool(curve.points) for curve in built.curves) == curves
        assert built.curves[1].counts == Counts(8, 0, {Status.REFUSED if curves else Status.FAILED: 8}, {})
        write_curve(built, tmp_path)
        page = (tmp_path / "best-of-3.md").read_text()
        assert f"{JUDGE}: no figure, as no instance has a sample with a reward and a score." in page
        assert "| 0 of 8 |" in page and (tmp_path / "best-of-3.svg").read_text().startswith("<svg")
        rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv_rows(built) if "rubric_score" in row]
        told = [(row["k"], row["value"], row["gain"], row["n_expected"], row["n_used"]) for row in rows]
        assert told == [(str(k), "", "", "8", "0") for k in (1, 2, 3)]


def test_a_bench_of_more_than_the_recipe_asks_for_is_refused() -> None:
    sampled = SampledAnswers(BEST_OF_3, rewards(), None)
    with pytest.raises(StepError, match="the bench has 8 instances, more than the 7 that this recipe asks for"):
        build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=7)


def test_rewards_of_another_number_of_samples_are_refused() -> None:
    sampled = SampledAnswers(BEST_OF_3, rewards()[:-1], None)
    with pytest.raises(StepError, match="not of 3 samples of this bench"):
        build_curve("best-of-3", "multifaceted", best_of_3(), BENCH, [sampled], n_expected=8)


def test_the_page_the_picture_and_every_row_of_a_rehearsal_say_so(tmp_path: Path) -> None:
    sampled = SampledAnswers(BEST_OF_3, rewards(), verdicts((1, 2, 5)))
    rehearsed = build_curve("best-of-3", "multifaceted", best_of_3(rehearsal=True), BENCH, [sampled], 8)
    write_curve(rehearsed, tmp_path)
    assert "REHEARSAL" in (tmp_path / "best-of-3.md").read_text()
    assert "REHEARSAL" in (tmp_path / "best-of-3.svg").read_text()
    rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv_rows(rehearsed)]
    assert {row["judge"] for row in rows} == {"janus-rm-7b (rehearsal)", f"{JUDGE} (rehearsal)"}
    assert [row["k"] for row in rows if row["metric"] == "reward"] == ["1", "2", "3"]
    assert {row["selection"] for row in rows} == {"best-of-3"}
