"""The bench: prompts the Collection does not use, whole instances only, and the swapped control."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from janus_recipes.benchmarks.assemble import Assembled, BenchParts, instances
from janus_recipes.benchmarks.prompts import choose_prompts
from janus_recipes.benchmarks.rubrics import RubricText
from janus_recipes.benchmarks.unseen import SEEN, compare
from janus_recipes.errors import StepError
from janus_recipes.judging.judge import judge_requests, own, swapped
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.provider import Sampling
from janus_recipes.recipe.schema import BenchSource, Judging, Unseen
from janus_recipes.records import DIMENSIONS, BenchInstance, Instruction, Preference, Rubric, instruction_id

SOURCES = {name: BenchSource(path="x", field="text", column=f"mf-{name}", quota=2) for name in ("A", "B")}


def pool(name: str, *texts: str) -> list[Instruction]:
    return [Instruction(instruction_id(text), text, name) for text in texts]


def test_each_benchmark_gives_its_quota_without_what_the_collection_uses() -> None:
    pools = {"A": pool("A", "a1", "a2", "used"), "B": pool("B", "b1", "b2", "b3", "a1")}
    chosen = choose_prompts(pools, SOURCES, {instruction_id("used")}, seed=1)
    assert sorted(one.source for one in chosen) == ["A", "A", "B", "B"]
    assert {one.text for one in chosen if one.source == "A"} == {"a1", "a2"}  # a1 stays in the first benchmark


def test_a_benchmark_that_cannot_fill_its_quota_is_named_with_its_count() -> None:
    pools = {"A": pool("A", "a1"), "B": pool("B", "b1", "b2")}
    with pytest.raises(StepError, match="A has 1 instructions left, its quota is 2"):
        choose_prompts(pools, SOURCES, set(), seed=1)


def preferences(word: str) -> tuple[Preference, ...]:
    return tuple(Preference(name, "sub", f"{word} {name}", "Described.") for name in DIMENSIONS)


def parts(sets: Mapping[str, tuple[Preference, ...]], without: str = "") -> BenchParts:
    rubrics = {f"{item}/{n}": RubricText("c", ("1", "2", "3", "4", "5")) for item in sets for n in range(4)}
    rubrics.pop(without, None)
    texts = {item: f"text {item}" for item in sets}
    return BenchParts(sets, texts, texts, rubrics)


def test_an_instance_without_a_rubric_or_with_seen_preferences_is_left_out_and_counted() -> None:
    prompts = pool("A", "a1")
    item = prompts[0].id
    sets = {f"{item}/{n}": preferences(f"word{n}") for n in range(3)}
    report = Assembled()
    seen = compare(sets, [preferences("WORD1 ")], Unseen()).seen  # the same but for case and spaces
    made = list(instances(prompts, 4, SOURCES, parts(sets, without=f"{item}/2/3"), seen, report))
    assert [one.id for one in made] == [f"{item}/0"]
    assert report.left_out == {SEEN: 1, "no rubric": 1, "no preference set": 1}
    assert made[0].benchmark == "mf-A"
    assert [one.dimension for one in made[0].rubrics] == list(DIMENSIONS)


def bench_instance(item: str) -> BenchInstance:
    rubrics = tuple(Rubric(name, f"criteria of {item}", ("1", "2", "3", "4", "5")) for name in DIMENSIONS)
    return BenchInstance(
        item, item.split("/")[0], "mf-A", f"ask {item}", "system", preferences("w"), f"ref {item}", rubrics
    )


BENCH = [bench_instance(item) for item in ("i-1/0", "i-1/1", "i-1/2", "i-2/0", "i-3/0")]


def test_every_answer_is_judged_by_four_rubrics_in_each_run() -> None:
    spec = Judging(provider="judge", sampling=Sampling(max_tokens=9), runs=3)
    answers = {"i-1/0": "an answer", "i-3/0": "another"}  # the other instances have no answer: nothing is asked
    asked = list(judge_requests(BENCH, answers, spec, read_prompt("prompts/judge.j2"), own(BENCH)))
    assert len(asked) == 2 * 4 * 3
    assert [one.id for one in asked[:4]] == ["i-1/0/0/0", "i-1/0/0/1", "i-1/0/0/2", "i-1/0/1/0"]
    assert [one.sample for one in asked[:4]] == [0, 1, 2, 0]
    assert "an answer" in asked[0].messages[-1].content and "criteria of i-1/0" in asked[0].messages[-1].content


def test_the_swapped_control_takes_another_system_messages_rubrics_of_the_same_instruction() -> None:
    yardsticks = {item: one.id for item, one in swapped(BENCH).items()}
    assert yardsticks == {"i-1/0": "i-1/1", "i-1/1": "i-1/2", "i-1/2": "i-1/0", "i-2/0": "i-3/0", "i-3/0": "i-1/0"}
