"""Mix general helpfulness pairs for the reward model's second stage (paper, appendix E.2).

    janus helpful-mix helpful-mix --recipe recipes/janus.yaml --out helpful-mix.jsonl

Each pool gives its share of the rows, drawn by the recipe's seed and the pair's own digest, so neither the order of a
pool's records nor that of its files matters. Records that give no pair are counted by reason (`pairs_of_pools.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from janus_recipes.collection.contamination import Overlap, contaminated
from janus_recipes.datasets.pairs_of_pools import LeftOut, Pair, PoolReport
from janus_recipes.errors import StepError
from janus_recipes.recipe.collection import Contamination
from janus_recipes.recipe.dataset import HelpfulMix
from janus_recipes.seeding import derive_seed

Pools = dict[str, list[Pair]]


@dataclass
class Mixed:
    """The mix, in its order. `overlaps` says of each pair that was left out as contaminated what was found in it."""

    pairs: list[Pair]
    overlaps: dict[str, Overlap] = field(default_factory=dict)


def mix(
    pools: Mapping[str, Iterable[Pair]],
    reports: Mapping[str, PoolReport],
    spec: HelpfulMix,
    seed: int,
    bench_prompts: Mapping[str, Iterable[str]],
) -> Mixed:
    """Draw the rows of the mix from the pools' pairs. Raises StepError when a pool has fewer than its share.

    A pair that several pools have stays in the first of them. `bench_prompts`, by benchmark, are looked at where the
    recipe wants contaminated pairs left out. What is left out, usable and drawn is counted in `reports`, by pool.
    """
    unique, mixed = unrepeated(pools, reports), Mixed([])
    if spec.contamination is not None:
        mixed.overlaps = overlapping(unique, bench_prompts, spec.contamination)
        unique = without(unique, mixed.overlaps, reports)
    for name, pairs in unique.items():
        reports[name].usable = len(pairs)
    wanted = quotas(spec)
    refuse_too_few(reports, wanted, spec)
    for name, pairs in unique.items():
        reports[name].drawn = wanted[name]
        mixed.pairs += sorted(pairs, key=lambda pair: place(pair, seed, "draw"))[: wanted[name]]
    mixed.pairs.sort(key=lambda pair: place(pair, seed, "row"))
    return mixed


def unrepeated(pools: Mapping[str, Iterable[Pair]], reports: Mapping[str, PoolReport]) -> Pools:
    """Each pool's pairs that did not come before."""
    seen: set[str] = set()
    unique: Pools = {}
    for name, pairs in pools.items():
        unique[name] = []
        for pair in pairs:
            if pair.id in seen:
                reports[name].leave_out(LeftOut.REPEATED)
            else:
                seen.add(pair.id)
                unique[name].append(pair)
    return unique


def overlapping(pools: Pools, prompts: Mapping[str, Iterable[str]], spec: Contamination) -> dict[str, Overlap]:
    """The pairs, by id, in which a user says what a benchmark asks. Each turn of a user's is compared by itself."""
    pairs = [pair for pool in pools.values() for pair in pool]
    said = {f"{pair.id}/{n}": turn.content for pair in pairs for n, turn in enumerate(pair.prompt[::2])}
    found: dict[str, Overlap] = {}
    for key, overlap in contaminated(said, prompts, spec).items():
        found.setdefault(key.partition("/")[0], overlap)
    return found


def without(pools: Pools, overlaps: Mapping[str, Overlap], reports: Mapping[str, PoolReport]) -> Pools:
    """The pools without contaminated pairs."""
    clean = {name: [pair for pair in pairs if pair.id not in overlaps] for name, pairs in pools.items()}
    for name, pairs in pools.items():
        if found := len(pairs) - len(clean[name]):
            reports[name].leave_out(LeftOut.CONTAMINATED, found)
    return clean


def quotas(spec: HelpfulMix) -> dict[str, int]:
    """How many rows each pool gives: its share, rounded so that they are `spec.rows` in all."""
    exact = {name: pool.share * spec.rows for name, pool in spec.pools.items()}
    given = {name: math.floor(rows + 1e-6) for name, rows in exact.items()}
    for name in sorted(exact, key=lambda name: given[name] - exact[name])[: spec.rows - sum(given.values())]:
        given[name] += 1
    return given


def refuse_too_few(reports: Mapping[str, PoolReport], wanted: Mapping[str, int], spec: HelpfulMix) -> None:
    """Raise StepError, with all numbers, where pools have fewer pairs than their share."""
    usable = {name: report.usable for name, report in reports.items()}
    short = [name for name in wanted if usable[name] < wanted[name]]
    if short:
        most = min(math.floor(usable[name] / spec.pools[name].share) for name in short)
        each = "; ".join(f"{name} has {usable[name]:,} usable pairs and should give {wanted[name]:,}" for name in short)
        raise StepError(f"too few pairs for {spec.rows:,} rows: {each}. Set `rows` to {most} or fewer, or other shares")


def place(pair: Pair, seed: int, what: str) -> tuple[int, str]:
    """Where a pair comes in an order that depends on the seed and the pair alone."""
    return derive_seed(seed, "helpful mix", what, pair.id), pair.id
