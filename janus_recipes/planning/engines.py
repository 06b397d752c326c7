"""Hours of each training on the GPUs, in the recipe's order.

Speeds are those that the recipe's finished trainings of a method had, by their manifests, else the stated one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from janus_recipes.planning.asking import S_PER_H
from janus_recipes.planning.datasets import SIDES, file_of, row_tokens, rows_at_most
from janus_recipes.planning.finished import model_is_made
from janus_recipes.planning.gpu_hours import operations_per_token, stated_speed
from janus_recipes.planning.line import Basis, Line
from janus_recipes.planning.made import manifest, mean
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import SftTraining, Training

BILLION = 1e9
TERA = 1e12


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
    if model_is_made(recipe, name):
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
    return f"{train.method} of {train.start or recipe.base_of(name)} on {train.dataset}"


def tokens_to_read(recipe: Recipe, train: Training, tokens: TokenCounter) -> float:
    """Tokens of all epochs, both sides of a pair, of each no more than `sequence_len`: longer rows are cut or left out.

    So it is at most, where they are left out.
    """
    most = train.sequence_len * (1 if isinstance(train, SftTraining) else SIDES)
    return rows_at_most(recipe, train.dataset) * row_tokens(recipe, train.dataset, tokens, most) * train.epochs


def operations(recipe: Recipe, name: str, train: Training, tokens: TokenCounter) -> float | None:
    """Floating point operations of a whole training; None where the recipe does not say how large its base is."""
    billions = recipe.base_models[recipe.base_of(name)].parameters
    if billions is None:
        return None
    return tokens_to_read(recipe, train, tokens) * operations_per_token(train, billions * BILLION)


def measured_speeds(recipe: Recipe, tokens: TokenCounter) -> dict[str, float]:
    """Operations per second of one GPU by method, as the recipe's finished trainings on GPUs had them.

    What is above the GPU's peak was not measured, but comes of data or seconds that are not the training's: left out.
    """
    speeds: dict[str, list[float]] = defaultdict(list)
    for name, model in recipe.models.items():
        if model.train and model.train.gpus and model_is_made(recipe, name):
            counts = manifest(Path("results", recipe.name, "models", name, "manifest.json"))["counts"]
            work = operations(recipe, name, model.train, tokens)
            speed = work / counts["seconds"] / model.train.gpus if work and counts["seconds"] else 0.0
            if 0 < speed <= recipe.throughput.gpu_tflops * TERA:
                speeds[model.train.method].append(speed)
    return {method: mean(each) or 0.0 for method, each in speeds.items()}


def note_on_trainings(recipe: Recipe, tokens: TokenCounter) -> str:
    """What the GPU-hours of trainings rest on, for people."""
    speeds, peak = recipe.throughput, recipe.throughput.gpu_tflops * TERA
    measured = [f"{method} {speed / peak:.0%}" for method, speed in sorted(measured_speeds(recipe, tokens).items())]
    by_runs = f", but {', '.join(measured)}, as finished trainings measured" if measured else ""
    return (
        "GPU-hours of trainings: parameters x tokens x 6 operations (2 more with gradient checkpointing, and for DPO's "
        f"reference; 2 fewer under an adapter), at {speeds.flops_utilization:.0%} of {speeds.gpu_tflops:g} TFLOP/s on "
        f"each GPU (stated in `throughput`){by_runs}. Attention's own operations, which grow with the rows' length, "
        "are left out."
    )
