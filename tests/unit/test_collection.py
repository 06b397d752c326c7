"""The teacher's requests and answers: what is asked, what is accepted, and what is asked again."""

from __future__ import annotations

import json

import pytest

from janus_recipes.benchmarks.rubrics import parse_rubric, rubric_requests
from janus_recipes.collection.preferences import parse_preference_set, preference_requests
from janus_recipes.collection.responses import parse_response, response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import parse_system_message, system_message_requests
from janus_recipes.commands.asking import in_full
from janus_recipes.datasets.sft import sft_rows
from janus_recipes.llm.chat import Unparsed
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.collection import PreferenceSets, SystemMessages
from janus_recipes.recipe.dataset import SftDataset
from janus_recipes.recipe.provider import Sampling
from janus_recipes.recipe.schema import Rubrics
from janus_recipes.records import DIMENSIONS, Asked, Instruction, Preference, Status

SAMPLING = Sampling(max_tokens=10)
SEEDS = read_seed_preferences("prompts/seeds/preferences.yaml")
ONE = Instruction("i-1", "How do bees sleep?", "pool")
SET = tuple(Preference(name, "sub", f"likes {name}", f"Something about {name}.") for name in DIMENSIONS)


def as_json(preferences: tuple[Preference, ...]) -> str:
    return json.dumps([vars(one) for one in preferences])


def test_three_preference_sets_are_asked_for_an_instruction_each_with_its_own_seed_set() -> None:
    spec = PreferenceSets(provider="teacher", sampling=SAMPLING, per_instruction=3)
    asked = list(preference_requests([ONE], SEEDS, spec, read_prompt("prompts/preference_set.j2"), seed=1))
    assert [one.id for one in asked] == ["i-1/0", "i-1/1", "i-1/2"]
    assert [one.sample for one in asked] == [0, 1, 2]
    assert len({one.messages for one in asked}) == 3
    assert asked == list(preference_requests([ONE], SEEDS, spec, read_prompt("prompts/preference_set.j2"), seed=1))


def test_a_preference_set_is_read_with_or_without_a_code_block_and_in_any_order() -> None:
    assert parse_preference_set(as_json(SET)) == SET
    assert parse_preference_set(f"```json\n{as_json(SET[::-1])}\n```") == SET


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here it is: []",
        as_json(SET[:3]),
        as_json((*SET[:3], SET[0])),
        as_json(SET) + " I hope this helps",
        json.dumps([{"dimension": "Style"}] * 4),
        json.dumps([{**vars(one), "preference": ""} for one in SET]),
        json.dumps([{**vars(one), "preference": 4} for one in SET]),
        json.dumps({"preferences": 1}),
        "{",
    ],
)
def test_a_preference_set_of_another_form_is_asked_again(text: str) -> None:
    with pytest.raises(Unparsed):
        parse_preference_set(text)


def test_a_system_message_is_asked_for_with_three_different_examples() -> None:
    spec = SystemMessages(provider="teacher", sampling=SAMPLING, examples=3)
    examples = read_seed_system_messages("prompts/seeds/system_messages.yaml")
    prompt = read_prompt("prompts/system_message.j2")
    (asked,) = system_message_requests([Asked("i-1/0", Status.OK, SET)], examples, spec, prompt, seed=1)
    shown = [one for one in examples if json.dumps(one, ensure_ascii=False) in asked.messages[-1].content]
    assert len(shown) == 3
    assert all(one.preference in asked.messages[-1].content for one in SET)


def test_a_system_message_is_read_without_the_white_space_around_it_and_is_not_blank() -> None:
    assert parse_system_message('{"system_message": " You answer as a baker. "}') == "You answer as a baker."
    for wrong in ("", " \n "):
        with pytest.raises(Unparsed):
            parse_system_message(json.dumps({"system_message": wrong}))


def test_a_gold_response_is_asked_for_as_a_plain_chat_under_its_system_message() -> None:
    spec = SystemMessages(provider="teacher", sampling=SAMPLING)
    rows = [Asked("i-1/2", Status.OK, "Answer as a baker.")]
    (asked,) = response_requests(rows, {"i-1": ONE.text}, spec, read_prompt("prompts/response.j2"))
    assert [(one.role, one.content) for one in asked.messages] == [
        ("system", "Answer as a baker."),
        ("user", "How do bees sleep?"),
    ]
    with pytest.raises(Unparsed):
        parse_response(" \n")


def test_one_rubric_is_asked_for_each_preference() -> None:
    spec = Rubrics(provider="teacher", sampling=SAMPLING, examples=3)
    examples = read_seed_rubrics("prompts/seeds/rubrics.yaml")
    asked = list(
        rubric_requests([Asked("i-1/0", Status.OK, SET)], examples, spec, read_prompt("prompts/rubric.j2"), seed=1)
    )
    assert [one.id for one in asked] == ["i-1/0/0", "i-1/0/1", "i-1/0/2", "i-1/0/3"]
    assert all(one.preference in request.messages[-1].content for one, request in zip(SET, asked, strict=True))


def test_a_rubric_needs_criteria_and_all_five_scores() -> None:
    whole = {"criteria": "c", **{f"score{n}_description": str(n) for n in range(1, 6)}}
    assert parse_rubric(json.dumps(whole)).scores == ("1", "2", "3", "4", "5")
    with pytest.raises(Unparsed, match="score3_description"):
        parse_rubric(json.dumps({key: text for key, text in whole.items() if key != "score3_description"}))


def test_a_row_whose_parts_are_missing_is_reported_and_not_dropped() -> None:
    rows = [Asked("b", Status.OK, 1), Asked("d", Status.UNPARSED, None)]
    full = list(in_full(["a", "b", "c", "d"], iter(rows)))
    assert [(row.id, row.status) for row in full] == [
        ("a", Status.MISSING),
        ("b", Status.OK),
        ("c", Status.MISSING),
        ("d", Status.UNPARSED),
    ]


def sft(messages_per_instruction: int, without: str = "") -> list[str]:
    ids = [f"i-{number}/{n}" for number in range(40) for n in range(3)]
    instructions = [Instruction(f"i-{number}", f"question {number}", "pool") for number in range(40)]
    texts = {item: f"text of {item}" for item in ids if item != without}
    spec = SftDataset(kind="sft", system_messages_per_instruction=messages_per_instruction)
    return [row["id"] for row in sft_rows(instructions, texts, texts, spec, seed=1)]


def test_one_system_message_an_instruction_is_a_third_of_the_collection_and_lies_within_two_thirds() -> None:
    one, two, three = sft(1), sft(2), sft(3)
    assert (len(one), len(two), len(three)) == (40, 80, 120)
    assert set(one) < set(two) < set(three)
    assert len({item[-1] for item in one}) == 3  # not always the same one of the three


def test_an_incomplete_set_is_not_trained_on() -> None:
    assert "i-7/1" not in sft(3, without="i-7/1")
    assert len(sft(3, without="i-7/1")) == 119


def test_a_training_row_is_the_conversation_that_the_template_renders() -> None:
    (row,) = sft_rows([ONE], {"i-1/0": "Be brief."}, {"i-1/0": "Seldom."}, SftDataset(kind="sft"), seed=1)
    assert [(turn["role"], turn["content"]) for turn in row["messages"]] == [
        ("system", "Be brief."),
        ("user", "How do bees sleep?"),
        ("assistant", "Seldom."),
    ]
