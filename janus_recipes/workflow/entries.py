"""Which of the recipe's entries a rule is for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from janus_recipes.errors import StepError
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.dataset import HelpfulMix
from janus_recipes.recipe.schema import BaseModelSpec, Recipe
from janus_recipes.recipe.training import AxolotlTraining, RewardTraining, TrainingRun


def one_of(names: Iterable[str]) -> str:
    """A wildcard's pattern that matches these names and nothing else."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def published_benches(recipe: Recipe, published: bool) -> list[str]:
    """The benches that are loaded as somebody published them, or those that are made."""
    return [name for name, bench in recipe.benchmarks.items() if (bench.published is not None) is published]


def cut_datasets(recipe: Recipe) -> list[str]:
    """The data sets that are cut from the Collection."""
    return [name for name, wanted in recipe.datasets.items() if not isinstance(wanted, HelpfulMix)]


def helpful_mixes(recipe: Recipe) -> list[str]:
    """The data sets that are mixed from public pools; the others are cut from the Collection."""
    return [name for name, dataset in recipe.datasets.items() if isinstance(dataset, HelpfulMix)]


def pools_of_mix(recipe: Recipe, dataset: str) -> dict[str, Located]:
    """The pools that a helpful mix reads, the benchmarks' prompts included where it is compared with them."""
    mix = recipe.datasets[dataset]
    if not isinstance(mix, HelpfulMix):
        return {}
    benches = recipe.benchmarks if mix.contamination is not None else {}
    prompts = {f"{bench}/{name}": source for bench, made in benches.items() for name, source in made.sources.items()}
    return {**mix.pools, **prompts}


def base_spec(recipe: Recipe, model: str) -> BaseModelSpec:
    """The base model under a model."""
    return recipe.base_models[recipe.base_of(model)]


def training_of(recipe: Recipe, model: str) -> TrainingRun:
    """A model's training. Only for models that have one."""
    training = recipe.models[model].train
    if training is None:
        raise StepError(f"models.{model} is not trained")
    return training


def sampled_models(recipe: Recipe) -> list[str]:
    """The models with weights that write answers: vLLM samples them."""
    rewards = reward_models(recipe)
    return [name for name, model in recipe.models.items() if model.provider is None and name not in rewards]


def asked_models(recipe: Recipe) -> list[str]:
    """The models that a provider answers for."""
    return [name for name, model in recipe.models.items() if model.provider is not None]


def trained_models(recipe: Recipe) -> list[str]:
    """The models that the recipe trains."""
    return [name for name, model in recipe.models.items() if model.train is not None]


def axolotl_models(recipe: Recipe) -> list[str]:
    """The models that axolotl trains."""
    return [name for name, model in recipe.models.items() if isinstance(model.train, AxolotlTraining)]


def reward_models(recipe: Recipe) -> list[str]:
    """The models that OpenRLHF trains: they score answers and write none."""
    return [name for name, model in recipe.models.items() if isinstance(model.train, RewardTraining)]
