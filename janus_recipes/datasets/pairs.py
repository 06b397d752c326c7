"""Cut preference pairs for DPO, ORPO and the reward model's first stage (paper, section 3.2 and appendix E.1).

    janus dataset dpo --recipe recipes/janus.yaml --instructions instructions.jsonl \\
        --system-messages system_messages.jsonl --responses responses.jsonl --out dpo.jsonl

Of an instruction's responses one is chosen and another is rejected: the one that was written for another system
message. The chosen one's message stands before both. A row holds both conversations whole, as OpenRLHF's
`--data.apply_chat_template` and TRL take them; `training/preference_pairs.py` gives them to axolotl.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from janus_recipes.datasets.sft import conversation, taken
from janus_recipes.datasets.usable import by_instruction
from janus_recipes.files import Json
from janus_recipes.recipe.dataset import SftDataset
from janus_recipes.records import Instruction
from janus_recipes.seeding import random_for


def pair_rows(
    instructions: Iterable[Instruction],
    system_messages: Mapping[str, str],
    responses: Mapping[str, str],
    rejected_per_instruction: int,
    seed: int,
    left_out: Counter[str],
) -> Iterator[Json]:
    """The pairs, by instruction; texts are by set id. `left_out` counts the instructions and pairs that are none.

    An instruction with fewer other responses than are to be rejected gives a pair with each of them.
    """
    items = by_instruction(responses.keys() & system_messages.keys())
    for instruction in instructions:
        drawn = items.get(instruction.id, [])
        if len(drawn) < 2:
            left_out["instructions_with_one_response_or_none"] += 1
            continue
        random_for(seed, "pairs", instruction.id).shuffle(drawn)
        chosen, *others = drawn
        differing = [item for item in others if responses[item] != responses[chosen]]
        if identical := len(others) - len(differing):
            left_out["pairs_of_identical_responses"] += identical
        for rejected in islice(differing, rejected_per_instruction):
            yield pair_row(system_messages[chosen], instruction, chosen, rejected, responses)


def pair_row(
    system_message: str, instruction: Instruction, chosen: str, rejected: str, responses: Mapping[str, str]
) -> Json:
    """A pair: the same system message and instruction, two responses."""
    sides = {"chosen": responses[chosen], "rejected": responses[rejected]}
    names = "/".join(item.rpartition("/")[2] for item in (chosen, rejected))
    row: Json = {side: conversation(system_message, instruction.text, text) for side, text in sides.items()}
    return {"id": f"{instruction.id}/{names}", **row}


def trained_on(complete: Iterable[str], spec: SftDataset, seed: int) -> set[str]:
    """The items that become rows of an sft data set. `complete` are those with a system message and a response."""
    return {
        item
        for instruction, items in by_instruction(complete).items()
        for item in taken(instruction, items, spec.system_messages_per_instruction, seed)
    }
