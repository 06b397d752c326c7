"""Ask the teacher for preference sets: one preference per dimension, for each instruction (paper, section 3.2).

    janus collect preferences --recipe recipes/janus.yaml --instructions instructions.jsonl --out preferences.jsonl

Each request shows the teacher one seed set, drawn by the item's own seed, so the same recipe always asks the same.
What comes back must be JSON with one preference for each dimension, and pass the checks that the recipe names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from janus_recipes.collection.checks import Check, at_most_two_sentences, check_all
from janus_recipes.collection.seeds import SeedPreferences
from janus_recipes.collection.teacher_json import JsonAnswer, Text, answer_format, read_answer
from janus_recipes.collection.words import words_of
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.llm.repeats import MustDiffer
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.collection import PreferenceCheck, PreferenceSets
from janus_recipes.records import DIMENSIONS, Instruction, Preference
from janus_recipes.seeding import random_for


class PreferenceAnswer(JsonAnswer):
    """One preference. The schema spells its dimension out; what is read may differ from that in capitals."""

    dimension: Annotated[Text, Field(json_schema_extra={"enum": list(DIMENSIONS)})]
    subdimension: Text
    preference: Text
    description: Text


class PreferenceSetAnswer(JsonAnswer):
    """Four preferences: bare, as the prompt asks, or in the object that a strict schema must have at its root."""

    preferences: list[PreferenceAnswer]

    @model_validator(mode="before")
    @classmethod
    def _rooted(cls, value: object) -> object:
        return {"preferences": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_a_dimension(self) -> PreferenceSetAnswer:
        found = [one.dimension for one in self.preferences]
        if sorted(map(str.lower, found)) != sorted(map(str.lower, DIMENSIONS)):
            raise ValueError(f"has not one preference for each of {', '.join(DIMENSIONS)}, but {', '.join(found)}")
        return self


PREFERENCE_SET = answer_format("preference_set", PreferenceSetAnswer)

PreferenceSet = tuple[Preference, ...]

NO_CHECKS: Mapping[str, Check[PreferenceSet]] = {}


def preference_requests(
    instructions: Iterable[Instruction], seeds: SeedPreferences, spec: PreferenceSets, prompt: Prompt, seed: int
) -> Iterator[ChatRequest]:
    """One request for each instruction and each of its `per_instruction` sets, in that order.

    The set's number is the request's sample index: two sets that draw the same seed set are still two answers.
    """
    for instruction in instructions:
        for number in range(spec.per_instruction):
            example = seeds.draw_set(random_for(seed, "preference set", instruction.id, number))
            messages = prompt.render(dimensions=seeds.dimensions, example=example, instruction=instruction.text)
            yield ChatRequest(f"{instruction.id}/{number}", messages, spec.sampling, number, PREFERENCE_SET)


def parse_preference_set(text: str, checks: Mapping[str, Check[PreferenceSet]] = NO_CHECKS) -> PreferenceSet:
    """The teacher's four preferences, in the order of the dimensions. Raises Unparsed, also for a check that fails."""
    answer = read_answer(PreferenceSetAnswer, text)
    by_dimension = {one.dimension.lower(): Preference(**one.model_dump()) for one in answer.preferences}
    found = tuple(by_dimension[name.lower()] for name in DIMENSIONS)
    check_all(found, checks)
    return found


def checks_of_a_set(names: Sequence[PreferenceCheck]) -> dict[str, Check[PreferenceSet]]:
    """Those of the named checks that look at one set by itself."""
    return {"at_most_two_sentences": at_most_two_sentences} if "at_most_two_sentences" in names else {}


def sets_differ(names: Sequence[PreferenceCheck]) -> MustDiffer[PreferenceSet] | None:
    """What the sets of one instruction must not share, where `names` has that check; None where it does not."""
    return MustDiffer("sets_differ", keys_of, group=instruction_of) if "sets_differ" in names else None


def keys_of(preferences: PreferenceSet) -> tuple[str, str]:
    """What two sets that differ may not share: the four names, and the four descriptions.

    Case, punctuation and spacing make no difference, nor do the subdimensions, which a teacher renames at will.
    """
    names = _alike(one.preference for one in preferences)
    return f"names: {names}", f"descriptions: {_alike(one.description for one in preferences)}"


def _alike(texts: Iterable[str]) -> str:
    return " | ".join(" ".join(words_of(text)) for text in texts)


def instruction_of(set_id: str) -> str:
    """The instruction of a preference set, by its id."""
    return set_id.rpartition("/")[0]
