"""Choose the bench's instructions from five benchmarks (paper, appendix C.1).

    janus bench prompts multifaceted --recipe recipes/janus.yaml --instructions instructions.jsonl --out prompts.jsonl

Instructions used in the Collection are out; one shared by several benchmarks stays in the first that the recipe lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from janus_recipes.collection.funnel import Funnel
from janus_recipes.collection.instructions import drawn_order, without_duplicates
from janus_recipes.errors import StepError
from janus_recipes.recipe.schema import BenchSource
from janus_recipes.records import Instruction


def choose_prompts(
    pools: Mapping[str, Iterable[Instruction]], sources: Mapping[str, BenchSource], in_collection: set[str], seed: int
) -> list[Instruction]:
    """Each benchmark's quota of instructions, drawn by seed, ordered by id.

    Raises StepError when a benchmark has fewer than its quota: a smaller bench is the user's choice, not an accident.
    """
    unique = without_duplicates(pools, "first_listed", Funnel())
    chosen: list[Instruction] = []
    short: list[str] = []
    for name, pool in unique.items():
        unseen = [one for one in pool.values() if one.id not in in_collection]
        quota = sources[name].quota
        if len(unseen) < quota:
            short.append(f"{name} has {len(unseen)} instructions left, its quota is {quota}")
        chosen += drawn_order(unseen, seed)[:quota]
    if short:
        raise StepError("the bench cannot be filled: " + "; ".join(short))
    return sorted(chosen, key=lambda one: one.id)
