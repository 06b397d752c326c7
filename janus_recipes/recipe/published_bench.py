"""What a recipe says of a bench that somebody has published whole: where it lies and under which names its parts stand.

The defaults are the names of the authors' own release, kaist-ai/Multifaceted-Bench (paper, section 4).
"""

from __future__ import annotations

from pydantic import Field

from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.section import Section


class PublishedFields(Section):
    """Where the parts of an instance stand in a record, dotted. Those of a rubric stand inside each of `rubrics`."""

    source: str = Field("source", description="the benchmark, or the data set inside it, that the prompt comes from")
    instruction: str = "prompt"
    system_message: str = "system"
    reference_answer: str = "reference_answer"
    rubrics: str = Field("rubrics", description="a list, one for each of the four dimensions")
    criteria: str = "criteria"
    score_descriptions: str = Field("score_descriptions", description="what 1 to 5 mean: a mapping, or a list of five")
    preferences: str = Field(
        "preference_set",
        description="a list of four, in the order of the rubrics. An empty text: the file has none, its rubrics stand "
        "in the order style, background knowledge, informativeness, harmlessness",
    )


class PublishedBench(Located):
    """A bench that is loaded instead of made: nothing is asked for it."""

    instances: int = Field(921, ge=1, description="how many it must have; another number stops the step")
    fields: PublishedFields = PublishedFields()
    columns: dict[str, str] = Field(
        {}, description="the tables' column of each `source`: {self-instruct: mf-Self-Instruct}"
    )
    other_column: str | None = Field(
        None, description="the column of every `source` that `columns` does not name; null: such a one stops the step"
    )
