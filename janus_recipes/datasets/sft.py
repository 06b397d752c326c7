"""Cut a training set for supervised fine-tuning from the Collection (paper, section 3.2 and appendix E.1).

    janus dataset sft-196k --recipe recipes/janus.yaml --instructions instructions.jsonl \\
        --system-messages system_messages.jsonl --responses responses.jsonl --out sft-196k.jsonl

Each row is one conversation: system message, instruction, gold response. With 3 system messages an instruction this is
the whole Collection; with 1 it is the third of it that janus-star is trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from janus_recipes.files import Json
from janus_recipes.recipe.schema import Dataset
from janus_recipes.records import Instruction
from janus_recipes.seeding import random_for


def sft_rows(
    instructions: Iterable[Instruction],
    system_messages: Mapping[str, str],
    responses: Mapping[str, str],
    spec: Dataset,
    seed: int,
) -> Iterator[Json]:
    """The training rows, by instruction. `system_messages` and `responses` are texts by set id.

    An instruction with fewer complete sets than the data set wants gives all it has: the manifest counts them.
    """
    complete: dict[str, list[str]] = {}
    for item in system_messages.keys() & responses.keys():
        complete.setdefault(item.rpartition("/")[0], []).append(item)
    for instruction in instructions:
        items = sorted(complete.get(instruction.id, []))
        random_for(seed, "sft", instruction.id).shuffle(items)  # so that one message's set lies within two messages'
        for item in sorted(items[: spec.system_messages_per_instruction]):
            yield {"id": item, "messages": conversation(system_messages[item], instruction.text, responses[item])}


def conversation(system_message: str, instruction: str, response: str) -> list[dict[str, str]]:
    """A training example in the message form that the one chat template renders."""
    turns = (("system", system_message), ("user", instruction), ("assistant", response))
    return [{"role": role, "content": content} for role, content in turns]
