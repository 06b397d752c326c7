"""The helpful mix: pairs from pools of any form, with everything that gives none counted by its reason."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_recipes.collection.reading import BadRecord
from janus_recipes.collection.sources import Aside
from janus_recipes.datasets.dialogue import NotADialogue, turns_of
from janus_recipes.datasets.helpful import mix, quotas
from janus_recipes.datasets.pairs_of_pools import LeftOut, Pair, PoolReport, Unusable, pair_in, read_pool
from janus_recipes.errors import RecipeError, StepError
from janus_recipes.llm.chat import Message
from janus_recipes.recipe.collection import Contamination
from janus_recipes.recipe.dataset import HelpfulMix, PreferencePool
from janus_recipes.recipe.load import load_recipe

HH = {"user_mark": "\n\nHuman: ", "assistant_mark": "\n\nAssistant: "}
ROOT = Path(__file__).parents[2]


def pool(**keys: Any) -> PreferencePool:
    """A pool of two ordered answers, unless `keys` say otherwise."""
    return PreferencePool(**{"share": 1.0, "answers": ["chosen", "rejected"], "path": "pool.jsonl", **keys})


def pair(number: int, source: str = "a", prompt: str = "Why?") -> Pair:
    return Pair(f"h-{number:04}", source, (Message("user", prompt),), f"because {number}", "no idea")


def mixed(pools: Mapping[str, Sequence[Pair]], rows: int, shares: Sequence[float], **keys: Any) -> Any:
    """The mix of some pools, and their reports."""
    spec = HelpfulMix(
        kind="helpful_mix",
        rows=rows,
        pools={name: pool(share=share) for name, share in zip(pools, shares, strict=True)},
        contamination=Contamination(words=4) if "prompts" in keys else None,
    )
    reports = {name: PoolReport() for name in pools}
    return mix(pools, reports, spec, 42, keys.get("prompts", {})), reports


def test_a_dialogue_with_marks_becomes_turns_without_the_space_around_them() -> None:
    text = "\n\nHuman: Hi\n\nAssistant: Hello. \n\nHuman: What is\n\n2+2? \n\nAssistant: 4"
    assert turns_of(text, **HH) == (
        Message("user", "Hi"),
        Message("assistant", "Hello."),
        Message("user", "What is\n\n2+2?"),
        Message("assistant", "4"),
    )


def test_the_first_mark_may_lack_its_line_break_and_an_empty_turn_its_last_space() -> None:
    assert turns_of("prompter: Hi\nassistant: Yes?\nprompter: So", "\nprompter: ", "\nassistant: ") == (
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "So"),
    )
    assert turns_of("\n\nHuman: Hi\n\nAssistant:", **HH)[-1] == Message("assistant", "")


@pytest.mark.parametrize(
    "text",
    [
        "no mark at all",
        "said before\n\nHuman: Hi\n\nAssistant: Yes",
        "\n\nAssistant: I begin\n\nHuman: Oh",
        "\n\nHuman: Hi\n\nHuman: Hello?\n\nAssistant: Yes",
        "",
    ],
)
def test_what_does_not_alternate_from_the_users_turn_on_is_no_dialogue(text: str) -> None:
    with pytest.raises(NotADialogue):
        turns_of(text, **HH)


@given(st.lists(st.text(alphabet="ab \n:H", max_size=20), min_size=1, max_size=6))
def test_turns_come_back_as_they_were_written(said: list[str]) -> None:
    marks = ["\n\nHuman: ", "\n\nAssistant: "]
    text = "".join(marks[number % 2] + words for number, words in enumerate(said))
    assert [turn.content for turn in turns_of(text, *marks)] == [words.strip() for words in said]


def test_two_dialogues_with_the_same_prompt_become_one_row_of_messages() -> None:
    ask = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: And?\n\nAssistant: "
    row = pair_in({"chosen": ask + "well", "rejected": ask + "bad"}, pool(**HH), "hh", 42).as_row()
    prompt = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And?"},
    ]
    assert row["chosen"] == [*prompt, {"role": "assistant", "content": "well"}]
    assert row["rejected"] == [*prompt, {"role": "assistant", "content": "bad"}]
    assert row["source"] == "hh"
    assert row["id"].startswith("h-")


def test_the_higher_score_is_chosen_wherever_it_stands() -> None:
    webgpt = pool(prompt="question.full_text", answers=["answer_0", "answer_1"], scores=["score_0", "score_1"])
    record = {"question": {"full_text": "Why?"}, "answer_0": "a", "answer_1": "b", "score_0": -0.5, "score_1": 0.5}
    found = pair_in(record, webgpt, "webgpt", 42)
    assert (found.chosen, found.rejected) == ("b", "a")


@pytest.mark.parametrize(
    ("record", "keys", "reason"),
    [
        ({"p": "?", "texts": ["a", "b"], "scores": [1, 1.0]}, {}, LeftOut.TIE),
        ({"p": "?", "texts": ["a", " \n"], "scores": [1, 0]}, {}, LeftOut.EMPTY_ANSWER),
        ({"p": "?", "texts": ["a ", "a"], "scores": [1, 0]}, {}, LeftOut.IDENTICAL),
        ({"p": "?", "texts": ["a"], "scores": [1]}, {}, LeftOut.TOO_FEW),
        ({"p": "  ", "texts": ["a", "b"], "scores": [1, 0]}, {}, LeftOut.EMPTY_TURN),
        ({"p": "\n\nHuman: a\n\nAssistant: b", "texts": ["a", "b"], "scores": [1, 0]}, HH, LeftOut.NO_ANSWER),
        ({"p": "what", "texts": ["a", "b"], "scores": [1, 0]}, HH, LeftOut.NOT_A_DIALOGUE),
    ],
)
def test_a_record_that_gives_no_pair_is_left_out_for_its_reason(
    record: dict[str, Any], keys: dict[str, Any], reason: LeftOut
) -> None:
    with pytest.raises(Unusable) as caught:
        pair_in(record, pool(prompt="p", answers=["texts"], scores=["scores"], **keys), "a", 42)
    assert caught.value.reason is reason


def test_dialogues_that_part_before_the_answer_or_have_none_are_left_out() -> None:
    one, other = "\n\nHuman: a\n\nAssistant: b", "\n\nHuman: A\n\nAssistant: c"
    for rejected, reason in ((other, LeftOut.DIFFERENT_PROMPTS), ("\n\nHuman: a", LeftOut.NO_ANSWER)):
        with pytest.raises(Unusable) as caught:
            pair_in({"chosen": one, "rejected": rejected}, pool(**HH), "a", 42)
        assert caught.value.reason is reason


@pytest.mark.parametrize(
    "record",
    [
        {"chosen": "\n\nHuman: a\n\nAssistant: b"},
        {"chosen": 1, "rejected": "b"},
        ["chosen"],
        None,
    ],
)
def test_a_record_of_another_form_is_bad_and_says_why(record: Any) -> None:
    with pytest.raises(BadRecord, match=r"chosen|rejected"):
        pair_in(record, pool(**HH), "a", 42)


@pytest.mark.parametrize("scores", [[1], [1, None], [1, "much"], [1, float("nan")]])
def test_scores_that_are_none_or_too_few_make_a_record_bad(scores: list[Any]) -> None:
    record = {"p": "?", "texts": ["a", "b"], "scores": scores}
    with pytest.raises(BadRecord, match="score"):
        pair_in(record, pool(prompt="p", answers=["texts"], scores=["scores"]), "a", 42)


def test_of_ranked_answers_one_better_and_one_worse_are_drawn_the_same_each_time() -> None:
    ranked = pool(prompt="p", answers=["texts"])
    drawn = set()
    for number in range(200):
        record = {"p": f"question {number}", "texts": ["0", "1", "2", "", "1"]}
        found = pair_in(record, ranked, "a", 42)
        assert found == pair_in(record, ranked, "a", 42)
        drawn.add((found.chosen, found.rejected))
    # Of 0 > 1 > 2 > (empty) > 1, without the empty one and without 1 against 1; the last 1 is worse than 2.
    assert drawn == {("0", "1"), ("0", "2"), ("1", "2"), ("2", "1")}


def test_shares_become_rows_that_sum_to_the_whole() -> None:
    shares = {"hh": 0.72, "oasst": 0.14, "webgpt": 0.14}
    spec = HelpfulMix(kind="helpful_mix", rows=66000, pools={name: pool(share=one) for name, one in shares.items()})
    assert quotas(spec) == {"hh": 47520, "oasst": 9240, "webgpt": 9240}
    # 7.2 + 1.4 + 1.4 rounds down to 7 + 1 + 1: the tenth goes to the largest rest, the first of two equal ones.
    assert quotas(spec.model_copy(update={"rows": 10})) == {"hh": 7, "oasst": 2, "webgpt": 1}


def test_the_mix_has_each_pools_share_whatever_the_order_of_its_records() -> None:
    pools = {"a": [pair(n, "a") for n in range(90)], "b": [pair(n, "b") for n in range(100, 160)]}
    found, reports = mixed(pools, 50, [0.6, 0.4])
    assert [sum(one.source == name for one in found.pairs) for name in "ab"] == [30, 20]
    assert {name: (report.usable, report.drawn) for name, report in reports.items()} == {"a": (90, 30), "b": (60, 20)}
    shuffled = {name: random.Random(7).sample(pairs, len(pairs)) for name, pairs in pools.items()}
    assert mixed(shuffled, 50, [0.6, 0.4])[0].pairs == found.pairs
    first_half = {one.source for one in found.pairs[:10]}
    assert first_half == {"a", "b"}  # the pools are mixed, not one after the other


def test_a_pair_that_comes_again_is_counted_and_stays_in_the_first_pool() -> None:
    found, reports = mixed({"a": [pair(1), pair(1), pair(2)], "b": [pair(2, "b"), pair(3, "b")]}, 3, [2 / 3, 1 / 3])
    assert sorted((one.id, one.source) for one in found.pairs) == [("h-0001", "a"), ("h-0002", "a"), ("h-0003", "b")]
    assert reports["a"].left_out == reports["b"].left_out == {LeftOut.REPEATED: 1}


def test_too_few_pairs_are_an_error_that_says_how_many_rows_there_can_be() -> None:
    pools = {"a": [pair(n) for n in range(30)], "b": [pair(n, "b") for n in range(100, 110)]}
    # b has 10 of the 20 it should give: 10 / 0.4 = 25 rows.
    with pytest.raises(StepError, match=r"b has 10 usable pairs and should give 20\. Set `rows` to 25 or fewer"):
        mixed(pools, 50, [0.6, 0.4])


def test_pairs_whose_user_asks_what_a_benchmark_asks_are_left_out_and_told() -> None:
    asked = "Which of the moons of Jupiter is the largest one?"
    pools = {"a": [pair(1, prompt=f"Tell me: {asked}"), pair(2), pair(3, prompt="Which moon?")]}
    found, reports = mixed(pools, 2, [1.0], prompts={"mt-bench": [asked]})
    assert sorted(one.id for one in found.pairs) == ["h-0002", "h-0003"]
    assert found.overlaps["h-0001"].benchmark == "mt-bench"
    assert reports["a"].left_out == {LeftOut.CONTAMINATED: 1}


def test_a_bad_line_is_kept_aside_with_its_number_and_never_stops_the_step(tmp_path: Path) -> None:
    file = tmp_path / "pool.jsonl"
    good = [{"chosen": f"\n\nHuman: {n}\n\nAssistant: a", "rejected": f"\n\nHuman: {n}\n\nAssistant: b"} for n in "123"]
    lines = [json.dumps(record) for record in good]
    file.write_text("\r\n".join([lines[0], "{not json", lines[1], '{"other": 1}', lines[2]]), encoding="utf-8")
    report, aside = PoolReport(), Aside()
    pairs = list(read_pool("hh", pool(path=str(file), max_bad_share=0.5, **HH), 42, report, aside))
    assert [one.prompt[0].content for one in pairs] == ["1", "2", "3"]
    assert (report.records, report.bad) == (5, 2)
    assert [(row["source"], row["record"]) for row in aside.rows] == [("hh", 2), ("hh", 4)]
    with pytest.raises(StepError, match="2 of 5 records cannot be read"):
        list(read_pool("hh", pool(path=str(file), **HH), 42, PoolReport(), Aside()))


def test_only_records_that_the_recipe_asks_for_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pool.jsonl"
    records = [{"p": "?", "chosen": lang, "rejected": "b", "lang": lang} for lang in ("en", "de")]
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    wanted = pool(path=str(file), prompt="p", where={"lang": "de"})
    assert [one.chosen for one in read_pool("a", wanted, 42, PoolReport(), Aside())] == ["de"]


def test_a_pool_whose_parts_do_not_fit_is_told_by_validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("""\
datasets:
  helpful-mix:
    pools:
      hh-rlhf: {assistant_mark: null}
      oasst1: {prompt: null, user_mark: null, assistant_mark: null}
      webgpt: {scores: [score_0]}
""")
    with pytest.raises(RecipeError) as caught:
        load_recipe([Path("recipes/janus.yaml"), overlay])
    told = "\n".join(caught.value.problems)
    assert "pools.hh-rlhf.assistant_mark: missing: a dialogue has a mark for the user and one for the" in told
    assert "pools.oasst1.prompt: missing: without it the answers are whole dialogues" in told
    assert "pools.webgpt.scores: 1 places, but the answers stand at 2" in told
