"""What the paper says about its own Collection, from `collection` in `recipes/published.yaml`.

published = read_published_collection(Path("recipes/published.yaml"))
published.table5["nectar"]["sharegpt"]          # 1994
"""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from janus_recipes.errors import RecipeError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Funnel(Part):
    """Instructions left after each step of appendix A.1."""

    pool: int
    sampled: int
    before_filter: int
    kept: int


class Unique(Part):
    """Table 1: how many of each the Collection has."""

    instructions: int
    system_messages: int
    dimensions: int
    subdimensions: int
    preferences: int


class RougeL(Part):
    """A published ROUGE-L F1: its mean, and its maximum where the paper states one."""

    average: float
    max: float | None = None


class Mix(Part):
    """Appendix E.2: the parts of the helpful mix by pool, and how many pairs the authors released."""

    pairs: int
    shares: dict[str, float]


class PublishedCollection(Part):
    """The paper's figures of the Multifaceted Collection. `table5`: instructions by source, then by its inner source.

    `table7`: the top five subdimensions by dimension, in the order in which the paper prints them.
    """

    appendix_a1: Funnel
    table1: Unique
    table5: dict[str, dict[str, int]]
    table7: dict[str, list[str]]
    figure4: RougeL
    figure5: RougeL
    appendix_e2: Mix


def read_published_collection(path: Path) -> PublishedCollection:
    """The paper's figures. Raises RecipeError with each wrong key."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        return PublishedCollection.model_validate(content["collection"])
    except (KeyError, TypeError):
        raise RecipeError([f"{path}: has no figures of the `collection`"]) from None
    except ValidationError as error:
        found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_url=False)]
        raise RecipeError([f"{path}: collection.{where}: {what}" for where, what in found]) from None


def read_published_diversity(path: Path) -> dict[str, RougeL]:
    """Figure 9 by model, from `figure9`. Raises RecipeError with each wrong key."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        return {model: RougeL.model_validate(stated) for model, stated in content["figure9"]["rows"].items()}
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise RecipeError([f"{path}: figure9 is not of the form rows: {{model: {{average, max}}}}: {error}"]) from None
