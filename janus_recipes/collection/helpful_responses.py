"""Ask the teacher for generally helpful responses, one an instruction (paper, Table 10).

    janus collect helpful-responses none --recipe recipes/janus.yaml --instructions instructions.jsonl \\
        --out helpful.none.jsonl

They are asked for as gold ones are, with no system message or with a default one (Table 9) in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from janus_recipes.datasets.default_messages import default_message
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.provider import Asking
from janus_recipes.records import Instruction


def helpful_requests(
    instructions: Iterable[Instruction], messages: Mapping[str, str], spec: Asking, prompt: Prompt, seed: int
) -> Iterator[ChatRequest]:
    """One request for each instruction, in order, under one of the default `messages`; without any, under none."""
    for one in instructions:
        message = default_message(one.id, messages, seed) if messages else ""
        yield ChatRequest(one.id, prompt.render(system_message=message, instruction=one.text), spec.sampling)
