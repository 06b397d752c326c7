"""Ask the teacher for preference sets: one preference per dimension, for each instruction (paper, section 3.2).

    janus collect preferences --recipe recipes/janus.yaml --instructions instructions.jsonl --out preferences.jsonl

Each request shows the teacher one seed set, drawn by the item's own seed, so the same recipe always asks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from janus_recipes.collection.seeds import SeedPreferences
from janus_recipes.collection.teacher_json import read_json, read_object
from janus_recipes.llm.chat import ChatRequest, Unparsed
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.schema import PreferenceSets
from janus_recipes.records import DIMENSIONS, Instruction, Preference
from janus_recipes.seeding import random_for

KEYS = ("dimension", "subdimension", "preference", "description")


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
            yield ChatRequest(f"{instruction.id}/{number}", messages, spec.sampling, sample=number)


def parse_preference_set(text: str) -> tuple[Preference, ...]:
    """The teacher's four preferences, in the order of the dimensions. Raises Unparsed."""
    listed = read_json(text)
    if not isinstance(listed, list):
        raise Unparsed("a list of four preferences was asked for")
    preferences = [Preference(**read_object(one, KEYS)) for one in listed]
    by_dimension = {one.dimension.lower(): one for one in preferences}
    if len(preferences) != len(DIMENSIONS) or set(by_dimension) != {name.lower() for name in DIMENSIONS}:
        found = ", ".join(one.dimension for one in preferences)
        raise Unparsed(f"one preference for each of {', '.join(DIMENSIONS)} was asked for; found {found}")
    return tuple(by_dimension[name.lower()] for name in DIMENSIONS)
