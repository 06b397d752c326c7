"""What pools of instructions have in common with themselves, with each other and with bench prompts.

    janus overlap --recipe recipes/janus.yaml --out overlap.md

A look at whole pools before one decides what to sample and what to remove: nothing is removed and nothing is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from janus_recipes.collection.contamination import all_overlaps, shortened
from janus_recipes.collection.near_duplicates import near_duplicates
from janus_recipes.recipe.collection import Contamination, NearDuplicates
from janus_recipes.records import instruction_id

SHOWN = 3
"""Examples of each finding."""

Texts = dict[str, str]
"""Different texts by id."""


@dataclass(frozen=True)
class Pool:
    """A pool's different texts, sorted by id, and how often each one that it repeats stands there once more."""

    texts: Texts
    repeats: Counter[str]


@dataclass
class Finding:
    """Instructions of a source that have something in common with another source, a benchmark or their own source.

    `count` are instructions, `of` the source's different ones.
    """

    source: str
    what: str
    other: str
    of: int
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Seen(NamedTuple):
    """One instruction that has something in common; `times` is more than one where it is repeated."""

    source: str
    what: str
    other: str
    example: str
    times: int = 1


def pool_of(texts: Iterable[str]) -> Pool:
    """A pool from its texts, whose order does not matter."""
    found: Texts = {}
    repeats: Counter[str] = Counter()
    for text in texts:
        key = instruction_id(text)
        repeats.update([key] if key in found else [])
        found[key] = text
    return Pool(dict(sorted(found.items())), repeats)


def findings(
    pools: Mapping[str, Pool], prompts: Mapping[str, Iterable[str]], near: NearDuplicates, spec: Contamination
) -> list[Finding]:
    """What is found, by source in the pools' order, then by kind. `prompts` are bench prompts by benchmark.

    Of near-duplicates, in one pool or in two, the first in the pools' order counts as the one that the others repeat.
    """
    texts = {key: text for pool in pools.values() for key, text in pool.texts.items()}
    seen = chain(repeated(pools), shared(pools), resembling(pools, texts, near), holding(pools, texts, prompts, spec))
    found: dict[tuple[str, str, str], Finding] = {}
    for one in seen:
        new = Finding(one.source, one.what, one.other, of=len(pools[one.source].texts))
        finding = found.setdefault((one.source, one.what, one.other), new)
        finding.count += one.times
        finding.examples += [one.example] if len(finding.examples) < SHOWN else []
    places = list(pools)
    return sorted(found.values(), key=lambda finding: places.index(finding.source))


def repeated(pools: Mapping[str, Pool]) -> Iterator[Seen]:
    """Instructions that a pool has once more."""
    for name, pool in pools.items():
        for key, times in sorted(pool.repeats.items()):
            yield Seen(name, "repeated in", name, shortened(pool.texts[key]), times)


def shared(pools: Mapping[str, Pool]) -> Iterator[Seen]:
    """Instructions that another pool has too, letter by letter."""
    for name, pool in pools.items():
        for other in pools:
            both = (key for key in pool.texts if other != name and key in pools[other].texts)
            yield from (Seen(name, "also in", other, shortened(pool.texts[key])) for key in both)


def resembling(pools: Mapping[str, Pool], texts: Texts, spec: NearDuplicates) -> Iterator[Seen]:
    """Instructions that nearly repeat one of their own pool or of a pool before it."""
    owner = {key: name for name in reversed([*pools]) for key in pools[name].texts}
    for key, kept in near_duplicates(texts, spec).items():
        example = f"{shortened(texts[key])} ~ {shortened(texts[kept])}"
        yield Seen(owner[key], "near-duplicate in", owner[kept], example)


def holding(
    pools: Mapping[str, Pool], texts: Texts, prompts: Mapping[str, Iterable[str]], spec: Contamination
) -> Iterator[Seen]:
    """Instructions that hold a bench prompt, once for each benchmark that has it."""
    overlaps = all_overlaps(texts, prompts, spec)
    for name, pool in pools.items():
        for key in pool.texts:
            for one in overlaps.get(key, ()):
                yield Seen(name, one.how, one.benchmark, f"{one.shared} | {shortened(texts[key])}")
