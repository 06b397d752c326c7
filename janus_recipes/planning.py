"""How much a recipe would ask and train, before anything runs (contract 5).

    janus plan recipes/janus.yaml

The counts are upper bounds: the filter leaves fewer instructions, and what the ledger holds is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from janus_recipes.recipe.schema import Benchmark, Recipe
from janus_recipes.records import DIMENSIONS


@dataclass(frozen=True)
class PlannedRequests:
    """A step that asks: which provider, and how often at most, re-asks apart."""

    name: str
    provider: str
    requests: int


def planned_requests(recipe: Recipe) -> Iterator[PlannedRequests]:
    """The asking steps of a recipe, in the order of the DAG."""
    collection = recipe.collection
    sets = collection.instructions.before_filter * collection.preference_sets.per_instruction
    for name in ("preference_sets", "system_messages", "responses"):
        yield PlannedRequests(f"collection.{name}", getattr(collection, name).provider, sets)
    for bench, spec in recipe.benchmarks.items():
        instances = bench_size(spec)
        for name in ("preference_sets", "system_messages", "reference_answers"):
            yield PlannedRequests(f"{bench}.{name}", getattr(spec, name).provider, instances)
        yield PlannedRequests(f"{bench}.rubrics", spec.rubrics.provider, instances * len(DIMENSIONS))
    yield from planned_verdicts(recipe)


def planned_verdicts(recipe: Recipe) -> Iterator[PlannedRequests]:
    """What the judge is asked for each pair of model and condition that a table shows, once however many tables do."""
    pairs = {
        (table.benchmark, model, condition)
        for table in recipe.tables.values()
        for model in table.models
        for condition in table.conditions
    }
    yardsticks = 2 if recipe.judging.swapped_control else 1
    for bench, model, condition in sorted(pairs):
        verdicts = bench_size(recipe.benchmarks[bench]) * len(DIMENSIONS) * recipe.judging.runs * yardsticks
        yield PlannedRequests(f"{bench}: judge {model} ({condition})", recipe.judging.provider, verdicts)


def bench_size(bench: Benchmark) -> int:
    """How many instances a benchmark has at most."""
    return sum(source.quota for source in bench.sources.values()) * bench.preference_sets.per_instruction


def planned_trainings(recipe: Recipe) -> Iterator[str]:
    """One line for each training."""
    for name, model in recipe.models.items():
        if train := model.train:
            yield (
                f"train {name}: {train.method} on {train.dataset}, {train.epochs:g} epochs, "
                f"{train.gpus} GPUs for at most {train.hours:g} hours"
            )
