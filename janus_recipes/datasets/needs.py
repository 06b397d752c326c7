"""What each training set is cut from: the Collection's gold responses with their system messages, or helpful ones."""

from __future__ import annotations

from janus_recipes.recipe.collection import HelpfulCondition
from janus_recipes.recipe.dataset import Dataset, HelpfulMix, SftDataset
from janus_recipes.recipe.schema import Recipe


def helpful_condition(wanted: Dataset) -> HelpfulCondition | None:
    """The helpful responses that a data set takes, by what stands before the instruction; None where it takes none.

    A recipe that wants helpful responses to system messages of their own is wrong (`recipe/check_datasets.py`).
    """
    if isinstance(wanted, SftDataset) and wanted.response == "helpful" and wanted.system_message != "multifaceted":
        return wanted.system_message
    return None


def takes_gold(wanted: Dataset) -> bool:
    """Whether a data set is cut from the Collection's system messages and gold responses."""
    return not isinstance(wanted, HelpfulMix) and helpful_condition(wanted) is None


def helpful_needed(recipe: Recipe) -> list[HelpfulCondition]:
    """The helpful responses that any data set of the recipe takes; no others are asked for."""
    return sorted({found for one in recipe.datasets.values() if (found := helpful_condition(one)) is not None})
