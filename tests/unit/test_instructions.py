"""Sampling the pools: the same draw whatever the order of files and rows, and a funnel that counts every step."""

from __future__ import annotations

import random
from typing import Any

import pytest

from janus_recipes.collection.instructions import Sampled, sample_instructions
from janus_recipes.errors import StepError
from janus_recipes.recipe.collection import InstructionSampling
from janus_recipes.records import Instruction, instruction_id

Pools = dict[str, list[Instruction]]


def pool(name: str, *texts: str, origin: str = "") -> list[Instruction]:
    return [Instruction(instruction_id(text), text, name, origin) for text in texts]


def sampled(pools: Pools, seed: int = 1, prompts: dict[str, list[str]] | None = None, **changes: Any) -> Sampled:
    spec = InstructionSampling(**{"per_source": 2, "before_filter": 4, "exclude_pattern": None, **changes})
    return sample_instructions(pools, spec, seed, prompts)


def sources_of(found: Sampled) -> dict[str, str]:
    return {one.text: one.source for one in found.instructions}


def test_the_same_instructions_are_drawn_whatever_the_order_of_rows_and_pools() -> None:
    texts = [f"question {number}" for number in range(50)]
    pools = {name: [one for n in (0, 1) for one in pool(name, *texts, origin=str(n))] for name in ("a", "b", "c")}
    wanted: dict[str, Any] = {"per_source": 9, "before_filter": 30, "top_up_from": "a", "keep_shared_in": "smallest"}
    pools["b"] += pool("b", "more")
    pools["c"] += pool("c", "still", "more than that")
    first = sampled(pools, **wanted)
    for shuffle in range(3):
        order = random.Random(shuffle)
        mixed = {name: order.sample(pools[name], len(pools[name])) for name in order.sample(sorted(pools), 3)}
        again = sampled(mixed, **wanted)
        assert again.instructions == first.instructions
        assert again.funnel.for_manifest() == first.funnel.for_manifest()
        assert {step: set(some) for step, some in again.funnel.removed.items()} == {
            step: set(some) for step, some in first.funnel.removed.items()
        }
    assert sampled(pools, seed=2, **wanted).instructions != first.instructions


def test_what_a_recipe_drew_before_is_drawn_still() -> None:
    found = sampled({"a": pool("a", *(f"question {number}" for number in range(50)))})
    # The two of fifty with the smallest seeds derived from (1, "draw", id), as they were before the funnel was counted.
    assert {one.text for one in found.instructions} == {"question 24", "question 48"}


def test_the_funnel_counts_each_step_as_the_paper_orders_them() -> None:
    pools = {"a": pool("a", "1", "2", "2", "3"), "b": pool("b", "3", "4", "you are a cook: 5", "6", "7")}
    found = sampled(pools, top_up_from="b", before_filter=6, exclude_pattern=r"\byou are\b")
    # a: 4 read, 3 unique; b: 5 unique, of which 3 is a's already. Two of each are sampled; b tops up with the other two
    # that it has, which is all of b, so the one that carries a system message is among the six and goes.
    assert found.funnel.for_manifest() == {
        "instructions": {"(all)": 9, "a": 4, "b": 5},
        "unique": {"(all)": 8, "a": 3, "b": 5},
        "unshared": {"(all)": 7, "a": 3, "b": 4},
        "sampled": {"(all)": 4, "a": 2, "b": 2},
        "before_filter": {"(all)": 6, "a": 2, "b": 4},
        "after_filter": {"(all)": 5, "a": 2, "b": 3},
        "kept": {"(all)": 5, "a": 2, "b": 3},
    }
    removed = {
        step: [(one.instruction.text, one.reason) for one in some] for step, some in found.funnel.removed.items()
    }
    assert removed["unique"] == [("2", "2 times")]
    assert removed["unshared"] == [("3", "kept in a")]
    assert removed["after_filter"] == [("you are a cook: 5", "you are")]


@pytest.mark.parametrize(
    ("keep_shared_in", "source"), [("first_listed", "a"), ("last_listed", "c"), ("smallest", "b"), ("largest", "a")]
)
def test_the_recipe_says_which_pool_keeps_an_instruction_of_several(keep_shared_in: str, source: str) -> None:
    # Before anything is taken away a has 3 instructions, b 1 and c 2.
    pools = {"a": pool("a", "same", "x", "y"), "b": pool("b", "same"), "c": pool("c", "same", "z")}
    found = sampled(pools, per_source=9, keep_shared_in=keep_shared_in)
    assert sources_of(found) == {"same": source, "x": "a", "y": "a", "z": "c"}


def test_the_smallest_pool_sets_the_sample_of_each() -> None:
    # b shares one of its three with a, which keeps it: two are left, so two of each are sampled.
    pools = {"a": pool("a", "1", "2", "3", "4"), "b": pool("b", "1", "5", "6")}
    found = sampled(pools, per_source="smallest")
    assert found.funnel.for_manifest()["sampled"] == {"(all)": 4, "a": 2, "b": 2}


def test_more_than_before_filter_is_cut_to_it_and_a_smaller_number_takes_some_of_a_larger_one() -> None:
    pools = {name: pool(name, *(f"{name} {number}" for number in range(30))) for name in ("a", "b")}
    found = {most: sampled(pools, per_source=20, before_filter=most, top_up_from="b") for most in (10, 25, 40, 45)}
    # 20 of each are sampled. 10 and 25 are cut from these 40, 45 is topped up with five more of b.
    assert {most: one.funnel.totals()["sampled"] for most, one in found.items()} == dict.fromkeys(found, 40)
    assert {most: one.funnel.totals()["before_filter"] for most, one in found.items()} == {most: most for most in found}
    texts = [{one.text for one in found[most].instructions} for most in (10, 25, 40, 45)]
    assert texts[0] < texts[1] < texts[2] < texts[3]
    assert {one.source for one in found[10].instructions} == {"a", "b"}  # cut at random, not at the end
    turned = {name: pool[::-1] for name, pool in reversed(pools.items())}
    assert sampled(turned, per_source=20, before_filter=10).instructions == found[10].instructions


def test_an_instruction_of_two_inner_sources_has_the_first_by_name() -> None:
    rows = [*pool("a", "same", origin="web"), *pool("a", "same", origin="books")]
    for order in (rows, rows[::-1]):
        assert [one.origin for one in sampled({"a": order}).instructions] == ["books"]


def test_near_duplicates_and_bench_prompts_go_where_the_recipe_wants_it() -> None:
    words = "one two three four five six seven eight nine ten"
    alike = (f"{words} eleven twelve", f"{words} eleven twelve thirteen")  # 10 of 11 runs of three words: 0.91
    texts = (*alike, "What is the capital of France?", "Why is the sky blue?")
    found = sampled(
        {"a": pool("a", *texts)},
        per_source=4,
        near_duplicates={"similarity": 0.8, "words": 3},
        contamination={"words": 13},
        prompts={"bench/koala": ["what is the capital of france"]},
    )
    assert found.funnel.totals()["after_near_duplicates"] == 3
    assert found.funnel.totals()["after_contamination"] == 2
    (near,), (bench,) = found.funnel.removed["after_near_duplicates"], found.funnel.removed["after_contamination"]
    assert near.reason == f"like: {alike[1 - alike.index(near.instruction.text)]}"
    assert bench.reason.startswith("bench/koala, same text: ")


def test_nothing_left_is_an_error_with_the_funnel() -> None:
    with pytest.raises(StepError, match=r"no instruction is left of the pools a: .*'before_filter': 1, .*'kept': 0"):
        sampled({"a": pool("a", "you are")}, exclude_pattern="you are")
