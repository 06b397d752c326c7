"""How many instances a recipe expects of a bench, by the tables' columns: holes are counted against it.

    expected_by_column(recipe, "multifaceted")      # {"mf-Koala": 189, ...}

A bench that is made has its quotas times its system messages. What people excluded is not expected, and a published
bench has the columns that its own records say: the step that writes `bench.jsonl` notes both in its manifest, and how
many instructions are left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from janus_recipes.errors import StepError
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Benchmark, Recipe

NOTED = "expected"
"""The key of the manifest's counts under which the expected instances stand, by column."""

NOTED_INSTRUCTIONS = "expected_instructions"
"""The same of the expected instructions, one number."""


def bench_file(recipe: Recipe, bench: str) -> Path:
    """Where a bench's instances lie."""
    return Path("results", recipe.name, "bench", bench, "bench.jsonl")


def expected_by_column(recipe: Recipe, bench: str, at: Path | None = None) -> Counter[str]:
    """The instances expected in each column. `at` is the bench's file where it does not lie in its usual place.

    Raises:
        StepError: only the bench's manifest could tell, and it is not there.
    """
    spec = recipe.benchmarks[bench]
    if spec.published is None and spec.excluded is None:
        return asked_for(spec)
    return Counter(_noted(NOTED, bench, at or bench_file(recipe, bench)))


def expected_instructions(recipe: Recipe, bench: str, at: Path | None = None) -> int:
    """The instructions expected: those asked for, but for those of which people excluded every instance.

    `at` and the error as in `expected_by_column`.
    """
    spec = recipe.benchmarks[bench]
    if spec.published is None and spec.excluded is None:
        return instructions_asked_for(spec)
    return cast(int, _noted(NOTED_INSTRUCTIONS, bench, at or bench_file(recipe, bench)))


def asked_for(spec: Benchmark) -> Counter[str]:
    """The instances that a bench's quotas ask for, by column."""
    asked: Counter[str] = Counter()
    for source in spec.sources.values():
        asked[source.column] += source.quota * spec.preference_sets.per_instruction
    return asked


def instructions_asked_for(spec: Benchmark) -> int:
    """The instructions that a bench's quotas ask for."""
    return sum(source.quota for source in spec.sources.values())


def without(asked: Mapping[str, int], column_of: Mapping[str, str], excluded: Iterable[str]) -> dict[str, int]:
    """What is expected when some instances are excluded. `column_of`: the column of every instance, by id."""
    gone = Counter(column_of[item] for item in excluded)
    return {column: count - gone[column] for column, count in asked.items()}


def instructions_without(asked: int, items: Iterable[str], excluded: Iterable[str]) -> int:
    """How many of the instructions asked for are expected when some instances are excluded: those with any left.

    `items`: the ids of all instances, `<instruction>/<n>`.
    """
    gone = set(excluded)
    return asked - len(instructions_of(gone) - instructions_of(set(items) - gone))


def instructions_of(items: Iterable[str]) -> set[str]:
    """The instructions of instances, by their ids."""
    return {item.rpartition("/")[0] for item in items}


def _noted(key: str, bench: str, rows: Path) -> Any:
    """What the step that wrote a bench has noted of it. Raises StepError where that is not there."""
    manifest = manifest_of(rows)
    noted = json.loads(manifest.read_text(encoding="utf-8")).get("counts", {}) if manifest.exists() else {}
    if key not in noted:
        raise StepError(f"{manifest}: missing, or from before this recipe: make the bench {bench} again")
    return noted[key]
