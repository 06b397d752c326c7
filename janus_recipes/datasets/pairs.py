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
    """The pairs, by instruction; texts are by set id. `left_out` counts the pairs that are missing, by reason.

    An instruction with fewer other responses than are to be rejected gives a pair with each of them. A pair of two
    identical responses is none: it is missing where no further response could be rejected in its place.
    """
    items = by_instruction(responses.keys() & system_messages.keys())
    for instruction in instructions:
        drawn = items.get(instruction.id, [])
        random_for(seed, "pairs", instruction.id).shuffle(drawn)
        possible = max(min(rejected_per_instruction, len(drawn) - 1), 0)
        count(left_out, "pairs_for_want_of_responses", rejected_per_instruction - possible)
        if not possible:
            continue
        chosen, *others = drawn
        differing = [item for item in others if responses[item] != responses[chosen]]
        count(left_out, "pairs_of_identical_responses", possible - len(differing))
        for rejected in differing[:rejected_per_instruction]:
            yield pair_row(system_messages[chosen], instruction, chosen, rejected, responses)


def count(left_out: Counter[str], reason: str, missing: int) -> None:
    """Count missing pairs; a reason that none has is not named."""
    if missing > 0:
        left_out[reason] += missing


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
