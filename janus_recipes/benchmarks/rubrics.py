"""Ask the teacher for score rubrics: one for each preference behind a system message (paper, appendix C.1).

janus bench rubrics multifaceted --recipe recipes/janus.yaml --preferences preferences.jsonl --out rubrics.jsonl
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from janus_recipes.collection.seeds import SeedRubric
from janus_recipes.collection.teacher_json import JsonAnswer, Text, answer_format, read_answer
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.schema import Rubrics
from janus_recipes.records import Asked, Preference
from janus_recipes.seeding import random_for


class RubricAnswer(JsonAnswer):
    """A rubric, flat as the prompt asks for it."""

    criteria: Text
    score1_description: Text
    score2_description: Text
    score3_description: Text
    score4_description: Text
    score5_description: Text


RUBRIC = answer_format("rubric", RubricAnswer)


@dataclass(frozen=True)
class RubricText:
    """A rubric as the teacher writes it, before it is joined with its preference's dimension."""

    criteria: str
    scores: tuple[str, ...]


def rubric_requests(
    sets: Iterable[Asked[tuple[Preference, ...]]],
    examples: Sequence[SeedRubric],
    spec: Rubrics,
    prompt: Prompt,
    seed: int,
) -> Iterator[ChatRequest]:
    """One request for each preference of each set, in the dimensions' order; ids are `<set>/<dimension's number>`."""
    for one in sets:
        for number, preference in enumerate(one.value or ()):
            item = f"{one.id}/{number}"
            shown = random_for(seed, "rubric", item).sample(list(examples), spec.examples)
            messages = prompt.render(preference=preference, examples=shown)
            yield ChatRequest(item, messages, spec.sampling, answer=RUBRIC)


def parse_rubric(text: str) -> RubricText:
    """The teacher's rubric: criteria, and what each score from 1 to 5 means. Raises Unparsed."""
    criteria, *scores = read_answer(RubricAnswer, text).model_dump().values()
    return RubricText(criteria, tuple(scores))
