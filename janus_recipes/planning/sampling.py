"""Hours of vLLM on the GPUs: each model's answers to a bench, and its scores of the bench's pairs.

Sampling takes as long as the recipe's finished samplings took an answer, by their manifests, else the stated speeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.asking import S_PER_H
from janus_recipes.planning.datasets import SIDES
from janus_recipes.planning.finished import answers_are_made, scores_are_made
from janus_recipes.planning.line import Line
from janus_recipes.planning.made import manifest, mean
from janus_recipes.planning.nodes import instances_at_most, judged
from janus_recipes.planning.typical import answer_tokens_of
from janus_recipes.recipe.schema import Recipe


def generation_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model and condition that answers a bench."""
    answers = {pair: answers_manifest(recipe, *pair) for pair in judged(recipe)}
    sampled = [one for one in answers.values() if one and one["counts"]["by_status"].get("ok")]
    length = mean(one["counts"]["answer_tokens"] / one["counts"]["by_status"]["ok"] for one in sampled)
    typical = length or answer_tokens_of(recipe.collection.responses)
    per_answer = measured_gpu_s_per_answer(sampled) or stated_gpu_s_per_answer(recipe, typical)
    for bench, model, condition in answers:
        step, instances = f"{bench}: sample {model} ({condition})", instances_at_most(recipe, bench)
        if answers_are_made(recipe, bench, model, condition):
            yield Line(step, recipe.models[model].base, "made")
        else:
            read_and_written = instances * (message_and_instruction_tokens(recipe) + typical)
            yield engine_line(recipe, step, model, read_and_written, instances * per_answer)


def scoring_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model that scores a bench's pairs, once however many rankings show it. Reading is all it does."""
    for bench, model in ranked(recipe):
        step = f"{bench}: score pairs by {model}"
        if scores_are_made(recipe, bench, model):
            yield Line(step, recipe.models[model].base, "made")
            continue
        each = message_and_instruction_tokens(recipe) + answer_tokens_of(recipe.benchmarks[bench].reference_answers)
        read = SIDES * instances_at_most(recipe, bench) * each
        yield engine_line(recipe, step, model, read, read / recipe.throughput.prompt_tokens_per_gpu_second)


def engine_line(recipe: Recipe, step: str, model: str, gpu_tokens: float, gpu_s: float) -> Line:
    """A line of vLLM's work that takes so many seconds on one GPU. On the CPU it has no GPU-hours."""
    gpus, by = recipe.generation.gpus, recipe.models[model].base
    gpu_hours = gpu_s / S_PER_H if gpus else 0.0
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
