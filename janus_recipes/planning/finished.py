"""Which models, answers and scores are made, so that Snakemake would not make them again: by manifests and digests.

What was made from something that is to be made anew is to be made anew itself.
"""

from __future__ import annotations

from pathlib import Path

from janus_recipes import asking_steps
from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of, redacted
from janus_recipes.planning.made import as_manifest, manifest, same_question, unchanged
from janus_recipes.recipe.best_of import Sampled
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.section import Condition

SPEED = {"chunk", "hours", "gpus", "gpu_memory_utilization"}
"""Settings of generation that decide no answer."""

OF_SCORES = {"max_model_len", "dtype"}
"""Those that decide scores, for which nothing is sampled."""


def model_is_made(recipe: Recipe, name: str) -> bool:
    """Whether a model is there, trained as the recipe says now, from what is there now."""
    model = recipe.models[name]
    train = model.train
    if train is None:
        return base_is_made(recipe, recipe.base_of(name))
    found = manifest(Path("results", recipe.name, "models", name, "manifest.json"))
    return (
        bool(found)
        and redacted(train.decides()).items() <= found["section"].items()
        and is_from(recipe, name, found)
        and unchanged(manifest(manifest_of(Path(found["inputs"]["config"]["path"]))))
        and (model_is_made(recipe, train.start) if train.start else base_is_made(recipe, recipe.base_of(name)))
    )


def base_is_made(recipe: Recipe, base: str) -> bool:
    """Whether a base's weights need not be made: the hub's, or a rehearsal's that is there as the recipe says now."""
    if recipe.rehearsal is None:
        return True
    found = manifest(Path("results", recipe.name, "base_models", base, "manifest.json"))
    return found.get("section") == as_manifest(recipe.rehearsal.tiny_model) and unchanged(found)


def answers_are_made(recipe: Recipe, bench: str, model: str, condition: Condition) -> bool:
    """Whether a model's answers to a bench are those that it would give now."""
    found = manifest(manifest_of(Path("results", recipe.name, "answers", bench, model, f"{condition}.jsonl")))
    if recipe.models[model].provider is not None:
        return bool(found) and were_asked_so(recipe, bench, model, condition, found)
    return bool(found) and were_sampled_so(recipe, model, condition, found)


def were_sampled_so(recipe: Recipe, model: str, condition: Condition, found: Json) -> bool:
    """Whether a manifest is of the answers that vLLM would sample now."""
    wanted = recipe.generation.model_dump(mode="json", exclude=SPEED)
    told_so = wanted.items() <= found["section"].items() and is_under(recipe, condition, found)
    return told_so and is_of(recipe, model, found)


def were_asked_so(recipe: Recipe, bench: str, model: str, condition: Condition, found: Json) -> bool:
    """Whether a manifest is of the answers that a provider would be asked for now."""
    instances = Path("results", recipe.name, "bench", bench, "bench.jsonl")
    if not instances.exists():
        return False
    step = asking_steps.answers(recipe, model, condition, instances)
    return same_question(found, step, recipe.providers[step.asking.provider])


def samples_are_made(recipe: Recipe, of: Sampled) -> bool:
    """Whether the samples that a selection chooses from are those that the model would give now."""
    file = f"{of.condition}.{recipe.best_of[of.selection].samples}.jsonl"
    found = manifest(manifest_of(Path("results", recipe.name, "samples", of.bench, of.model, file)))
    return bool(found) and were_sampled_so(recipe, of.model, of.condition, found)


def rewards_are_made(recipe: Recipe, of: Sampled) -> bool:
    """Whether the rewards of a selection's samples are those that its reward model would give now."""
    file = f"{of.answers.file}.jsonl"
    found = manifest(manifest_of(Path("results", recipe.name, "rewards", of.bench, of.model, file)))
    wanted = recipe.generation.model_dump(mode="json", include=OF_SCORES)
    chosen_by = recipe.best_of[of.selection].reward_model
    scored = bool(found) and wanted.items() <= found["section"].items() and is_under(recipe, of.condition, found)
    return scored and is_of(recipe, chosen_by, found) and samples_are_made(recipe, of)


def best_answers_are_made(recipe: Recipe, of: Sampled) -> bool:
    """Whether the answers that a selection chose are those that it would choose now."""
    file = f"{of.answers.file}.jsonl"
    found = manifest(manifest_of(Path("results", recipe.name, "answers", of.bench, of.model, file)))
    wanted = {"samples": recipe.best_of[of.selection].samples}
    chosen = bool(found) and wanted.items() <= found["section"].items() and unchanged(found)
    return chosen and rewards_are_made(recipe, of)


def scores_are_made(recipe: Recipe, bench: str, model: str) -> bool:
    """Whether a model's scores of a bench's pairs are those that it would give now."""
    found = manifest(manifest_of(Path("results", recipe.name, "scores", bench, f"{model}.jsonl")))
    wanted = recipe.generation.model_dump(mode="json", include=OF_SCORES)
    return bool(found) and wanted.items() <= found["section"].items() and is_of(recipe, model, found)


def is_under(recipe: Recipe, condition: Condition, found: Json) -> bool:
    """Whether a manifest is of answers under the system message that the recipe itself now has for the condition."""
    noted: Json = found.get("notes", {})
    return bool(noted.get("system_message") == redacted(recipe.general_message(condition)))


def is_of(recipe: Recipe, model: str, found: Json) -> bool:
    """Whether a manifest is of something that this very model made."""
    return is_from(recipe, model, found) and model_is_made(recipe, model)


def is_from(recipe: Recipe, model: str, found: Json) -> bool:
    """Whether a manifest has the model's base, the recipe's seed, and inputs that are still the same."""
    return bool(found.get("notes", {}).get("from") == redacted(recipe.from_of(model))) and unchanged(found)
