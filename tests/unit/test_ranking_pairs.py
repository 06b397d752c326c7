"""Which pairs of reference answers a bench gives, and which instances give none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from janus_recipes.files import Json
from janus_recipes.ranking.pairs import pair_rows
from janus_recipes.records import BenchInstance

THREE = ("red", "green", "blue")


def instance(name: str, answer: str) -> BenchInstance:
    """An instance of the instruction that its id names; its system message is `be <answer>`."""
    return BenchInstance(name, name.partition("/")[0], "mf-Koala", "Paint.", f"be {answer}", (), answer, ())


def bench(instructions: int = 1, answers: Sequence[str] = THREE) -> list[BenchInstance]:
    return [instance(f"i-{i}/{n}", answer) for i in range(instructions) for n, answer in enumerate(answers)]


def pairs_of(made: Sequence[BenchInstance], seed: int = 42) -> tuple[list[Json], Counter[str]]:
    left_out: Counter[str] = Counter()
    return list(pair_rows(made, seed, left_out)), left_out


def test_each_instances_own_answer_is_chosen_over_one_to_another_message_of_its_instruction() -> None:
    found, left_out = pairs_of(bench(2))
    assert [pair["id"] for pair in found] == ["i-0/0", "i-0/1", "i-0/2", "i-1/0", "i-1/1", "i-1/2"]
    for pair in found:
        own = THREE[int(pair["id"][-1])]
        other = THREE[int(pair["rejected_of"][-1])]
        assert other != own and pair["rejected_of"].startswith(pair["instruction_id"] + "/")
        before = [{"role": "system", "content": f"be {own}"}, {"role": "user", "content": "Paint."}]
        assert pair["chosen"] == [*before, {"role": "assistant", "content": own}]
        assert pair["rejected"] == [*before, {"role": "assistant", "content": other}]
    assert not left_out


def test_an_instance_that_is_the_last_of_its_instruction_gives_no_pair_and_is_counted() -> None:
    found, left_out = pairs_of([*bench(1), instance("i-9/0", "alone")])
    assert len(found) == 3 and left_out == {"no_other_system_message": 1}


def test_two_identical_answers_are_no_pair() -> None:
    # i-0/0 and i-0/1 are both "red": each is paired with "blue" alone. i-1 has but one answer, twice.
    found, left_out = pairs_of(
        [*bench(1, ("red", "red", "blue")), instance("i-1/0", "grey"), instance("i-1/1", "grey")]
    )
    assert [(pair["id"], pair["rejected_of"]) for pair in found][:2] == [("i-0/0", "i-0/2"), ("i-0/1", "i-0/2")]
    assert len(found) == 3 and left_out == {"identical_answers": 2}


def test_the_rejected_one_is_drawn_by_seed_and_id_not_by_the_benchs_order() -> None:
    forth, back = pairs_of(bench(20))[0], pairs_of(bench(20)[::-1])[0]
    assert forth == back[::-1]
    drawn = [pair["rejected_of"] for pair in forth]
    assert drawn != [pair["rejected_of"] for pair in pairs_of(bench(20), seed=43)[0]]
    # Of 20 first instances each has two others to be drawn from: all the same way would be a chance of 2 in 2**20.
    assert {name[-1] for name in drawn[::3]} == {"1", "2"}


def test_an_instance_keeps_its_pair_when_another_instruction_joins_the_bench() -> None:
    joined = [*bench(1), replace(instance("i-5/0", "new"), system_message=""), instance("i-5/1", "newer")]
    assert pairs_of(joined)[0][:3] == pairs_of(bench(1))[0]
    without_message = pairs_of(joined)[0][3]["chosen"]
    assert [turn["role"] for turn in without_message] == ["user", "assistant"]
