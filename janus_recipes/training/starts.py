"""What a model's training started from, by the recipe: janus-dpo-7b from janus-star-7b, and that from the base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import Training


class Start(NamedTuple):
    """A trained model that another one's training started from."""

    name: str
    train: Training


def starts_of(recipe: Recipe, model: str) -> Iterator[Start]:
    """The trained models behind a model, the nearest first."""
    train = recipe.models[model].train
    while train and train.start and (earlier := recipe.models[train.start].train):
        yield Start(train.start, earlier)
        train = earlier
