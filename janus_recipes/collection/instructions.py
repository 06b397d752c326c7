"""Sample the Collection's instructions from its pools (paper, appendix A.1).

    janus collect instructions --recipe recipes/janus.yaml --out instructions.jsonl

Exact duplicates go first, then each source gives `per_source` instructions, then one source tops up to `before_filter`
(where the sources gave more already, the first so many of them are taken), then instructions that carry a system
message are removed, then, beyond the paper and where the recipe wants it, near-duplicates and the benchmarks' prompts.
Which ones are drawn depends on the recipe's seed and the instruction's text alone, so the order of files and records
does not matter (contract 7), and a smaller `before_filter` takes some of what a larger one does.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from janus_recipes.collection.contamination import contaminated
from janus_recipes.collection.exclude import carrying_system_message
from janus_recipes.collection.funnel import Funnel
from janus_recipes.collection.near_duplicates import near_duplicates
from janus_recipes.errors import StepError
from janus_recipes.recipe.collection import InstructionSampling, KeepSharedIn, NearDuplicates
from janus_recipes.records import Instruction
from janus_recipes.seeding import derive_seed

Unique = dict[str, Instruction]
"""Instructions by their id."""


@dataclass(frozen=True)
class Sampled:
    """The instructions kept, ordered by id, and what each step left."""

    instructions: list[Instruction]
    funnel: Funnel


def sample_instructions(
    pools: Mapping[str, Iterable[Instruction]],
    spec: InstructionSampling,
    seed: int,
    bench_prompts: Mapping[str, Iterable[str]] | None = None,
) -> Sampled:
    """The Collection's instructions. `bench_prompts`, by benchmark, are looked at where `spec.contamination` is set."""
    funnel = Funnel()
    kept = before_filter(pools, spec, seed, funnel)
    kept = without(carrying_system_message(texts_of(kept), spec), kept, "after_filter", funnel)
    if spec.near_duplicates:
        kept = without(resembling(kept, spec.near_duplicates), kept, "after_near_duplicates", funnel)
    if spec.contamination:
        shared = contaminated(texts_of(kept), bench_prompts or {}, spec.contamination)
        reasons = {one: f"{found.benchmark}, {found.how}: {found.shared}" for one, found in shared.items()}
        kept = without(reasons, kept, "after_contamination", funnel)
    funnel.count("kept", kept.values())
    if not kept:
        raise StepError(f"no instruction is left of the pools {', '.join(pools)}: {funnel.totals()}")
    return Sampled([kept[one] for one in sorted(kept)], funnel)


def before_filter(
    pools: Mapping[str, Iterable[Instruction]], spec: InstructionSampling, seed: int, funnel: Funnel
) -> Unique:
    """The instructions sampled and topped up, or cut, to `before_filter`, in the order in which they are drawn."""
    unique = without_duplicates(pools, spec.keep_shared_in, funnel)
    share = min(map(len, unique.values())) if spec.per_source == "smallest" else spec.per_source
    room = max(0, spec.before_filter - sum(min(share, len(pool)) for pool in unique.values()))
    wanted = {name: share + room if name == spec.top_up_from else share for name in unique}
    ordered = {name: drawn(pool.values(), wanted[name], seed) for name, pool in unique.items()}
    funnel.count("sampled", (one for pool in ordered.values() for one in pool[:share]))
    kept = drawn([one for pool in ordered.values() for one in pool], spec.before_filter, seed)
    funnel.count("before_filter", kept)
    return {one.id: one for one in kept}


def without_duplicates(
    pools: Mapping[str, Iterable[Instruction]], keep_shared_in: KeepSharedIn, funnel: Funnel
) -> dict[str, Unique]:
    """Each pool's instructions that no other pool keeps."""
    unique = {name: without_repeats(pool, funnel) for name, pool in pools.items()}
    kept_by: dict[str, str] = {}
    for name in keeping_order(unique, keep_shared_in):
        for one in unique[name]:
            kept_by.setdefault(one, name)
    for name, pool in unique.items():
        elsewhere = {one: f"kept in {kept_by[one]}" for one in pool if kept_by[one] != name}
        unique[name] = without(elsewhere, pool, "unshared", funnel)
    return unique


def without_repeats(pool: Iterable[Instruction], funnel: Funnel) -> Unique:
    """One pool's instructions, each once. Of several inner sources it has the first by name, whatever their order."""
    unique: Unique = {}
    repeats: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for one in pool:
        found[one.source, one.origin] += 1
        other = unique.setdefault(one.id, one)
        if other is not one:
            repeats[one.id] += 1
            unique[one.id] = min(one, other, key=lambda either: either.origin)
    funnel.add("instructions", found)
    funnel.count("unique", unique.values())
    funnel.show("unique", {one: f"{count + 1} times" for one, count in repeats.items()}, unique)
    return unique


def keeping_order(unique: Mapping[str, Unique], keep_shared_in: KeepSharedIn) -> list[str]:
    """The pools, those first that keep what they share with a later one; of equally large ones, as listed."""
    if keep_shared_in == "smallest":
        return sorted(unique, key=lambda name: len(unique[name]))
    if keep_shared_in == "largest":
        return sorted(unique, key=lambda name: -len(unique[name]))
    return list(unique) if keep_shared_in == "first_listed" else list(unique)[::-1]


def without(reasons: Mapping[str, str], instructions: Unique, step: str, funnel: Funnel) -> Unique:
    """The instructions that have no reason to go, in their order. What goes is counted, and some of it shown."""
    kept = {one: instructions[one] for one in instructions if one not in reasons} if reasons else instructions
    funnel.count(step, kept.values())
    funnel.show(step, reasons, instructions)
    return kept


def drawn_order(pool: Collection[Instruction], seed: int) -> list[Instruction]:
    """A pool in a random order that depends on the seed and the instructions, not on the pool's own order."""
    return drawn(pool, len(pool), seed)


def drawn(pool: Collection[Instruction], count: int, seed: int) -> list[Instruction]:
    """The first `count` of a pool in that order."""
    return heapq.nsmallest(count, pool, key=lambda one: (derive_seed(seed, "draw", one.id), one.id))


def texts_of(instructions: Unique) -> dict[str, str]:
    """The texts by id, in their order."""
    return {one: instruction.text for one, instruction in instructions.items()}


def resembling(instructions: Unique, spec: NearDuplicates) -> dict[str, str]:
    """The ids of near-duplicates, each with the text of the one that is kept."""
    found = near_duplicates(texts_of(instructions), spec)
    return {one: f"like: {instructions[kept].text}" for one, kept in found.items()}
