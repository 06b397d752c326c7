"""Held-out pairs: each bench instance's reference answer, and that to another system message of its instruction.

    janus rank pairs --recipe recipes/janus.yaml --bench bench.jsonl --out pairs.jsonl

They are built as the training pairs are (`datasets/pairs.py`), from instructions and preferences that no training has
seen. Which of the other answers is rejected is drawn by the recipe's seed and the instance's id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from janus_recipes.datasets.sft import conversation
from janus_recipes.files import Json
from janus_recipes.records import BenchInstance
from janus_recipes.seeding import random_for


def pair_rows(bench: Sequence[BenchInstance], seed: int, left_out: Counter[str]) -> Iterator[Json]:
    """A pair for each instance, under its id and in the bench's order.

    Both sides are whole conversations that begin with the instance's own system message; `rejected_of` is the id of
    the instance whose answer is rejected. `left_out` counts the instances without a pair, by reason.
    """
    siblings: dict[str, list[BenchInstance]] = defaultdict(list)
    for instance in sorted(bench, key=lambda one: one.id):
        siblings[instance.instruction_id].append(instance)
    for instance in bench:
        others = [one for one in siblings[instance.instruction_id] if one.id != instance.id]
        differing = [one for one in others if one.reference_answer != instance.reference_answer]
        if differing:
            yield pair_row(instance, random_for(seed, "ranking", instance.id).choice(differing))
        else:
            left_out["identical_answers" if others else "no_other_system_message"] += 1


def pair_row(instance: BenchInstance, other: BenchInstance) -> Json:
    """The pair of an instance's answer and another's, both after the instance's own system message."""
    chosen, rejected = (
        conversation(instance.system_message, instance.instruction, one.reference_answer) for one in (instance, other)
    )
    return {
        "id": instance.id,
        "instruction_id": instance.instruction_id,
        "rejected_of": other.id,
        "chosen": chosen,
        "rejected": rejected,
    }
