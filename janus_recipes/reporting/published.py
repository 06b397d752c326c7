"""The paper's figures, from `recipes/published.yaml`: by table, the judge that gave them and a row for each model.

    published = read_published(Path("recipes/published.yaml"), "table2")
    published.figure("janus-7b", "multifaceted", "Average")         # 4.17

Columns are benchmarks under one `condition` (Table 2), or conditions on one `benchmark` (Table 8).
"""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from janus_recipes.errors import RecipeError


class PublishedTable(BaseModel):
    """One published table. Exactly one of `condition` and `benchmark` is set: what all its columns share."""

    # Other keys are read by those who need them: `selections` by best-of-n, `metric` by people.
    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str = Field(description="where in the paper: Table 2")
    judge: str = Field(min_length=1, description="the model that gave the figures, as its endpoint calls it")
    condition: str | None = None
    benchmark: str | None = None
    columns: list[str] = Field(min_length=1)
    rows: dict[str, list[float | None]] = Field(description="by model, as recipes name it; null: not reported")

    @model_validator(mode="after")
    def _fits_together(self) -> PublishedTable:
        if (self.condition is None) == (self.benchmark is None):
            raise ValueError("needs either condition or benchmark: what all its columns share")
        for model, figures in self.rows.items():
            if len(figures) != len(self.columns):
                raise ValueError(f"rows.{model} has {len(figures)} figures for {len(self.columns)} columns")
        return self

    def figure(self, model: str, condition: str, benchmark: str) -> float | None:
        """The figure of a cell, or None where the paper gives none."""
        column = benchmark if self.condition == condition else condition if self.benchmark == benchmark else None
        if column not in self.columns or model not in self.rows:
            return None
        return self.rows[model][self.columns.index(column)]


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
