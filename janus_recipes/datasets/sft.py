"""Cut a training set for supervised fine-tuning from the Collection (paper, section 3.2, appendix E.1, Table 10).

    janus dataset sft-196k --recipe recipes/janus.yaml --instructions instructions.jsonl \\
        --system-messages system_messages.jsonl --responses responses.jsonl --out sft-196k.jsonl

Each row is one conversation: system message, instruction, response. With 3 system messages an instruction this is the
whole Collection; with 1 it is the third of it that janus-star is trained on. Table 10's variants have a default system
message or none, and a generally helpful response or the gold one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from janus_recipes.datasets.default_messages import default_message
from janus_recipes.datasets.usable import by_instruction
from janus_recipes.files import Json
from janus_recipes.recipe.dataset import SftDataset
from janus_recipes.records import Instruction
from janus_recipes.seeding import random_for


def sft_rows(
    instructions: Iterable[Instruction],
    system_messages: Mapping[str, str],
    responses: Mapping[str, str],
    spec: SftDataset,
    seed: int,
    default_messages: Mapping[str, str] | None = None,
) -> Iterator[Json]:
    """The training rows, by instruction.

    `system_messages` and gold `responses` are texts by set id; helpful responses are by instruction id and need no
    system messages. `default_messages` are FastChat's by name, where the data set takes one of them. An instruction
    with fewer complete sets than the data set wants gives all it has: the manifest counts them.
    """
    is_gold = spec.response == "multifaceted"
    items = by_instruction(responses.keys() & system_messages.keys() if is_gold else responses)
    for instruction in instructions:
        for item in taken(instruction.id, items.get(instruction.id, ()), spec.system_messages_per_instruction, seed):
            match spec.system_message:
                case "multifaceted":
                    message = system_messages[item]
                case "default":
                    message = default_message(instruction.id, default_messages or {}, seed)
                case "none":
                    message = ""
            yield {"id": item, "messages": conversation(message, instruction.text, responses[item])}


def taken(instruction: str, items: Iterable[str], wanted: int, seed: int) -> list[str]:
    """The items of an instruction that a data set takes, in order; those of a smaller set lie within a larger one's."""
    drawn = sorted(items)
    random_for(seed, "sft", instruction).shuffle(drawn)
    return sorted(drawn[:wanted])


def conversation(system_message: str, instruction: str, response: str) -> list[dict[str, str]]:
    """A training example in the message form that the one chat template renders. Without a message, no system turn."""
    turns = (("system", system_message), ("user", instruction), ("assistant", response))
    return [{"role": role, "content": content} for role, content in turns if content or role != "system"]
