"""Put the bench's instances together: instruction, system message, reference answer, four rubrics.

    janus bench assemble multifaceted --recipe recipes/janus.yaml --prompts p.jsonl --preferences s.jsonl \\
        --system-messages m.jsonl --references r.jsonl --rubrics u.jsonl --collection-preferences c.jsonl \\
        --out bench.jsonl

An instance that lacks a part, or whose preferences are not unseen in the Collection (`unseen.py`), is left out and
counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from janus_recipes.benchmarks.rubrics import RubricText
from janus_recipes.recipe.schema import Benchmark, BenchSource
from janus_recipes.records import DIMENSIONS, BenchInstance, Instruction, Preference, Rubric


@dataclass(frozen=True)
class BenchParts:
    """What instances are made of, by set id; rubrics by `<set id>/<dimension's number>`."""

    preferences: Mapping[str, tuple[Preference, ...]]
    system_messages: Mapping[str, str]
    references: Mapping[str, str]
    rubrics: Mapping[str, RubricText]


@dataclass
class Assembled:
    """What became of the instances while they are made: `reasons` says, by id, why one was left out."""

    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> Counter[str]:
        """How many were left out, by reason."""
        return Counter(self.reasons.values())

    def exclude(self, excluded: Mapping[str, str]) -> None:
        """Note those that people found bad, with their reasons: whatever else is wrong with them does not matter."""
        self.reasons.update({item: excluded_as(reason) for item, reason in excluded.items()})


def assembling(bench: Benchmark) -> dict[str, Any]:
    """What in the recipe decides the instances, their files apart. What chose the prompts is in `prompts.jsonl`."""
    return {
        "sources": {name: {"column": source.column, "quota": source.quota} for name, source in bench.sources.items()},
        "sets_per_instruction": bench.preference_sets.per_instruction,
        "unseen": bench.unseen.model_dump(mode="json"),
    }


def excluded_as(reason: str) -> str:
    """How a reason of people's stands among the reasons of what is left out."""
    return f"excluded: {reason}"


def instances(
    prompts: Iterable[Instruction],
    sets_per_prompt: int,
    sources: Mapping[str, BenchSource],
    parts: BenchParts,
    seen: Mapping[str, str],
    report: Assembled,
) -> Iterator[BenchInstance]:
    """The bench's instances, by instruction. `seen`: why the preferences of a set are not unseen, by its id."""
    for prompt in prompts:
        for number in range(sets_per_prompt):
            item = f"{prompt.id}/{number}"
            problem = what_is_wrong(item, parts, seen)
            if problem:
                report.reasons[item] = problem
            else:
                yield instance(item, prompt, sources[prompt.source].column, parts)


def what_is_wrong(item: str, parts: BenchParts, seen: Mapping[str, str]) -> str | None:
    """Why an instance cannot stand in the bench, or None."""
    for name, part in (("preference set", parts.preferences), ("system message", parts.system_messages)):
        if item not in part:
            return f"no {name}"
    if item not in parts.references:
        return "no reference answer"
    if any(f"{item}/{number}" not in parts.rubrics for number in range(len(DIMENSIONS))):
        return "no rubric"
    return seen.get(item)


def instance(item: str, prompt: Instruction, column: str, parts: BenchParts) -> BenchInstance:
    """One instance from its parts, which are all there."""
    texts = [parts.rubrics[f"{item}/{number}"] for number in range(len(DIMENSIONS))]
    rubrics = tuple(
        Rubric(dimension, text.criteria, text.scores) for dimension, text in zip(DIMENSIONS, texts, strict=True)
    )
    return BenchInstance(
        id=item,
        instruction_id=prompt.id,
        benchmark=column,
        instruction=prompt.text,
        system_message=parts.system_messages[item],
        preferences=parts.preferences[item],
        reference_answer=parts.references[item],
        rubrics=rubrics,
    )
