"""The paper's figures, from `recipes/published.yaml`: by table, the judge that gave them and a row for each model.

    published = read_published(Path("recipes/published.yaml"), "table2")
    published.figure("janus-7b", "multifaceted", "Average")         # 4.17

Columns are benchmarks under one `condition` (Table 2), or conditions on one `benchmark` (Table 8). `rows` are of single
answers, `selections` of those that best-of-n selected (Table 11).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.best_of import SINGLE, Answers
from janus_recipes.recipe.section import Condition


class PublishedTable(BaseModel):
    """One published table. Exactly one of `condition` and `benchmark` is set: what all its columns share."""

    # Other keys are for people: `metric`.
    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str = Field(description="where in the paper: Table 2")
    judge: str = Field(min_length=1, description="the model that gave the figures, as its endpoint calls it")
    condition: Condition | None = None
    benchmark: str | None = None
    columns: list[str] = Field(min_length=1)
    rows: dict[str, list[float | None]] = Field(description="by model, as recipes name it; null: not reported")
    selections: dict[str, dict[str, list[float | None]]] = Field({}, description="more such rows, by selection")

    @model_validator(mode="after")
    def _fits_together(self) -> PublishedTable:
        if (self.condition is None) == (self.benchmark is None):
            raise ValueError("needs either condition or benchmark: what all its columns share")
        for selection, rows in self._by_selection().items():
            where = "rows" if selection == SINGLE else f"selections.{selection}"
            for model, figures in rows.items():
                if len(figures) != len(self.columns):
                    raise ValueError(f"{where}.{model} has {len(figures)} figures for {len(self.columns)} columns")
        return self

    def _by_selection(self) -> dict[str, dict[str, list[float | None]]]:
        return {SINGLE: self.rows, **self.selections}

    def figure(self, model: str, condition: str, benchmark: str, selection: str = SINGLE) -> float | None:
        """The figure of a cell, or None where the paper gives none."""
        rows = self._by_selection().get(selection, {})
        column = benchmark if self.condition == condition else condition if self.benchmark == benchmark else None
        if column not in self.columns or model not in rows:
            return None
        return rows[model][self.columns.index(column)]

    @property
    def benchmarks(self) -> list[str]:
        """The benchmarks of its columns."""
        return self.columns if self.benchmark is None else [self.benchmark]

    def answers(self) -> Iterator[Answers]:
        """All answers that it has a row for: by model in its order, then condition, then selection."""
        conditions = cast(list[Condition], self.columns if self.condition is None else [self.condition])
        by_selection = self._by_selection()
        for model in dict.fromkeys(model for rows in by_selection.values() for model in rows):
            for condition in conditions:
                yield from (Answers(model, condition, name) for name, rows in by_selection.items() if model in rows)


def read_published(path: Path, key: str) -> PublishedTable:
    """The table `key` of the file.

    Raises:
        RecipeError: no such file or table, or a table that does not fit together.
    """
    try:
        tables = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RecipeError(
            [f"{path}: cannot be read as YAML ({error}): see `published_figures` in the recipe"]
        ) from None
    if not isinstance(tables, dict) or key not in tables:
        has = ", ".join(tables) if isinstance(tables, dict) else "none"
        raise RecipeError([f"{path}: no table {key!r}; it has {has}"])
    try:
        return PublishedTable.model_validate(tables[key])
    except ValidationError as error:
        problems = [(".".join(map(str, (key, *one["loc"]))), one["msg"]) for one in error.errors()]
        raise RecipeError([f"{path}: {where}: {what}" for where, what in problems]) from None
