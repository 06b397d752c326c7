"""Answers in JSON: the schema that is sent where a provider takes one, and what is read whether it was sent or not."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openai import pydantic_function_tool

from janus_recipes.benchmarks.rubrics import RUBRIC, RubricAnswer, parse_rubric, rubric_requests
from janus_recipes.collection import preferences, system_messages
from janus_recipes.collection.preferences import (
    PREFERENCE_SET,
    PreferenceSetAnswer,
    checks_of_a_set,
    preference_requests,
)
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import (
    SYSTEM_MESSAGE,
    SystemMessageAnswer,
    checks_of_a_message,
    system_message_requests,
)
from janus_recipes.collection.teacher_json import JsonAnswer
from janus_recipes.files import write_jsonl
from janus_recipes.judging.verdict import parse_verdict
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import AnswerFormat, ChatRequest, Message, Unparsed, address_of, body_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.collection import PreferenceSets, SystemMessages
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.recipe.schema import Recipe, Rubrics
from janus_recipes.records import DIMENSIONS, Asked, Instruction, Preference, Status, row_of
from janus_recipes.workflow.specs import asked_model, asking_spec

SAMPLING = Sampling(max_tokens=9, temperature=0.5)
SEED_MESSAGES = read_seed_system_messages("prompts/seeds/system_messages.yaml")
CHECKED_SETS = PreferenceSets(provider="t", sampling=SAMPLING).checks  # all there are
CHECKED_MESSAGES = SystemMessages(provider="t", sampling=SAMPLING).checks
parse_preference_set = partial(preferences.parse_preference_set, checks=checks_of_a_set(CHECKED_SETS))
parse_system_message = partial(
    system_messages.parse_system_message, checks=checks_of_a_message(CHECKED_MESSAGES, SEED_MESSAGES)
)
QUESTION = ChatRequest("q", (Message("system", "s"), Message("user", "u")), SAMPLING)
FORMS = ((PREFERENCE_SET, PreferenceSetAnswer), (SYSTEM_MESSAGE, SystemMessageAnswer), (RUBRIC, RubricAnswer))
SET = tuple(Preference(name, "sub", f"likes {name}", f"Something about {name}.") for name in DIMENSIONS)
AS_LIST = [vars(one) for one in SET]
RUBRIC_JSON = {"criteria": "c", **{f"score{n}_description": f"d{n}" for n in range(1, 6)}}
ANSWERS: tuple[tuple[Callable[[str], object], str], ...] = (
    (parse_preference_set, json.dumps(AS_LIST)),
    (parse_preference_set, f"```json\n{json.dumps({'preferences': AS_LIST}, indent=1)}\n```"),
    (parse_system_message, json.dumps({"system_message": 'You are a baker. Say "flour" \U0001f35e at times.'})),
    (parse_rubric, json.dumps(RUBRIC_JSON)),
    (parse_verdict, "Feedback: it honours the wish. [RESULT] 4"),
)


def provider_with(**settings: Any) -> Provider:
    return Provider.model_validate({"kind": "openai", "model": "gpt-x", **settings})


def test_answers_that_were_paid_for_before_there_were_schemas_are_still_found() -> None:
    # Digests as the ledger had them before requests could carry a schema.
    plain, reasoning = provider_with(), provider_with(reasoning_effort="none", accepts_sampling=False)
    for request in (QUESTION, replace(QUESTION, answer=SYSTEM_MESSAGE)):
        assert address_of(request, plain) == "d949cd84516094ec16bb9181e15001edddcae448367498e631e7a900e2850a32"
        assert address_of(request, reasoning) == "dc39341900f9e137995dd026d183e210a9872953870e54f6c46f9cd738d012dd"
        assert "response_format" not in body_of(request, plain)


def test_a_schema_is_sent_and_part_of_the_address_only_where_the_provider_takes_one() -> None:
    takes_one = provider_with(structured_output=True)
    with_schema = replace(QUESTION, answer=SYSTEM_MESSAGE)
    assert body_of(with_schema, takes_one)["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "system_message",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"system_message": {"type": "string"}},
                "required": ["system_message"],
                "additionalProperties": False,
            },
        },
    }
    assert body_of(QUESTION, takes_one) == body_of(QUESTION, provider_with())
    assert address_of(QUESTION, takes_one) == address_of(QUESTION, provider_with())
    renamed = replace(QUESTION, answer=AnswerFormat("other", SYSTEM_MESSAGE.schema))
    other = replace(QUESTION, answer=RUBRIC)
    assert len({address_of(one, takes_one) for one in (QUESTION, with_schema, renamed, other)}) == 4
    assert hash(with_schema) != hash(QUESTION)


def objects_in(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from objects_in(value)


def without(schema: Any, *keys: str) -> Any:
    """The schema without these keywords; a property may be called like one."""
    if not isinstance(schema, dict):
        return schema
    named = {name: without(one, *keys) for name, one in schema.get("properties", {}).items()}
    kept = {key: without(value, *keys) for key, value in schema.items() if key not in (*keys, "properties")}
    return {**kept, "properties": named} if "properties" in schema else kept


@pytest.mark.parametrize(("sent", "form"), FORMS)
def test_a_schema_is_one_that_strict_mode_takes(sent: AnswerFormat, form: type[JsonAnswer]) -> None:
    # The openai package's own strict form of the same model; we leave out the titles, which would be paid as tokens.
    function = pydantic_function_tool(form)["function"]
    assert function["strict"] is True
    assert sent.schema == without(function["parameters"], "title")
    assert sent.schema["type"] == "object"
    for one in objects_in(sent.schema):
        assert one["required"] == list(one["properties"]) and one["additionalProperties"] is False
    keywords = {"$defs", "$ref", "type", "properties", "required", "additionalProperties", "items", "enum"}
    names = {name for one in objects_in(sent.schema) for name in one["properties"]} | set(sent.schema.get("$defs", {}))
    assert set(_keys(sent.schema)) <= keywords | names


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            yield from _keys(value)


def test_a_preference_set_is_read_in_the_object_that_a_schema_needs_and_bare() -> None:
    assert parse_preference_set(json.dumps(AS_LIST)) == SET
    assert parse_preference_set(json.dumps({"preferences": AS_LIST[::-1]})) == SET
    shouted = [{**one, "dimension": str(one["dimension"]).upper()} for one in AS_LIST]
    assert [one.dimension for one in parse_preference_set(json.dumps(shouted))] == [name.upper() for name in DIMENSIONS]


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_preference_set, "Sure! []", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (parse_preference_set, "[1, 2]", "preferences.0 must be an object; preferences.1 must be an object"),
        (parse_preference_set, '{"preferences": {}}', "preferences must be a list"),
        (parse_preference_set, json.dumps(AS_LIST[:3]), "the answer has not one preference for each of Style, "),
        (parse_preference_set, json.dumps([*AS_LIST[:3], {"dimension": 4}]), "preferences.3.dimension must be text; "),
        (parse_system_message, '"You are a baker."', "the answer must be an object"),
        (parse_system_message, '{"system_message": " \\n"}', "system_message must not be blank"),
        (parse_system_message, '{"system_message": "a\\n- b"}', 'no_bullets: has a list: "- b"'),
        (parse_rubric, "{}", "criteria is missing; score1_description is missing; score2_description is missing and 3"),
        (parse_rubric, "[" * 100_000, "not JSON that can be read: nested too deeply"),
        (parse_rubric, "9" * 5_000, "not JSON: Exceeds the limit"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_in_its_row(
    parse: Callable[[str], object], text: str, reason: str
) -> None:
    with pytest.raises(Unparsed) as caught:
        parse(text)
    assert str(caught.value).startswith(reason)


def test_half_a_character_in_an_answer_does_not_keep_its_row_from_being_written(tmp_path: Path) -> None:
    message = parse_system_message('{"system_message": "You are a baker \\ud83d of sorts."}')
    assert message == "You are a baker � of sorts."
    assert write_jsonl(tmp_path / "rows.jsonl", [row_of(Asked("i", Status.OK, message))]) == 1


def mangled(text: str, rng: random.Random) -> str:
    """The text with up to four things done to it that models and networks do to answers."""
    pieces = ("```", "```json\n", "\n", "\n\n", '"', "\\", "{", "}", "[", "]", ",", ":", "\x00", "\ufeff", "\ud800")
    pieces += ("null", "NaN", "-Infinity", "1e999", "[RESULT]", "\\ud800", "\\u0000", "٣", " - ", '"dimension": 4', "Я")
    for _ in range(rng.randint(1, 4)):
        start, end = sorted(rng.randint(0, len(text)) for _ in range(2))
        end = min(end, start + rng.choice((0, 1, 5, 1_000)))
        put = rng.choice(("", *pieces, text[start:end] * 2, text, rng.choice(pieces) * 50))
        text = text[:start] + put + text[end:]
    return text


def test_no_answer_however_mangled_breaks_a_step() -> None:
    rng = random.Random(0)
    read = unparsed = 0
    for number in range(10_000):
        parse, text = ANSWERS[number % len(ANSWERS)]
        try:
            value = parse(mangled(text, rng))
        except Unparsed as problem:
            unparsed += 1
            assert str(problem)
        else:
            read += 1
            json.dumps(row_of(Asked("i", Status.OK, value)), ensure_ascii=False).encode()
    assert read > 500 and unparsed > 5_000  # both branches are really taken


@pytest.mark.parametrize(
    "text",
    [
        "```json" + "\n" * 20_000,
        "```json" + "\n \n" * 10_000 + "```x",
        '{"system_message": "You are' + "\\n \\t" * 10_000 + '"}',
        json.dumps({"system_message": "You are" + "\n " * 10_000 + "x"}),
        "[" + " " * 20_000,
    ],
)
def test_an_answer_that_runs_on_in_white_space_takes_no_longer_than_another(text: str) -> None:
    # Held to JSON, a model that loses its way writes white space up to the token limit. 20,000 characters of it take
    # far under a millisecond here; an expression that steps back over them took hours.
    started = time.monotonic()
    for parse in (parse_preference_set, parse_system_message, parse_rubric):
        with suppress(Unparsed):
            parse(text)
    assert time.monotonic() - started < 1


def asked_in_the_world(step: str) -> tuple[list[ChatRequest], Callable[[str], object]]:
    """A few requests of a step, and how its answers are read."""
    prompt = read_prompt(f"prompts/{step}.j2")
    sets = [Asked(f"i-{n}/0", Status.OK, SET) for n in range(5)]
    if step == "preference_set":
        wanted = PreferenceSets(provider="t", sampling=Sampling(max_tokens=1024), per_instruction=2)
        asked = [Instruction(f"i-{n}", f"How do bees sleep in winter {n}?", "pool") for n in range(5)]
        seeds = read_seed_preferences("prompts/seeds/preferences.yaml")
        return list(preference_requests(asked, seeds, wanted, prompt, 1)), parse_preference_set
    if step == "system_message":
        spec = SystemMessages(provider="t", sampling=Sampling(max_tokens=1024))
        examples = read_seed_system_messages("prompts/seeds/system_messages.yaml")
        return list(system_message_requests(sets, examples, spec, prompt, 1)), parse_system_message
    rubrics = Rubrics(provider="t", sampling=Sampling(max_tokens=1024))
    shown = read_seed_rubrics("prompts/seeds/rubrics.yaml")
    return list(rubric_requests(sets, shown, rubrics, prompt, 1)), parse_rubric


@pytest.mark.parametrize("step", ["preference_set", "system_message", "rubric"])
def test_a_rehearsal_with_schemas_is_answered_in_their_shape(step: str, tmp_path: Path) -> None:
    requests, parse = asked_in_the_world(step)
    provider = Provider(kind="rehearsal", model="micro-world", structured_output=True)
    with Ledger.open(tmp_path, "micro-world") as ledger:
        rows = list(ask(lambda: iter(requests), provider, ledger, parse, 0))
    assert {row.status for row in rows} == {Status.OK} and len(rows) == len(requests)
    for request, row in zip(requests, rows, strict=True):
        assert request.answer is not None and request.answer.name == step
        jsonschema.validate(json.loads(row.raw or ""), request.answer.schema)


def recipe_with(overlay: str, folder: Path) -> Recipe:
    (folder / "mine.yaml").write_text(overlay)
    return load_recipe([Path("recipes/janus.yaml"), folder / "mine.yaml"])


def test_turning_schemas_on_re_runs_the_steps_that_send_them_and_no_others(tmp_path: Path) -> None:
    off = recipe_with("{}", tmp_path)
    on = recipe_with("providers: {teacher: {structured_output: true}}", tmp_path)
    bench = off.benchmarks["multifaceted"]
    for asking in (off.collection.preference_sets, off.collection.system_messages, bench.rubrics):
        assert asking_spec(on, asking) != asking_spec(off, asking)
        # As it was before there were schemas: nobody's finished steps run again for this.
        assert set(asked_model(off, asking)) == {"model", "accepts_sampling", "reasoning_effort"}
    for unchanged in (off.collection.responses, bench.reference_answers):
        assert asking_spec(on, unchanged) == asking_spec(off, unchanged)
