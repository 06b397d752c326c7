"""Which models, answers and scores are made, so that Snakemake would not make them again: by manifests and digests.

What was made from something that is to be made anew is to be made anew itself.
"""

from __future__ import annotations

from pathlib import Path

from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of, redacted
from janus_recipes.planning.made import as_manifest, manifest, unchanged
from janus_recipes.recipe.schema import Recipe

SPEED = {"chunk", "hours", "gpus", "gpu_memory_utilization"}
"""Settings of generation that decide no answer."""

OF_SCORES = {"max_model_len", "dtype"}
"""Those that decide scores, for which nothing is sampled."""


def model_is_made(recipe: Recipe, name: str) -> bool:
    """Whether a model is there, trained as the recipe says now, from what is there now."""
    model = recipe.models[name]
    train = model.train
    if train is None:
        return base_is_made(recipe, model.base)
    found = manifest(Path("results", recipe.name, "models", name, "manifest.json"))
    return (
        bool(found)
        and redacted(train.decides()).items() <= found["section"].items()
        and is_from(recipe, name, found)
        and unchanged(manifest(manifest_of(Path(found["inputs"]["config"]["path"]))))
        and (model_is_made(recipe, train.start) if train.start else base_is_made(recipe, model.base))
    )


def base_is_made(recipe: Recipe, base: str) -> bool:
    """Whether a base's weights need not be made: the hub's, or a rehearsal's that is there as the recipe says now."""
    if recipe.rehearsal is None:
        return True
    found = manifest(Path("results", recipe.name, "base_models", base, "manifest.json"))
    return found.get("section") == as_manifest(recipe.rehearsal.tiny_model) and unchanged(found)


def answers_are_made(recipe: Recipe, bench: str, model: str, condition: str) -> bool:
    """Whether a model's answers to a bench are those that it would give now."""
    found = manifest(manifest_of(Path("results", recipe.name, "answers", bench, model, f"{condition}.jsonl")))
    wanted = recipe.generation.model_dump(mode="json", exclude=SPEED)
    return bool(found) and wanted.items() <= found["section"].items() and is_of(recipe, model, found)


def scores_are_made(recipe: Recipe, bench: str, model: str) -> bool:
    """Whether a model's scores of a bench's pairs are those that it would give now."""
    found = manifest(manifest_of(Path("results", recipe.name, "scores", bench, f"{model}.jsonl")))
    wanted = recipe.generation.model_dump(mode="json", include=OF_SCORES)
    return bool(found) and wanted.items() <= found["section"].items() and is_of(recipe, model, found)


def is_of(recipe: Recipe, model: str, found: Json) -> bool:
    """Whether a manifest is of something that this very model made."""
    return is_from(recipe, model, found) and model_is_made(recipe, model)


def is_from(recipe: Recipe, model: str, found: Json) -> bool:
    """Whether a manifest has the model's base, the recipe's seed, and inputs that are still the same."""
    return bool(found.get("notes", {}).get("from") == redacted(recipe.from_of(model))) and unchanged(found)
