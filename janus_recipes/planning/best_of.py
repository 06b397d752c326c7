"""Hours of best-of-n on the GPUs: the samples of each model, and their rewards.

A sample takes as long as a single answer does (`sampling.typical_answer`). A reward model reads prompt and answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from janus_recipes.planning.finished import rewards_are_made, samples_are_made
from janus_recipes.planning.line import Line
from janus_recipes.planning.nodes import instances_at_most
from janus_recipes.planning.sampling import engine_line, message_and_instruction_tokens, typical_answer
from janus_recipes.recipe.best_of import selected
from janus_recipes.recipe.schema import Recipe


def sample_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for each model's samples, once for all selections that choose from as many."""
    tokens, gpu_s = typical_answer(recipe)
    drawn = {
        (one.bench, one.model, one.condition, recipe.best_of[one.selection].samples): one for one in selected(recipe)
    }
    for (bench, model, condition, samples), one in drawn.items():
        step, number = (
            f"{bench}: sample {model} {samples} times ({condition})",
            instances_at_most(recipe, bench) * samples,
        )
        if samples_are_made(recipe, one):
            yield Line(step, recipe.base_of(model), "made")
        else:
            each = message_and_instruction_tokens(recipe) + tokens
            yield engine_line(recipe, step, model, number * each, number * gpu_s)


def reward_lines(recipe: Recipe) -> Iterator[Line]:
    """A line for the rewards of each selection's samples."""
    tokens, _ = typical_answer(recipe)
    for one in selected(recipe):
        wanted = recipe.best_of[one.selection]
        step = f"{one.bench}: reward {wanted.samples} samples of {one.model} ({one.condition}) by {wanted.reward_model}"
        if rewards_are_made(recipe, one):
            yield Line(step, recipe.base_of(wanted.reward_model), "made")
            continue
        samples = instances_at_most(recipe, one.bench) * wanted.samples
        read = samples * (message_and_instruction_tokens(recipe) + tokens)
        gpu_s = read / recipe.throughput.prompt_tokens_per_gpu_second
        yield engine_line(recipe, step, wanted.reward_model, read, gpu_s)
