"""An address never changes: what was paid for once is found by every later version."""

import json
import random
from typing import Any

import pytest

from janus_recipes.llm.canonical import around_messages, canonical
from janus_recipes.llm.chat import ChatRequest, Message, address_of
from janus_recipes.recipe.provider import Provider, Sampling

ODD = "".join(map(chr, [*range(0x180), 0x2028, 0x2029, 0xFFFD, 0xFFFF, 0x1F600, 0x10FFFF]))
"""Control characters, quotes, backslash, DEL, Latin, line separators, other planes."""

SETTINGS = {"model": "m", "sampling": {"max_tokens": 64, "temperature": 1e-05, "top_p": 0.1 + 0.2}, "sample": 0}


def same_as_json(settings: dict[str, Any], *texts: str) -> bool:
    """Whether the bytes are those of the definition in canonical.py."""
    pairs = [("user", text) for text in texts]
    defined = json.dumps({**settings, "messages": pairs}, sort_keys=True, separators=(",", ":"))
    return canonical(around_messages(settings), pairs) == defined.encode()


@pytest.mark.parametrize("character", ODD)
def test_every_character_is_written_as_json_writes_it(character: str) -> None:
    for text in (character, f"a{character}b", f"{character}é"):
        assert same_as_json(SETTINGS, text, "ok")


def test_what_stands_before_and_after_the_messages_is_written_as_json_writes_it() -> None:
    schema = {"type": "object", "properties": {"b": {"const": 1e-07}, "a": {"enum": ["é", 1e16, None, True]}}}
    for others in ({"answer": ["name", schema]}, {"world": "w"}, {"model": "é\x7f"}):
        assert same_as_json({**SETTINGS, **others}, "x")
    for settings in ({}, {"answer": 1}, {"world": 1}):
        assert same_as_json(settings) and same_as_json(settings, "x", "y")


def test_any_mixture_is_written_as_json_writes_it() -> None:
    draw = random.Random(7)
    for _ in range(2000):
        assert same_as_json(SETTINGS, "".join(draw.choices(ODD, k=draw.randrange(40))))


def test_addresses_are_those_of_the_first_version() -> None:
    # Computed by the first version of this project, for the text's sake with a lone surrogate, DEL and a small float.
    messages = (Message("system", "Be “brief”.\x7f\n\t\\ \ud800"), Message("user", 'plain ascii "q" / é 日本 😀'))
    request = ChatRequest("x", messages, Sampling(max_tokens=64, temperature=1e-05), 2)
    provider = Provider(kind="openai", model="org/teacher", base_url="http://h/v1", reasoning_effort="low")
    assert address_of(request, provider) == "a5345233db8d6472287038a864be6af4a4ea28ef2233a2971492d73a3bcb934c"
