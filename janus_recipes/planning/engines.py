"""Hours of each training on the GPUs, in the recipe's order.

Speeds are those that the recipe's finished trainings of a method had, by their manifests, else the stated one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from janus_recipes.planning.asking import S_PER_H
from janus_recipes.planning.datasets import file_of, row_tokens, rows_at_most
from janus_recipes.planning.gpu_hours import operations_per_token, stated_speed
from janus_recipes.planning.line import Basis, Line
from janus_recipes.planning.made import manifest, mean
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import Training

BILLION = 1e9


def training_lines(recipe: Recipe, tokens: TokenCounter) -> Iterator[Line]:
    """A line for each training."""
    measured = measured_speeds(recipe, tokens)
    for name, model in recipe.models.items():
        if model.train:
            yield training_line(recipe, name, model.train, tokens, measured.get(model.train.method))


def training_line(
    recipe: Recipe, name: str, train: Training, tokens: TokenCounter, measured: float | None = None
) -> Line:
    """Its operations / those that a GPU does per second: as measured, else as stated.

    A training on the CPU has no GPU-hours; of a base whose size is not known nobody can say how many it takes.
    """
    step, by = f"train {name}", what_is_trained(recipe, name, train)
    if finished_training(recipe, name):
        return Line(step, by, "made")
    read = tokens_to_read(recipe, train, tokens)
    basis: Basis = "exact" if file_of(recipe, train.dataset).exists() else "estimate"
    if not train.gpus:
        return Line(step, by, basis, gpu_tokens=round(read), hours=None)
    work = operations(recipe, name, train, tokens)
    gpu_hours = None if work is None else work / (measured or stated_speed(recipe.throughput)) / S_PER_H
    hours = None if gpu_hours is None else gpu_hours / train.gpus
    return Line(step, by, basis, gpu_tokens=round(read), hours=hours, gpu_hours=gpu_hours)


def what_is_trained(recipe: Recipe, name: str, train: Training) -> str:
    """By which method, from whose weights, on what: `dpo of janus-star-7b on dpo`."""
    return f"{train.method} of {train.start or recipe.models[name].base} on {train.dataset}"


def tokens_to_read(recipe: Recipe, train: Training, tokens: TokenCounter) -> float:
    """Tokens of all epochs, both sides of a pair."""
    return rows_at_most(recipe, train.dataset) * row_tokens(recipe, train.dataset, tokens) * train.epochs


def operations(recipe: Recipe, name: str, train: Training, tokens: TokenCounter) -> float | None:
    """Floating point operations of a whole training; None where the recipe does not say how large its base is."""
    billions = recipe.base_models[recipe.models[name].base].parameters
    if billions is None:
        return None
    return tokens_to_read(recipe, train, tokens) * operations_per_token(train, billions * BILLION)


def finished_training(recipe: Recipe, name: str) -> bool:
    """Whether a model is there, trained as the recipe says now."""
    train = recipe.models[name].train
    found = manifest(Path("results", recipe.name, "models", name, "manifest.json"))
    return train is not None and train.decides().items() <= found.get("section", {}).items()


def measured_speeds(recipe: Recipe, tokens: TokenCounter) -> dict[str, float]:
    """Operations per second of one GPU by method, as the recipe's finished trainings on GPUs had them."""
    speeds: dict[str, list[float]] = defaultdict(list)
    for name, model in recipe.models.items():
        if model.train and model.train.gpus and finished_training(recipe, name):
            counts = manifest(Path("results", recipe.name, "models", name, "manifest.json"))["counts"]
            work = operations(recipe, name, model.train, tokens)
            if work and counts["seconds"]:
                speeds[model.train.method].append(work / counts["seconds"] / model.train.gpus)
    return {method: mean(each) or 0.0 for method, each in speeds.items()}


def note_on_trainings(recipe: Recipe, tokens: TokenCounter) -> str:
    """What the GPU-hours of trainings rest on, for people."""
    speeds, peak = recipe.throughput, recipe.throughput.gpu_tflops * 1e12
    measured = [f"{method} {speed / peak:.0%}" for method, speed in sorted(measured_speeds(recipe, tokens).items())]
    by_runs = f", but {', '.join(measured)}, as finished trainings measured" if measured else ""
    return (
        "GPU-hours of trainings: parameters x tokens x 6 operations (2 more with gradient checkpointing, and for DPO's "
        f"reference; 2 fewer under an adapter), at {speeds.flops_utilization:.0%} of {speeds.gpu_tflops:g} TFLOP/s on "
        f"each GPU (stated in `throughput`){by_runs}."
    )
