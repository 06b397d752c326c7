"""Ask the teacher to turn each preference set into a system message (paper, section 3.2).

janus collect system-messages --recipe recipes/janus.yaml --preferences preferences.jsonl --out system_messages.jsonl
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from janus_recipes.collection.teacher_json import read_json, read_object
from janus_recipes.llm.chat import ChatRequest, Unparsed
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.schema import SystemMessages
from janus_recipes.records import Asked, Preference
from janus_recipes.seeding import random_for

BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)


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
        yield ChatRequest(one.id, prompt.render(preferences=one.value, examples=shown), spec.sampling)


def parse_system_message(text: str) -> str:
    """The teacher's system message: one paragraph without bullets (paper, appendix J). Raises Unparsed."""
    message = read_object(read_json(text), ("system_message",))["system_message"]
    if "\n\n" in message or BULLET.search(message):
        raise Unparsed("one paragraph without bullet points was asked for")
    return message
