"""Examples put together from the seeds, for what is not made yet: a preview of a prompt, the plan's typical request."""

from __future__ import annotations

from itertools import islice

from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance, Instruction, Preference, Status, instruction_id
from janus_recipes.seeding import random_for

EXAMPLE = "How do I keep basil alive on a windowsill in winter?"
ITEM = f"{instruction_id(EXAMPLE)}/0"


def example_instruction(text: str = EXAMPLE) -> Instruction:
    """An instruction of ours."""
    return Instruction(instruction_id(EXAMPLE), text, "example")


def example_sets(recipe: Recipe) -> list[Asked[tuple[Preference, ...]]]:
    """A preference set drawn from the seeds."""
    drawn = read_seed_preferences(recipe.seeds.preferences).draw_set(random_for(recipe.seed, "preview"))
    return [Asked(ITEM, Status.OK, drawn)]


def example_system_messages(recipe: Recipe) -> list[Asked[str]]:
    """A system message of the seeds."""
    return [Asked(ITEM, Status.OK, read_seed_system_messages(recipe.seeds.system_messages)[0])]


def example_instance(
    recipe: Recipe, instruction: str = EXAMPLE, reference: str = "(a reference answer)"
) -> BenchInstance:
    """An instance of the bench, put together from the seeds."""
    seeds = read_seed_rubrics(recipe.seeds.rubrics)
    return BenchInstance(
        id=ITEM,
        instruction_id=instruction_id(EXAMPLE),
        benchmark="example",
        instruction=instruction,
        system_message=read_seed_system_messages(recipe.seeds.system_messages)[0],
        preferences=tuple(one.preference for one in seeds),
        reference_answer=reference,
        rubrics=tuple(one.rubric for one in islice(seeds, 4)),
    )
