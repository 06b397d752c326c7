"""What the jobs of a rule need: environments, GPUs, hours."""

from __future__ import annotations

from dataclasses import dataclass

from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Recipe
from janus_recipes.workflow.entries import base_spec


def environment_of(recipe: Recipe, tool: str) -> str:
    """The file that marks an engine's environment, of the recipe's build, as ready."""
    return f".envs/{tool}-{recipe.engines.build}/.ready"


@dataclass(frozen=True)
class AskingJob:
    """What the job of an asking step needs: little, or vLLM's environment and its GPUs where it serves the model."""

    inputs: list[str]
    cpus: int
    gpus: int
    mem_mb: int


def asking_job(recipe: Recipe, asking: Asking) -> AskingJob:
    """The needs of a step that asks."""
    provider, jobs = recipe.providers[asking.provider], recipe.resources
    if provider.kind != "vllm":
        return AskingJob([], jobs.asking_cpus, 0, jobs.asking_mem_mb)
    served = provider.served
    template = [served.chat_template] if served.chat_template else []
    return AskingJob([environment_of(recipe, "vllm"), *template], jobs.engine_cpus, served.gpus, jobs.engine_mem_mb)


def generation_gpus(recipe: Recipe, model: str) -> int:
    """The GPUs that sampling a model, or letting it score, takes."""
    return base_spec(recipe, model).fitted(recipe.generation).gpus


def sampling_hours(recipe: Recipe, samples: int) -> float:
    """The hours that a job which draws so many samples asks of the cluster: the most that a selection states."""
    return max(one.hours for one in recipe.best_of.values() if one.samples == samples)
