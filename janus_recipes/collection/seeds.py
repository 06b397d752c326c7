"""The hand-written seeds that the teacher is shown (paper, appendix A.2): preferences, system messages, rubrics.

prompts/seeds/preferences.yaml       4 dimensions, 18 subdimensions, 107 preferences
prompts/seeds/system_messages.yaml   example system messages
prompts/seeds/rubrics.yaml           example rubrics
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from janus_recipes.errors import StepError
from janus_recipes.records import DIMENSIONS, Preference, Rubric


@dataclass(frozen=True)
class DimensionNames:
    """A dimension as a prompt lists it: its name and its subdimensions' names."""

    name: str
    subdimensions: tuple[str, ...]


@dataclass(frozen=True)
class SeedPreferences:
    """The seed preferences, each with its dimension and subdimension, in the file's order."""

    dimensions: tuple[DimensionNames, ...]
    preferences: tuple[Preference, ...]

    def draw_set(self, chance: random.Random) -> tuple[Preference, ...]:
        """A preference set: one preference of each dimension, drawn evenly among the dimension's preferences."""
        return tuple(chance.choice([one for one in self.preferences if one.dimension == name]) for name in DIMENSIONS)


@dataclass(frozen=True)
class SeedRubric:
    """An example rubric with the preference it scores."""

    preference: Preference
    rubric: Rubric


def read_seed_preferences(path: str | Path) -> SeedPreferences:
    """The seed preferences. Raises StepError when a dimension is missing or unknown."""
    dimensions = read_seed_file(path, "dimensions")
    names = [one["name"] for one in dimensions]
    if sorted(names) != sorted(DIMENSIONS):
        raise StepError(f"{path}: the dimensions must be {', '.join(DIMENSIONS)}; found {', '.join(names)}")
    listed = tuple(
        DimensionNames(one["name"], tuple(sub["name"] for sub in one["subdimensions"])) for one in dimensions
    )
    preferences = tuple(
        Preference(dimension["name"], sub["name"], one["preference"], one["description"])
        for dimension in dimensions
        for sub in dimension["subdimensions"]
        for one in sub["preferences"]
    )
    return SeedPreferences(tuple(sorted(listed, key=lambda one: DIMENSIONS.index(one.name))), preferences)


def read_seed_system_messages(path: str | Path) -> tuple[str, ...]:
    """The texts of the example system messages."""
    return tuple(one["text"] for one in read_seed_file(path, "system_messages"))


def read_seed_rubrics(path: str | Path) -> tuple[SeedRubric, ...]:
    """The example rubrics, each beside its preference."""
    return tuple(
        SeedRubric(
            Preference(**one["preference"]),
            Rubric(one["preference"]["dimension"], one["rubric"]["criteria"], tuple(one["rubric"]["scores"])),
        )
        for one in read_seed_file(path, "rubrics")
    )


def read_seed_file(path: str | Path, key: str) -> list[Any]:
    """The list under `key` of a seed file. Raises StepError when the file is not what it should be."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))[key]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise StepError(f"{path}: not a seed file with a list under `{key}`: {problem}") from problem
    if not isinstance(found, list) or not found:
        raise StepError(f"{path}: `{key}` must be a list that is not empty")
    return found
