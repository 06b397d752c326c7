"""Sample the Collection's instructions from its pools (paper, appendix A.1).

    janus collect instructions --recipe recipes/janus.yaml --out instructions.jsonl

Exact duplicates go first, then each source gives `per_source` instructions, then one source tops up to `before_filter`,
then instructions that carry a system message are removed. Which ones are drawn depends on the recipe's seed and the
instruction's text alone, so the order of the files does not matter (contract 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from janus_recipes.errors import StepError
from janus_recipes.recipe.schema import InstructionSampling
from janus_recipes.records import Instruction
from janus_recipes.seeding import derive_seed


@dataclass(frozen=True)
class Sampled:
    """The instructions kept, ordered by id, and how many were left after each step."""

    instructions: list[Instruction]
    funnel: dict[str, int]


def sample_instructions(pools: Mapping[str, Iterable[Instruction]], spec: InstructionSampling, seed: int) -> Sampled:
    """The Collection's instructions. One found in several pools stays in the first that the recipe lists."""
    unique = without_duplicates(pools)
    ordered = {name: drawn_order(pool, seed) for name, pool in unique.items()}
    taken = {name: pool[: spec.per_source] for name, pool in ordered.items()}
    sampled = [one for pool in taken.values() for one in pool]
    topped_up = sampled + top_up(ordered, spec, len(sampled))
    kept = [one for one in topped_up if not carries_system_message(one.text, spec.exclude_pattern)]
    funnel = {
        "unique": sum(len(pool) for pool in unique.values()),
        "sampled": len(sampled),
        "before_filter": len(topped_up),
        "kept": len(kept),
    }
    if not kept:
        raise StepError(f"no instruction is left of the pools {', '.join(pools)}: {funnel}")
    return Sampled(sorted(kept, key=lambda one: one.id), funnel)


def without_duplicates(pools: Mapping[str, Iterable[Instruction]]) -> dict[str, list[Instruction]]:
    """Each pool without instructions that it, or a pool listed before it, has already."""
    seen: set[str] = set()
    unique: dict[str, list[Instruction]] = {}
    for name, pool in pools.items():
        unique[name] = []
        for one in pool:
            if one.id not in seen:
                seen.add(one.id)
                unique[name].append(one)
    return unique


def drawn_order(pool: Iterable[Instruction], seed: int) -> list[Instruction]:
    """A pool in a random order that depends on the seed and the instructions, not on the pool's own order."""
    return sorted(pool, key=lambda one: (derive_seed(seed, "draw", one.id), one.id))


def top_up(ordered: Mapping[str, list[Instruction]], spec: InstructionSampling, already: int) -> list[Instruction]:
    """What `top_up_from` adds after its own share, so that `before_filter` instructions are reached where it can."""
    room = spec.before_filter - already
    if room <= 0 or spec.top_up_from is None:
        return []
    return ordered[spec.top_up_from][spec.per_source : spec.per_source + room]


def carries_system_message(text: str, pattern: str | None) -> bool:
    """Whether an instruction already says how to behave (paper, appendix A.1)."""
    return pattern is not None and re.search(pattern, text) is not None
