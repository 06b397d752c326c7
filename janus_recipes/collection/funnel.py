"""Count what is left of the pools after each step of the sampling, by source and inner source, with examples."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from janus_recipes.records import Instruction

ALL = "(all)"
SOURCE_AND_ORIGIN = attrgetter("source", "origin")
EXAMPLES = 5
"""So many of what a step removed are shown."""

STEPS = {
    "records": "records read",
    "bad": "of them unusable",
    "instructions": "instructions in them",
    "unique": "unique in their source",
    "unshared": "unique in all sources",
    "sampled": "sampled",
    "before_filter": "topped up, or cut",
    "after_filter": "without a system message",
    "after_near_duplicates": "without near-duplicates",
    "after_contamination": "without bench prompts",
    "kept": "kept",
}
"""The steps in their order, each with what the report calls it."""


@dataclass(frozen=True)
class Removed:
    """An instruction that a step removed, and why."""

    instruction: Instruction
    reason: str


@dataclass
class Funnel:
    """How many instructions each step left, by source and inner source; `removed` has a few that it took away.

    `records` and `bad` are counted by source alone: an unusable record has no inner source.
    """

    counts: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    removed: dict[str, list[Removed]] = field(default_factory=dict)

    def count(self, step: str, instructions: Iterable[Instruction]) -> None:
        """Add to what a step left."""
        self.add(step, Counter(map(SOURCE_AND_ORIGIN, instructions)))

    def add(self, step: str, counted: Mapping[tuple[str, str], int]) -> None:
        """As `count`, of what is counted already."""
        self.counts.setdefault(step, Counter()).update(counted)

    def show(self, step: str, reasons: Mapping[str, str], instructions: Mapping[str, Instruction]) -> None:
        """Keep a few of those that a step removed: the first by id, so that they are the same each time."""
        first = heapq.nsmallest(EXAMPLES, reasons)
        self.removed.setdefault(step, []).extend(Removed(instructions[one], reasons[one]) for one in first)

    def steps(self) -> list[str]:
        """The steps that were taken, in their order."""
        return [step for step in STEPS if step in self.counts]

    def total(self, step: str) -> int:
        """Instructions that a step left, of all sources."""
        return self.counts[step].total()

    def of_sources(self, step: str) -> dict[str, int]:
        """Instructions that a step left, by source."""
        found: Counter[str] = Counter()
        for (source, _), count in self.counts[step].items():
            found[source] += count
        return dict(found)

    def totals(self) -> dict[str, int]:
        """Instructions that each step left, of all sources."""
        return {step: self.total(step) for step in self.steps()}

    def for_manifest(self) -> dict[str, dict[str, int]]:
        """Each step's counts, of all sources and by source."""
        return {step: {ALL: self.total(step), **self.of_sources(step)} for step in self.steps()}
