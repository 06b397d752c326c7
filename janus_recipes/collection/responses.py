"""Ask the teacher for the gold response to each system message and its instruction (paper, section 3.2).

    janus collect responses --recipe recipes/janus.yaml --instructions instructions.jsonl \\
        --system-messages system_messages.jsonl --out responses.jsonl

The bench's reference answers are asked for in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from janus_recipes.llm.chat import ChatRequest, Unparsed
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.provider import Asking
from janus_recipes.records import Asked


def response_requests(
    system_messages: Iterable[Asked[str]], instructions: Mapping[str, str], spec: Asking, prompt: Prompt
) -> Iterator[ChatRequest]:
    """One request for each system message, in order. `instructions` are texts by instruction id."""
    for one in system_messages:
        text = instructions[one.id.rpartition("/")[0]]
        yield ChatRequest(one.id, prompt.render(system_message=one.value, instruction=text), spec.sampling)


def parse_response(text: str) -> str:
    """The response as it is. Raises Unparsed when it is blank."""
    if not text.strip():
        raise Unparsed("the answer is blank")
    return text
