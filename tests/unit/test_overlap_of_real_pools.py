"""Near-duplicates and bench prompts that are known to stand in real public pools are found.

The files are not ours to ship. They are looked for in data/ and in shared/data beside the checkout; without them these
tests skip and say so. What must be found is worked out from the files themselves by other means: they may be whole
data sets or parts of them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from janus_recipes.collection.contamination import contaminated
from janus_recipes.collection.near_duplicates import near_duplicates
from janus_recipes.collection.words import runs_of, words_of
from janus_recipes.files import open_text
from janus_recipes.recipe.collection import Contamination, NearDuplicates
from tests.real_pools import NONE_HERE, REAL_POOLS

pytestmark = pytest.mark.skipif(REAL_POOLS is None, reason=NONE_HERE)


def records(name: str) -> list[Any]:
    assert REAL_POOLS is not None
    with open_text(REAL_POOLS / name) as lines:
        return [json.loads(line) for line in lines]


def by_itself(texts: list[str]) -> dict[str, str]:
    """The different texts, each under itself as its id."""
    return {text: text for text in texts}


def first_turn(dialogue: str) -> str:
    return dialogue.split("Human: ", 1)[1].split("\n\nAssistant:", 1)[0]


def plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def test_the_prompts_that_two_role_play_pools_share_are_near_duplicates() -> None:
    # 1,921 in the whole files; those that this was written with have 3,017 and 1,840 records and share 1,838.
    pools = [
        [one["instruction"] for one in records(f"instructions/gpteacher_roleplay{name}.jsonl.gz")]
        for name in ("", "_simple_dedup")
    ]
    shared = set(pools[0]) & set(pools[1])
    assert len(shared) > 1800
    texts = {f"{number}/{text}": text for number, pool in enumerate(pools) for text in dict.fromkeys(pool)}
    removed = near_duplicates(texts, NearDuplicates())
    assert {f"1/{text}" for text in shared} <= removed.keys()


def test_rewordings_of_the_second_round_are_found_in_the_first_and_nothing_else() -> None:
    # At 0.8, 77 of 1,855 are found; the twelve looked at by eye all add or drop one condition of the same task. Every
    # one of them, and no other, is what comparing all 3.5 million pairs finds; here those 77 are compared once more.
    rounds = [
        [one["instruction"] for one in records(f"instructions/evol_codealpaca_{number}.jsonl.gz")] for number in (1, 2)
    ]
    removed = near_duplicates(by_itself(rounds[0] + rounds[1]), NearDuplicates(similarity=0.8, words=3))
    assert len(removed) >= 70
    for one, other in removed.items():
        a, b = (set(runs_of(words_of(text), 3)) for text in (one, other))
        assert len(a & b) / len(a | b) >= 0.8
    assert set(removed) <= set(rounds[1]) and set(removed.values()) <= set(rounds[0])


def test_every_prompt_of_the_tulu_pool_is_a_bench_prompt() -> None:
    pool = by_itself([one["prompt"] for one in records("instructions/tulu_human_eval.jsonl.gz")])
    prompts = {
        name: [one["instruction"] for one in records(f"benchmarks/{name}")]
        for name in ("alpaca_eval.jsonl", "flask.jsonl.gz")
    }
    found = contaminated(pool, prompts, Contamination())
    assert found.keys() == pool.keys()
    assert {one.how for one in found.values()} == {"same text"}


def test_the_alpaca_eval_prompts_in_hh_helpful_are_found() -> None:
    # 129 in the whole test split. The file that this was written with lacks some records: six of AlpacaEval's prompts
    # stand nowhere in it, and the other 123 are first turns. 43 more dialogues begin with the 13 words of one prompt
    # ("I like to host guests at my home ..."), about other dishes.
    pool = by_itself([first_turn(one["text"][0]) for one in records("preference_pairs/dsp_hh_helpful_test.jsonl.gz")])
    prompts = [
        one["instruction"] for one in records("benchmarks/alpaca_eval.jsonl") if one["dataset"] == "helpful_base"
    ]
    there = {plain(text) for text in pool} & {plain(prompt) for prompt in prompts}
    assert len(there) >= 120
    found = contaminated(pool, {"helpful_base": prompts}, Contamination())
    assert {plain(text) for text, one in found.items() if one.how == "same text"} == there
    others = [text for text, one in found.items() if one.how == "shared words"]
    assert all(text.startswith("I like to host guests at my home from time to time") for text in others)


def test_the_mt_bench_questions_in_the_auto_j_pairs_are_found() -> None:
    # 47 in the whole file; the one that this was written with has 1,311 pairs and 44 of the questions.
    pool = by_itself([one["prompt"] for one in records("preference_pairs/autoj_pairwise_test.jsonl.gz")])
    questions = [one["turns"][0] for one in records("benchmarks/mt_bench.jsonl")]
    asked = set(map(plain, questions))
    there = {text for text in pool if plain(text) in asked}
    assert len(there) >= 40
    assert contaminated(pool, {"mt-bench": questions}, Contamination()).keys() == there
