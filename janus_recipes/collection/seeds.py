"""The hand-written seeds that the teacher is shown (paper, appendix A.2): preferences, system messages, rubrics.

prompts/seeds/preferences.yaml       4 dimensions, 18 subdimensions, 107 preferences
prompts/seeds/system_messages.yaml   50 example system messages
prompts/seeds/rubrics.yaml           example rubrics

The readers take any file of this form; what else the seeds should be is for `janus seeds check` (seed_checks.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from janus_recipes.errors import StepError
from janus_recipes.recipe.problem import dotted, hint
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
class SeedMessage:
    """An example system message with the names of the preferences that it was written for."""

    text: str
    covers: tuple[str, ...]


@dataclass(frozen=True)
class SeedRubric:
    """An example rubric with the preference it scores."""

    preference: Preference
    rubric: Rubric


class InFile(BaseModel):
    """A part of a seed file as it is written. Keys that nothing here reads are allowed."""

    model_config = ConfigDict(frozen=True, strict=True)


class LicensedFile(InFile):
    licence: Text | None = None


class PreferenceInFile(InFile):
    preference: Text
    description: Text


class SubdimensionInFile(InFile):
    name: Text
    preferences: list[PreferenceInFile] = Field(min_length=1)


class DimensionInFile(InFile):
    name: Text
    subdimensions: list[SubdimensionInFile] = Field(min_length=1)


class PreferencesFile(LicensedFile):
    dimensions: list[DimensionInFile]


class SystemMessageInFile(InFile):
    text: Text
    covers: list[Text] = []


class SystemMessagesFile(LicensedFile):
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


class RubricsFile(LicensedFile):
    rubrics: list[RubricInFile] = Field(min_length=1)


SeedFile = TypeVar("SeedFile", bound=InFile)


def read_seed_preferences(path: str | Path) -> SeedPreferences:
    """The seed preferences. Raises StepError when a dimension is missing or unknown."""
    dimensions = read_seed_file(path, PreferencesFile).dimensions
    names = [one.name for one in dimensions]
    if sorted(names) != sorted(DIMENSIONS):
        found = ", ".join(f"{name}{hint_at(name, DIMENSIONS)}" for name in names) or "none"
        raise StepError(f"{path}: the dimensions must be {', '.join(DIMENSIONS)}; found {found}")
    listed = tuple(DimensionNames(one.name, tuple(sub.name for sub in one.subdimensions)) for one in dimensions)
    preferences = tuple(
        Preference(dimension.name, sub.name, one.preference, one.description)
        for dimension in dimensions
        for sub in dimension.subdimensions
        for one in sub.preferences
    )
    return SeedPreferences(tuple(sorted(listed, key=lambda one: DIMENSIONS.index(one.name))), preferences)


def read_seed_messages(path: str | Path) -> tuple[SeedMessage, ...]:
    """The example system messages, each with what it covers; a message need not say that."""
    messages = read_seed_file(path, SystemMessagesFile).system_messages
    return tuple(SeedMessage(one.text, tuple(one.covers)) for one in messages)


def read_seed_system_messages(path: str | Path) -> tuple[str, ...]:
    """The texts of the example system messages."""
    return tuple(one.text for one in read_seed_messages(path))


def read_seed_rubrics(path: str | Path) -> tuple[SeedRubric, ...]:
    """The example rubrics, each beside its preference."""
    return tuple(
        SeedRubric(
            Preference(**one.preference.model_dump()),
            Rubric(one.preference.dimension, one.rubric.criteria, tuple(one.rubric.scores)),
        )
        for one in read_seed_file(path, RubricsFile).rubrics
    )


def read_licence(path: str | Path) -> str | None:
    """The licence that a seed file states for its texts. None when it states none."""
    return read_seed_file(path, LicensedFile).licence


def hint_at(name: str, names: Iterable[str]) -> str:
    """` (did you mean X?)` for a name that is none of these but near one; nothing otherwise."""
    known = list(names)
    return "" if name in known else hint(name, known)


def read_seed_file(path: str | Path, form: type[SeedFile]) -> SeedFile:
    """A seed file. Raises StepError with each wrong or missing key when the file is not of this form."""
    try:
        return form.model_validate(yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except ValidationError as problem:
        found = [f"{dotted(one['loc']) or 'the file'}: {one['msg']}" for one in problem.errors(include_url=False)]
        raise StepError(f"{path}: {'; '.join(found)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise StepError(f"{path}: cannot be read: {' '.join(str(problem).split())}") from None
