"""Ask the teacher for preference sets: one preference per dimension, for each instruction (paper, section 3.2).

    janus collect preferences --recipe recipes/janus.yaml --instructions instructions.jsonl --out preferences.jsonl

Each request shows the teacher one seed set, drawn by the item's own seed, so the same recipe always asks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field, model_validator

from janus_recipes.collection.seeds import SeedPreferences
from janus_recipes.collection.teacher_json import JsonAnswer, Text, answer_format, read_answer
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.schema import PreferenceSets
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


def parse_preference_set(text: str) -> tuple[Preference, ...]:
    """The teacher's four preferences, in the order of the dimensions. Raises Unparsed."""
    answer = read_answer(PreferenceSetAnswer, text)
    by_dimension = {one.dimension.lower(): Preference(**one.model_dump()) for one in answer.preferences}
    return tuple(by_dimension[name.lower()] for name in DIMENSIONS)
