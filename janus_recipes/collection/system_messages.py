"""Ask the teacher to turn each preference set into a system message (paper, section 3.2).

    janus collect system-messages --recipe recipes/janus.yaml --preferences preferences.jsonl --out messages.jsonl

What comes back must be JSON and pass the checks that the recipe names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from janus_recipes.collection.checks import SYSTEM_MESSAGE_CHECKS, Check, check_all, no_example
from janus_recipes.collection.teacher_json import JsonAnswer, Text, answer_format, read_answer
from janus_recipes.collection.words import words_of
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.llm.repeats import MustDiffer
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.collection import SystemMessageCheck, SystemMessages
from janus_recipes.records import Asked, Preference
from janus_recipes.seeding import random_for


class SystemMessageAnswer(JsonAnswer):
    """A system message."""

    system_message: Text


SYSTEM_MESSAGE = answer_format("system_message", SystemMessageAnswer)

NO_CHECKS: Mapping[str, Check[str]] = {}


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


def parse_system_message(text: str, checks: Mapping[str, Check[str]] = NO_CHECKS) -> str:
    """The teacher's system message. Raises Unparsed, also for a check that fails."""
    message = read_answer(SystemMessageAnswer, text).system_message
    check_all(message, checks)
    return message


def checks_of_a_message(names: Sequence[SystemMessageCheck], examples: Sequence[str]) -> dict[str, Check[str]]:
    """Those of the named checks that look at one message by itself. `examples` are all that may be shown."""
    known = {**SYSTEM_MESSAGE_CHECKS, "no_example": no_example(examples)}
    return {name: known[name] for name in names if name in known}


def messages_differ(names: Sequence[SystemMessageCheck]) -> MustDiffer[str] | None:
    """No two messages with the same words, where `names` has that check; None where it does not."""
    return MustDiffer("unique", lambda message: [" ".join(words_of(message))]) if "unique" in names else None
