"""What a command line names and the recipe must have: models, data sets, benchmarks, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from janus_recipes.errors import UsageError
from janus_recipes.recipe.problem import did_you_mean

T = TypeVar("T")


def named(section: Mapping[str, T], key: str, what: str) -> T:
    """The part of a recipe with this name. Raises UsageError with the nearest right name where there is none."""
    if key not in section:
        raise UsageError(f"the recipe has no {what} {key}{did_you_mean(key, section)}")
    return section[key]
