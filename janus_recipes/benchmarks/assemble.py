"""Put the bench's instances together: instruction, system message, reference answer, four rubrics.

    janus bench assemble multifaceted --recipe recipes/janus.yaml --prompts p.jsonl --preferences s.jsonl \\
        --system-messages m.jsonl --references r.jsonl --rubrics u.jsonl --collection-preferences c.jsonl \\
        --out bench.jsonl

An instance that lacks a part, or whose preferences the Collection holds in the same combination, is left out and
counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from janus_recipes.benchmarks.rubrics import RubricText
from janus_recipes.recipe.schema import BenchSource
from janus_recipes.records import DIMENSIONS, BenchInstance, Instruction, Preference, Rubric

Combination = tuple[str, ...]


@dataclass(frozen=True)
class BenchParts:
    """What instances are made of, by set id; rubrics by `<set id>/<dimension's number>`."""

    preferences: Mapping[str, tuple[Preference, ...]]
    system_messages: Mapping[str, str]
    references: Mapping[str, str]
    rubrics: Mapping[str, RubricText]


@dataclass
class Assembled:
    """Counts instances while they are made: `left_out` by what was missing."""

    left_out: Counter[str] = field(default_factory=Counter)


def instances(
    prompts: Iterable[Instruction],
    sets_per_prompt: int,
    sources: Mapping[str, BenchSource],
    parts: BenchParts,
    seen: set[Combination],
    report: Assembled,
) -> Iterator[BenchInstance]:
    """The bench's instances, by instruction. `seen` are the combinations of preferences in the Collection."""
    for prompt in prompts:
        for number in range(sets_per_prompt):
            item = f"{prompt.id}/{number}"
            problem = what_is_wrong(item, parts, seen)
            if problem:
                report.left_out[problem] += 1
            else:
                yield instance(item, prompt, sources[prompt.source].column, parts)


def what_is_wrong(item: str, parts: BenchParts, seen: set[Combination]) -> str | None:
    """Why an instance cannot stand in the bench, or None."""
    for name, part in (("preference set", parts.preferences), ("system message", parts.system_messages)):
        if item not in part:
            return f"no {name}"
    if item not in parts.references:
        return "no reference answer"
    if any(f"{item}/{number}" not in parts.rubrics for number in range(len(DIMENSIONS))):
        return "no rubric"
    return "preferences seen in the collection" if combination(parts.preferences[item]) in seen else None


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


def combination(preferences: Iterable[Preference]) -> Combination:
    """A preference set as it is compared: its preferences in lower case, without punctuation or extra spaces."""
    return tuple(" ".join(re.findall(r"\w+", f"{one.preference} {one.description}".lower())) for one in preferences)
