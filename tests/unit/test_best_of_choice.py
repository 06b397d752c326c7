"""Samples differ and stay the same; of each instance's samples the one with the highest reward becomes its answer."""

from __future__ import annotations

from collections import Counter

import pytest

from janus_recipes.best_of.choose import choose
from janus_recipes.best_of.rewards import prompts_under, reward_requests, rewards_of
from janus_recipes.best_of.samples import as_samples, sample_requests
from janus_recipes.errors import StepError
from janus_recipes.records import Asked, BenchInstance, Status

INSTANCES = [
    BenchInstance(f"i-{n}/0", f"i-{n}", "mf-Koala", "Why is the sky blue?", "Be brief.", (), "", ()) for n in "ab"
]


def sampled(*texts: str | None, instance: str = "i-a/0") -> list[Asked[str]]:
    return [
        Asked(f"{instance}/{n}", Status.OK, text, text, 1)
        if text is not None
        else Asked(f"{instance}/{n}", Status.FAILED, None, reason="full")
        for n, text in enumerate(texts)
    ]


def rewarded(*values: float | None, instance: str = "i-a/0") -> list[Asked[float]]:
    return [
        Asked(f"{instance}/{n}", Status.OK if value is not None else Status.FAILED, value, reason="too long")
        for n, value in enumerate(values)
    ]


def chosen(
    samples: list[Asked[str]], rewards: list[Asked[float]], of: int = 3
) -> tuple[list[Asked[str]], Counter[str]]:
    counted: Counter[str] = Counter()
    return list(choose(samples, rewards, of, counted)), counted


def test_every_sample_has_a_seed_of_its_own_and_the_first_of_many_are_those_of_few() -> None:
    few, many = (list(sample_requests(INSTANCES, "multifaceted", "", 42, n)) for n in (2, 3))
    assert [one["id"] for one in few] == ["i-a/0/0", "i-a/0/1", "i-b/0/0", "i-b/0/1"]
    assert len({one["seed"] for one in many}) == 6
    by_id = {one["id"]: one for one in many}
    assert all(by_id[one["id"]] == one for one in few)
    turned = list(sample_requests(INSTANCES[::-1], "multifaceted", "", 42, 2))
    assert sorted(turned, key=lambda one: one["id"]) == few, "order of the instances decides no seed"


def test_the_sample_with_the_highest_reward_becomes_the_instances_answer() -> None:
    (row,), counted = chosen(sampled("one", "two", "three"), rewarded(-1.5, 0.25, -3.0))
    assert (row.id, row.status, row.value) == ("i-a/0", Status.OK, "two")
    assert row.reason == "sample 1 of 3 with the reward 0.2500"
    assert (counted[Status.OK], counted["fewer"], counted["tied"]) == (1, 0, 0)


def test_of_equal_rewards_the_first_sample_is_kept_and_the_tie_is_counted() -> None:
    (row,), counted = chosen(sampled("one", "two", "three"), rewarded(0.0, 1.0, 1.0))
    assert (row.value, counted["tied"]) == ("two", 1)


def test_a_sample_without_a_reward_is_never_chosen_and_the_row_says_of_how_many_it_is() -> None:
    (row,), counted = chosen(sampled("one", None, "three"), rewarded(-9.0, None, None))
    assert (row.value, row.attempts, counted["fewer"]) == ("one", 1, 1)
    assert row.reason == "sample 0 of 3 with the reward -9.0000, 2 without one"


def test_an_instance_without_any_reward_keeps_its_status_and_its_reason() -> None:
    rows, counted = chosen(
        sampled(None, None, None) + sampled("one", "two", "three", instance="i-b/0"),
        rewarded(None, None, None) + rewarded(None, None, None, instance="i-b/0"),
    )
    assert [(row.id, row.status, row.value) for row in rows] == [
        ("i-a/0", Status.FAILED, None),
        ("i-b/0", Status.FAILED, None),
    ]
    assert rows[0].reason == "none of 3 samples has a reward: full"
    assert rows[1].reason == "none of 3 samples has a reward: too long"
    assert counted[Status.FAILED] == 2


def test_samples_and_rewards_of_other_answers_are_refused() -> None:
    with pytest.raises(StepError, match="not 3 of one instance"):
        chosen(sampled("one", "two", "three"), rewarded(1.0, 2.0, 3.0, instance="i-b/0"))
    with pytest.raises(StepError, match="not 2 of one instance"):
        chosen(sampled("one", "two", "three")[1:], rewarded(1.0, 2.0, 3.0)[1:], of=2)
    with pytest.raises(StepError, match="not as many rewards as samples"):
        chosen(sampled("one", "two", "three"), rewarded(1.0, 2.0))


def test_the_reward_model_reads_what_the_model_read_and_then_the_answer() -> None:
    prompts = prompts_under("multifaceted", INSTANCES, "You are helpful.")
    (request,) = reward_requests(sampled("Rayleigh.", None), prompts)
    assert request == {
        "id": "i-a/0/0",
        "answer": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why is the sky blue?"},
            {"role": "assistant", "content": "Rayleigh."},
        ],
    }
    (bare,) = reward_requests(sampled("Rayleigh."), prompts_under("none", INSTANCES, "You are helpful."))
    assert [turn["role"] for turn in bare["answer"]] == ["user", "assistant"]
    with pytest.raises(StepError, match="belongs to no instance of this bench"):
        list(reward_requests(sampled("one", instance="i-z/0"), prompts))


def test_a_sample_that_is_not_there_has_no_reward_and_all_others_keep_theirs() -> None:
    rows = list(rewards_of(sampled("one", None, "three"), iter([rewarded(1.0)[0], rewarded(0, 0, 3.0)[2]])))
    assert [(row.id, row.status, row.value) for row in rows] == [
        ("i-a/0/0", Status.OK, 1.0),
        ("i-a/0/1", Status.MISSING, None),
        ("i-a/0/2", Status.OK, 3.0),
    ]
    assert rows[1].reason == "no answer to score: full"


def test_every_sample_is_judged_by_its_instances_rubrics() -> None:
    judged = as_samples(INSTANCES, 2)
    assert [one.id for one in judged] == ["i-a/0/0", "i-a/0/1", "i-b/0/0", "i-b/0/1"]
    assert {one.instruction_id for one in judged} == {"i-a", "i-b"}
