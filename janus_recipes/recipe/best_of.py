"""Best-of-n (paper, section 6.3, Table 11): of several answers the one that a reward model puts highest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from janus_recipes.recipe.section import Condition, Name, Section

if TYPE_CHECKING:
    from janus_recipes.recipe.schema import Recipe, Table

SINGLE = "single"
"""The selection of plain sampling: the one answer that was drawn."""


class BestOf(Section):
    """A way to select answers. Its name stands under `selections` of tables, and in their column `selection`."""

    reward_model: Name = Field(description="a model under `models` that is trained with `method: reward`")
    samples: int = Field(
        ge=2, description="answers sampled for each instance, beside the single one; all are kept, with their rewards"
    )
    judge_samples: bool = Field(
        False,
        description="also judge every sample, at `samples` times the price, so that the curve over n is told in the "
        "judge's scores too; false: in rewards alone",
    )
    hours: float = Field(24.0, gt=0, description="asked of the cluster for a model's samples, and for their rewards")


class Answers(NamedTuple):
    """Answers that a table shows: whose, under which system message, and how they were selected."""

    model: str
    condition: Condition
    selection: str = SINGLE

    @property
    def file(self) -> str:
        """The name of their file, of that of their verdicts and so on: `multifaceted`, `multifaceted.best-of-64`."""
        return self.condition if self.selection == SINGLE else f"{self.condition}.{self.selection}"


class Sampled(NamedTuple):
    """Answers to a bench that best-of-n selects from samples."""

    bench: str
    model: str
    condition: Condition
    selection: str

    @property
    def answers(self) -> Answers:
        return Answers(self.model, self.condition, self.selection)


def shown_in(table: Table) -> list[Answers]:
    """All answers of a table, in its order: by model, then condition, then selection."""
    return [
        Answers(model, condition, selection)
        for model in table.models
        for condition in table.conditions
        for selection in table.selections
    ]


def selected(recipe: Recipe) -> list[Sampled]:
    """All answers that tables show and best-of-n selects, each once, in the order of the tables."""
    found = (
        Sampled(table.benchmark, *answers)
        for table in recipe.tables.values()
        for answers in shown_in(table)
        if answers.selection != SINGLE
    )
    return list(dict.fromkeys(found))
