"""Ask the teacher to turn each preference set into a system message (paper, section 3.2).

janus collect system-messages --recipe recipes/janus.yaml --preferences preferences.jsonl --out system_messages.jsonl
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator

from janus_recipes.collection.teacher_json import JsonAnswer, Text, answer_format, read_answer
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.schema import SystemMessages
from janus_recipes.records import Asked, Preference
from janus_recipes.seeding import random_for

# White space before a bullet is that of its own line: across lines the search would take quadratic time.
BULLET = re.compile(r"^[^\S\n]*(?:[-*•]|\d+[.)])\s", re.MULTILINE)


def _one_paragraph(message: str) -> str:
    if "\n\n" in message or BULLET.search(message):
        raise ValueError("must be one paragraph without bullet points")
    return message


class SystemMessageAnswer(JsonAnswer):
    """A system message: one paragraph without bullets (paper, appendix J)."""

    system_message: Annotated[Text, AfterValidator(_one_paragraph)]


SYSTEM_MESSAGE = answer_format("system_message", SystemMessageAnswer)


def system_message_requests(
    sets: Iterable[Asked[tuple[Preference, ...]]],
    examples: Sequence[str],
    spec: SystemMessages,
    prompt: Prompt,
    seed: int,
) -> Iterator[ChatRequest]:
    """One request for each preference set, in order, with `spec.examples` examples drawn by the set's own seed."""
    for one in sets:
        shown = random_for(seed, "system message", one.id).sample(list(examples), spec.examples)
        messages = prompt.render(preferences=one.value, examples=shown)
        yield ChatRequest(one.id, messages, spec.sampling, answer=SYSTEM_MESSAGE)


def parse_system_message(text: str) -> str:
    """The teacher's system message. Raises Unparsed."""
    return read_answer(SystemMessageAnswer, text).system_message
