"""Hours of vLLM on the GPUs: each model's answers to a bench, and its scores of the bench's pairs.

Sampling takes as long as the recipe's finished samplings took an answer, by their manifests, else the stated speeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.asking import S_PER_H
from janus_recipes.planning.datasets import SIDES
from janus_recipes.planning.finished import answers_are_made, scores_are_made
from janus_recipes.planning.line import Line
from janus_recipes.planning.made import manifest, mean
from janus_recipes.planning.nodes import answered, instances_at_most
from janus_recipes.planning.typical import answer_tokens_of
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.section import Condition

TYPICAL_BILLIONS = 7.24
"""Parameters of the 7B model (Mistral's) whose speeds `throughput` states. Time grows with them."""


def generation_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model with weights and each condition under which it answers a bench."""
    typical, per_answer = typical_answer(recipe)
    for bench, model, condition in sampled_answers(recipe):
        step, instances = f"{bench}: sample {model} ({condition})", instances_at_most(recipe, bench)
        if answers_are_made(recipe, bench, model, condition):
            yield Line(step, recipe.base_of(model), "made")
        else:
            read_and_written = instances * (message_and_instruction_tokens(recipe) + typical)
            yield engine_line(recipe, step, model, read_and_written, instances * per_answer)


def sampled_answers(recipe: Recipe) -> list[tuple[str, str, Condition]]:
    """Bench, model and condition of all single answers that vLLM samples."""
    return [one for one in answered(recipe) if is_sampled(recipe, one[1])]


def typical_answer(recipe: Recipe) -> tuple[float, float]:
    """The tokens of an answer and a 7B model's GPU-seconds for it: as finished samplings had them, else as stated."""
    answers = {one: answers_manifest(recipe, *one) for one in sampled_answers(recipe)}
    sampled = {one: made for one, made in answers.items() if made and made["counts"]["by_status"].get("ok")}
    length = mean(made["counts"]["answer_tokens"] / made["counts"]["by_status"]["ok"] for made in sampled.values())
    typical = length or answer_tokens_of(recipe.collection.responses)
    return typical, measured_gpu_s_per_answer(recipe, sampled) or stated_gpu_s_per_answer(recipe, typical)


def scoring_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model that scores a bench's pairs, once however many rankings show it. Reading is all it does."""
    for bench, model in ranked(recipe):
        step = f"{bench}: score pairs by {model}"
        if scores_are_made(recipe, bench, model):
            yield Line(step, recipe.base_of(model), "made")
            continue
        each = message_and_instruction_tokens(recipe) + answer_tokens_of(recipe.benchmarks[bench].reference_answers)
        read = SIDES * instances_at_most(recipe, bench) * each
        yield engine_line(recipe, step, model, read, read / recipe.throughput.prompt_tokens_per_gpu_second)


def engine_line(recipe: Recipe, step: str, model: str, gpu_tokens: float, gpu_s: float) -> Line:
    """A line of vLLM's work that takes a 7B model so many seconds on one GPU. On the CPU it has no GPU-hours."""
    by = recipe.base_of(model)
    gpus = recipe.base_models[by].fitted(recipe.generation).gpus
    gpu_hours = gpu_s * size_of(recipe, model) / S_PER_H if gpus else 0.0
    hours = gpu_hours / gpus if gpus else None
    return Line(step, by, "estimate", gpu_tokens=round(gpu_tokens), hours=hours, gpu_hours=gpu_hours)


def ranked(recipe: Recipe) -> list[tuple[str, str]]:
    """Bench and model of all scores that a ranking shows."""
    return sorted({(ranking.benchmark, model) for ranking in recipe.rankings.values() for model in ranking.models})


def message_and_instruction_tokens(recipe: Recipe) -> int:
    """Tokens of a typical prompt of a model: a system message and an instruction."""
    return answer_tokens_of(recipe.collection.system_messages) + recipe.throughput.instruction_tokens


def answers_manifest(recipe: Recipe, bench: str, model: str, condition: str) -> Json:
    """The manifest of a model's answers, empty where it has none."""
    return manifest(manifest_of(Path("results", recipe.name, "answers", bench, model, f"{condition}.jsonl")))


def is_sampled(recipe: Recipe, model: str) -> bool:
    """Whether vLLM samples a model: it has weights. What a provider answers for is asked (`nodes.answer_nodes`)."""
    return recipe.models[model].provider is None


def size_of(recipe: Recipe, model: str) -> float:
    """A model's parameters as a multiple of the 7B model's that speeds are stated for; 1 where they are not known."""
    return (recipe.base_models[recipe.base_of(model)].parameters or TYPICAL_BILLIONS) / TYPICAL_BILLIONS


def measured_gpu_s_per_answer(recipe: Recipe, sampled: Mapping[tuple[str, str, Condition], Json]) -> float | None:
    """GPU-seconds of a 7B model's answer, by finished samplings, loading included; None without any on GPUs."""
    return mean(
        one["seconds"] * one["section"]["gpus"] / one["counts"]["by_status"]["ok"] / size_of(recipe, model)
        for (_, model, _), one in sampled.items()
        if one["section"]["gpus"]
    )


def stated_gpu_s_per_answer(recipe: Recipe, answer_tokens: float) -> float:
    """GPU-seconds of an answer at the stated speeds of reading prompts and writing answers."""
    speeds = recipe.throughput
    reading = message_and_instruction_tokens(recipe) / speeds.prompt_tokens_per_gpu_second
    return reading + answer_tokens / speeds.generated_tokens_per_gpu_second
