"""What a recipe says of the analyses of models' answers (paper, section 5.1 and appendix G): Figures 8, 9, examples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from janus_recipes.recipe.section import Condition, Name, Section


class Examples(Section):
    """Instances that are shown with all answers beside each other (paper, Tables 12 to 14)."""

    choose: Literal["random", "largest_difference"] = Field(
        "random",
        description="random: drawn by the recipe's seed. largest_difference: those where the first model of `between` "
        "is judged furthest above the second, which flatters the first: the page says so",
    )
    count: int = Field(3, ge=1, description="instances, each of another instruction")
    between: list[Name] = Field([], description="for largest_difference: the model ahead, then the one behind")
    instances: list[str] = Field([], description="ids of instances to show in place of chosen ones")


class AnswerAnalysis(Section):
    """Lengths of answers, their ROUGE-L under different system messages, and examples, of the models of a table."""

    table: Name = Field(
        description="whose benchmark and models are looked at: their answers are made and judged for it"
    )
    condition: Condition = Field("multifaceted", description="one of the table's")
    models: list[Name] | None = Field(None, min_length=1, description="some of the table's models; null: all of them")
    examples: Examples = Examples()
