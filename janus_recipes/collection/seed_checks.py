"""Whether the seeds are what the teacher should be shown: named checks, and how often each preference is covered.

    janus seeds check --recipe recipes/janus.yaml

A fault found here stops no request: seeds of another size, or without `covers` and `licence`, can be asked with. Only
files of another form are errors of their readers (seeds.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.distance import Indel

from janus_recipes.collection.checks import SENTENCES_MOST, SYSTEM_MESSAGE_CHECKS
from janus_recipes.collection.seeds import (
    SeedMessage,
    SeedPreferences,
    SeedRubric,
    hint_at,
    read_licence,
    read_seed_messages,
    read_seed_preferences,
    read_seed_rubrics,
)
from janus_recipes.collection.sentences import sentences_in
from janus_recipes.collection.words import words_of
from janus_recipes.recipe.schema import Seeds
from janus_recipes.records import DIMENSIONS, Preference

LEAST_WORDS, MOST_WORDS = 40, 200
"""What passes for one paragraph of a system message. The teacher is told not to write long ones (appendix J)."""

MOST_ALIKE = 0.5
"""ROUGE-L F1 of two messages' words from which they count as one message written twice. Of ours no pair reaches 0.3."""


@dataclass(frozen=True)
class SeedFiles:
    """The three seed files of a recipe, read, and what each says of its licence."""

    paths: Seeds
    preferences: SeedPreferences
    messages: tuple[SeedMessage, ...]
    rubrics: tuple[SeedRubric, ...]
    licences: Mapping[str, str | None]

    def message(self, number: int) -> str:
        """Where a message stands, for a person who looks for it."""
        opening = " ".join(self.messages[number].text.split()[:6])
        return f'{self.paths.system_messages}: system_messages.{number} ("{opening} ...")'


def read_seed_files(paths: Seeds) -> SeedFiles:
    """All seeds. Raises StepError at a file of another form."""
    return SeedFiles(
        paths,
        read_seed_preferences(paths.preferences),
        read_seed_messages(paths.system_messages),
        read_seed_rubrics(paths.rubrics),
        {path: read_licence(path) for path in (paths.preferences, paths.system_messages, paths.rubrics)},
    )


def coverage(files: SeedFiles) -> dict[Preference, int]:
    """How many messages were written for each preference, in the preferences' order."""
    counts, by_name = dict.fromkeys(files.preferences.preferences, 0), _by_name(files)
    for message in files.messages:
        for preference in set(_covered(message, by_name)):
            counts[preference] += 1
    return counts


def faults_of(files: SeedFiles) -> dict[str, list[str]]:
    """What each check of `CHECKS` found, in their order; an empty list where all is well."""
    return {name: list(check(files)) for name, check in CHECKS.items()}


def _by_name(files: SeedFiles) -> dict[str, list[Preference]]:
    """Each preference under its name and, for names that several subdimensions have, under `Tone: Friendly`."""
    named: dict[str, list[Preference]] = {}
    for one in dict.fromkeys(files.preferences.preferences):
        named.setdefault(one.preference, []).append(one)
        named.setdefault(f"{one.subdimension}: {one.preference}", []).append(one)
    return named


def _covered(message: SeedMessage, by_name: Mapping[str, list[Preference]]) -> list[Preference]:
    found = [by_name.get(name, []) for name in message.covers]
    return [several[0] for several in found if len(several) == 1]


def _uncovered(files: SeedFiles) -> Iterator[str]:
    missing = [one for one, count in coverage(files).items() if not count]
    if missing:
        names = ", ".join(f"{one.preference} ({one.subdimension})" for one in missing)
        yield f"{files.paths.system_messages}: no message has in its covers: {names}"


def _unknown_covers(files: SeedFiles) -> Iterator[str]:
    by_name = _by_name(files)
    for number, message in enumerate(files.messages):
        for name in message.covers:
            several = by_name.get(name, [])
            if not several:
                names = [one.preference for one in files.preferences.preferences]
                where = files.paths.preferences
                yield f"{files.message(number)}: covers {name!r}, which is not in {where}{hint_at(name, names)}"
            if len(several) > 1:
                choices = " or ".join(f"{one.subdimension}: {one.preference}" for one in several)
                yield f"{files.message(number)}: covers {name!r}, of which there are several: write {choices}"


def _missing_dimensions(files: SeedFiles) -> Iterator[str]:
    by_name = _by_name(files)
    for number, message in enumerate(files.messages):
        there = {one.dimension for one in _covered(message, by_name)}
        missing = [name for name in DIMENSIONS if name not in there]
        if not message.covers:
            yield f"{files.message(number)}: does not say what it covers; add `covers`, a list of preferences"
        elif missing:
            yield f"{files.message(number)}: covers no preference of {', '.join(missing)}"


def _badly_formed(files: SeedFiles) -> Iterator[str]:
    for number, message in enumerate(files.messages):
        for name, check in SYSTEM_MESSAGE_CHECKS.items():
            if wrong := check(message.text):
                yield f"{files.message(number)}: {name}: {wrong}"


def _odd_lengths(files: SeedFiles) -> Iterator[str]:
    for number, message in enumerate(files.messages):
        words = len(words_of(message.text))
        if not LEAST_WORDS <= words <= MOST_WORDS:
            yield f"{files.message(number)}: {words} words; {LEAST_WORDS} to {MOST_WORDS} make a paragraph"


def _alike(files: SeedFiles) -> Iterator[str]:
    words = [words_of(message.text) for message in files.messages]
    for first, second in combinations(range(len(words)), 2):
        # 2 LCS / (n + m), which is the F1 of ROUGE-L.
        likeness = Indel.normalized_similarity(words[first], words[second])
        if likeness >= MOST_ALIKE:
            yield f"{files.message(second)}: nearly the same as system_messages.{first} (ROUGE-L {likeness:.2f})"


def _repeated_preferences(files: SeedFiles) -> Iterator[str]:
    names: set[str] = set()
    descriptions: dict[str, str] = {}
    for one in files.preferences.preferences:
        place, said = _place(one), " ".join(words_of(one.description))
        if place.casefold() in names:
            yield f"{files.paths.preferences}: {place} is there twice"
        elif said in descriptions:
            yield f"{files.paths.preferences}: {place} has the description of {descriptions[said]}"
        names.add(place.casefold())
        descriptions.setdefault(said, place)


def _long_descriptions(files: SeedFiles) -> Iterator[str]:
    for one in files.preferences.preferences:
        count = sentences_in(one.description)
        if count > SENTENCES_MOST:
            where = f"{files.paths.preferences}: {_place(one)}"
            yield f"{where}: a description of {count} sentences; at most {SENTENCES_MOST}"


def _place(one: Preference) -> str:
    return f"{one.dimension} / {one.subdimension} / {one.preference}"


def _no_licence(files: SeedFiles) -> Iterator[str]:
    for path, licence in files.licences.items():
        if licence is None:
            yield f"{path}: states no licence; add a line such as `licence: Apache-2.0`"


def _odd_rubrics(files: SeedFiles) -> Iterator[str]:
    for number, one in enumerate(files.rubrics):
        where, dimension = f"{files.paths.rubrics}: rubrics.{number}", one.preference.dimension
        if dimension not in DIMENSIONS:
            yield f"{where}: there is no dimension {dimension!r}{hint_at(dimension, DIMENSIONS)}"
        if len(set(one.rubric.scores)) < len(one.rubric.scores):
            yield f"{where}: two of its five scores are worded alike"


CHECKS: dict[str, Callable[[SeedFiles], Iterator[str]]] = {
    "every preference is covered": _uncovered,
    "covers name preferences": _unknown_covers,
    "each message covers all dimensions": _missing_dimensions,
    "messages are paragraphs without bullets, greetings or blanks": _badly_formed,
    f"messages have {LEAST_WORDS} to {MOST_WORDS} words": _odd_lengths,
    "no two messages are nearly the same": _alike,
    "no preference is there twice": _repeated_preferences,
    f"descriptions have at most {SENTENCES_MOST} sentences": _long_descriptions,
    "rubrics have a dimension and five different scores": _odd_rubrics,
    "each file states its licence": _no_licence,
}
