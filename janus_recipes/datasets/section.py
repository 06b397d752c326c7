"""The part of a recipe that decides a data set, as its manifest holds it."""

from __future__ import annotations

from janus_recipes.datasets.answered_under import messages_section
from janus_recipes.datasets.lineage import Made
from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.manifest import redacted
from janus_recipes.recipe.dataset import SftDataset
from janus_recipes.recipe.schema import Recipe


def section_of(recipe: Recipe, name: str) -> Json:
    """The data set's own words, the seed of its draws, and the default messages' texts where it has them."""
    wanted = recipe.datasets[name]
    by_default = isinstance(wanted, SftDataset) and wanted.system_message == "default"
    return {
        **wanted.model_dump(mode="json"),
        "seed": recipe.seed,
        **(messages_section(recipe) if by_default else {}),
    }


def refuse_other_rows(made: Made, recipe: Recipe, name: str) -> None:
    """Raise StepError where rows are not what the recipe has under this name, by their manifest.

    What the manifest of an earlier version does not hold is not compared.
    """
    found, wanted = made.part("section"), redacted(section_of(recipe, name))
    if not isinstance(found, dict) or "kind" not in found or "rows" not in made.part("counts"):
        raise StepError(f"{made.path}: is no data set by its manifest; give the rows of {name}")
    if made.manifest.get("recipe") != recipe.name:
        raise StepError(f"{made.path}: of the recipe {made.manifest.get('recipe')}, and this one is {recipe.name}")
    differing = sorted(key for key in found.keys() - {"fschat"} if found[key] != wanted.get(key))
    if differing:
        raise StepError(
            f"{made.path}: made with another {', '.join(differing)} than datasets.{name} has in this recipe: give its "
            f"own rows, or make them again with `snakemake --force {made.path}`"
        )
