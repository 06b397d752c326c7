"""Win rates: which of two models' answers the judge prefers, when it sees both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from janus_recipes.recipe.section import Condition, Name, Section

if TYPE_CHECKING:
    from janus_recipes.recipe.schema import Recipe

Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]
"""Two models, of which the first's wins are counted."""


class WinRate(Section):
    """A page of win rates: each pair's answers are compared by the recipe's judge (`judging`), in both orders."""

    title: str
    benchmark: Name
    condition: Condition = Field("multifaceted", description="the system message that both models answered under")
    pairs: list[Pair] = Field(min_length=1, description="[model, model]: how often the first one wins")
    runs: int = Field(1, ge=1, description="times each pair of answers is compared in each order")


def decides_comparisons(recipe: Recipe, name: str) -> dict[str, Any]:
    """What decides the verdicts on a pair, the answers and the prompt apart: the judge's settings and the runs."""
    judging = recipe.judging.model_dump(mode="json", include={"provider", "sampling", "re_asks"})
    return {**judging, "runs": recipe.win_rates[name].runs}
