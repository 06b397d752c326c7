"""What the GPUs do: hours of each training, and of sampling each model's answers to a bench.

Speeds are those that finished runs of the recipe had, by their manifests, else those that its `throughput` states.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.asking import S_PER_H
from janus_recipes.planning.datasets import file_of, row_tokens, rows_at_most
from janus_recipes.planning.line import Basis, Line
from janus_recipes.planning.made import as_manifest, manifest, mean
from janus_recipes.planning.nodes import instances_at_most, judged
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.planning.typical import answer_tokens_of
from janus_recipes.recipe.schema import Recipe, Training


def training_lines(recipe: Recipe, tokens: TokenCounter) -> Iterator[Line]:
    """A line for each training."""
    for name, model in recipe.models.items():
        if model.train:
            yield training_line(recipe, name, model.train, tokens)


def training_line(recipe: Recipe, name: str, train: Training, tokens: TokenCounter) -> Line:
    """Tokens of the data set x epochs / (tokens per second and GPU). A training on the CPU has no GPU-hours."""
    step, by = f"train {name}", f"{train.method} of {recipe.models[name].base} on {train.dataset}"
    if manifest(Path("results", recipe.name, "models", name, "manifest.json")).get("section") == as_manifest(train):
        return Line(step, by, "made")
    read = rows_at_most(recipe, train.dataset) * row_tokens(recipe, train.dataset, tokens) * train.epochs
    speed = measured_training_speed(recipe) or recipe.throughput.training_tokens_per_gpu_second
    gpu_hours = read / speed / S_PER_H if train.gpus else 0.0
    hours = gpu_hours / train.gpus if train.gpus else None
    basis: Basis = "exact" if file_of(recipe, train.dataset).exists() else "estimate"
    return Line(step, by, basis, gpu_tokens=round(read), hours=hours, gpu_hours=gpu_hours)


def message_and_instruction_tokens(recipe: Recipe) -> int:
    """Tokens of a typical prompt of a model: a system message and an instruction."""
    return answer_tokens_of(recipe.collection.system_messages) + recipe.throughput.instruction_tokens


def measured_training_speed(recipe: Recipe) -> float | None:
    """Tokens per second and GPU, as the recipe's finished trainings had; None without any on GPUs."""
    found = map(manifest, sorted(Path("results", recipe.name, "models").glob("*/manifest.json")))
    return mean(
        one["counts"]["tokens"] / one["counts"]["seconds"] / one["section"]["gpus"]
        for one in found
        if one["section"]["gpus"] and one["counts"]["seconds"]
    )


def generation_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model and condition that answers a bench."""
    answers = {pair: answers_manifest(recipe, *pair) for pair in judged(recipe)}
    sampled = [one for one in answers.values() if one and one["counts"]["by_status"].get("ok")]
    length = mean(one["counts"]["answer_tokens"] / one["counts"]["by_status"]["ok"] for one in sampled)
    typical = length or answer_tokens_of(recipe.collection.responses)
    per_answer = measured_gpu_s_per_answer(sampled) or stated_gpu_s_per_answer(recipe, typical)
    for (bench, model, condition), found in answers.items():
        step, instances = f"{bench}: sample {model} ({condition})", instances_at_most(recipe, bench)
        if found.get("section") == as_manifest(recipe.generation):
            yield Line(step, recipe.models[model].base, "made")
            continue
        gpus = recipe.generation.gpus
        gpu_hours = instances * per_answer / S_PER_H if gpus else 0.0
        yield Line(
            step,
            recipe.models[model].base,
            "estimate",
            gpu_tokens=round(instances * (message_and_instruction_tokens(recipe) + typical)),
            hours=gpu_hours / gpus if gpus else None,
            gpu_hours=gpu_hours,
        )


def answers_manifest(recipe: Recipe, bench: str, model: str, condition: str) -> Json:
    """The manifest of a model's answers, empty where it has none."""
    return manifest(manifest_of(Path("results", recipe.name, "answers", bench, model, f"{condition}.jsonl")))


def measured_gpu_s_per_answer(sampled: Iterable[Json]) -> float | None:
    """GPU-seconds of an answer in finished samplings, loading the weights included; None without any on GPUs."""
    return mean(
        one["seconds"] * one["section"]["gpus"] / one["counts"]["by_status"]["ok"]
        for one in sampled
        if one["section"]["gpus"]
    )


def stated_gpu_s_per_answer(recipe: Recipe, answer_tokens: float) -> float:
    """GPU-seconds of an answer at the stated speeds of reading prompts and writing answers."""
    speeds = recipe.throughput
    reading = message_and_instruction_tokens(recipe) / speeds.prompt_tokens_per_gpu_second
    return reading + answer_tokens / speeds.generated_tokens_per_gpu_second
