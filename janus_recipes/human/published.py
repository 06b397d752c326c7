"""What the paper says about its own human evaluation, from `human` in `recipes/published.yaml`.

read_published_human(Path("recipes/published.yaml")).figure6["rubric"]["yes"]          # 0.772
"""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from janus_recipes.errors import RecipeError


class Excluded(BaseModel):
    """How many instances the paper excluded after stage 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instances: int
    of: int


class PublishedHuman(BaseModel):
    """The paper's figures, shares from 0 to 1. `figure6`: by question and answer. `figure3`: by the two models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure6: dict[str, dict[str, float]]
    excluded: Excluded
    figure3: dict[str, dict[str, dict[str, float]]]

    def compared(self, first: str, second: str) -> dict[str, float]:
        """The shares of a pair by what its first model did; empty where the paper does not compare the two."""
        return self.figure3.get(first, {}).get(second, {})


def read_published_human(path: Path) -> PublishedHuman:
    """The paper's figures. Raises RecipeError with each wrong key."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        return PublishedHuman.model_validate(content["human"])
    except (KeyError, TypeError):
        raise RecipeError([f"{path}: has no figures of the `human` evaluation"]) from None
    except ValidationError as error:
        found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_url=False)]
        raise RecipeError([f"{path}: human.{where}: {what}" for where, what in found]) from None
