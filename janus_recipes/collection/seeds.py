"""The hand-written seeds that the teacher is shown (paper, appendix A.2): preferences, system messages, rubrics.

prompts/seeds/preferences.yaml       4 dimensions, 18 subdimensions, 107 preferences
prompts/seeds/system_messages.yaml   example system messages
prompts/seeds/rubrics.yaml           example rubrics
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from janus_recipes.errors import StepError
from janus_recipes.recipe.problem import dotted
from janus_recipes.records import DIMENSIONS, Preference, Rubric

Text = Annotated[str, Field(min_length=1)]


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


class InFile(BaseModel):
    """A part of a seed file as it is written. Keys that no prompt shows, such as a message's `covers`, are allowed."""

    model_config = ConfigDict(frozen=True, strict=True)


class PreferenceInFile(InFile):
    preference: Text
    description: Text


class SubdimensionInFile(InFile):
    name: Text
    preferences: list[PreferenceInFile] = Field(min_length=1)


class DimensionInFile(InFile):
    name: Text
    subdimensions: list[SubdimensionInFile] = Field(min_length=1)


class PreferencesFile(InFile):
    dimensions: list[DimensionInFile]


class SystemMessageInFile(InFile):
    text: Text


class SystemMessagesFile(InFile):
    system_messages: list[SystemMessageInFile] = Field(min_length=1)


class PreferenceOfRubric(PreferenceInFile):
    dimension: Text
    subdimension: Text


class RubricText(InFile):
    criteria: Text
    scores: list[Text] = Field(min_length=5, max_length=5)


class RubricInFile(InFile):
    preference: PreferenceOfRubric
    rubric: RubricText


class RubricsFile(InFile):
    rubrics: list[RubricInFile] = Field(min_length=1)


SeedFile = TypeVar("SeedFile", bound=InFile)


def read_seed_preferences(path: str | Path) -> SeedPreferences:
    """The seed preferences. Raises StepError when a dimension is missing or unknown."""
    dimensions = read_seed_file(path, PreferencesFile).dimensions
    names = [one.name for one in dimensions]
    if sorted(names) != sorted(DIMENSIONS):
        raise StepError(f"{path}: the dimensions must be {', '.join(DIMENSIONS)}; found {', '.join(names) or 'none'}")
    listed = tuple(DimensionNames(one.name, tuple(sub.name for sub in one.subdimensions)) for one in dimensions)
    preferences = tuple(
        Preference(dimension.name, sub.name, one.preference, one.description)
        for dimension in dimensions
        for sub in dimension.subdimensions
        for one in sub.preferences
    )
    return SeedPreferences(tuple(sorted(listed, key=lambda one: DIMENSIONS.index(one.name))), preferences)


def read_seed_system_messages(path: str | Path) -> tuple[str, ...]:
    """The texts of the example system messages."""
    return tuple(one.text for one in read_seed_file(path, SystemMessagesFile).system_messages)


def read_seed_rubrics(path: str | Path) -> tuple[SeedRubric, ...]:
    """The example rubrics, each beside its preference."""
    return tuple(
        SeedRubric(
            Preference(**one.preference.model_dump()),
            Rubric(one.preference.dimension, one.rubric.criteria, tuple(one.rubric.scores)),
        )
        for one in read_seed_file(path, RubricsFile).rubrics
    )


def read_seed_file(path: str | Path, form: type[SeedFile]) -> SeedFile:
    """A seed file. Raises StepError with each wrong or missing key when the file is not of this form."""
    try:
        return form.model_validate(yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except ValidationError as problem:
        found = [f"{dotted(one['loc']) or 'the file'}: {one['msg']}" for one in problem.errors(include_url=False)]
        raise StepError(f"{path}: {'; '.join(found)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise StepError(f"{path}: cannot be read: {' '.join(str(problem).split())}") from None
