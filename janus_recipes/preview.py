"""What would be sent for an item: for people who write prompts.

    janus show prompt system_message --recipe recipes/janus.yaml [--item i-3f2a9c01d4e7/2]

Made items are taken from `results/<recipe>/`. Where nothing is made yet, an example is put together from the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from janus_recipes.benchmarks.rubrics import rubric_requests
from janus_recipes.collection.preferences import preference_requests
from janus_recipes.collection.responses import response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import system_message_requests
from janus_recipes.errors import UsageError
from janus_recipes.judging.judge import judge_requests, own
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.schema import Asking, Recipe
from janus_recipes.records import (
    Asked,
    BenchInstance,
    Instruction,
    Preference,
    Status,
    instruction_id,
    preference_set_from,
    read_asked,
    read_bench,
    read_instructions,
)
from janus_recipes.seeding import random_for

EXAMPLE = "How do I keep basil alive on a windowsill in winter?"


@dataclass(frozen=True)
class Preview:
    """One request as it would be sent, and to whom."""

    item: str
    provider: str
    model: str
    messages: tuple[Message, ...]


def preview(recipe: Recipe, name: str, item: str | None) -> Preview:
    """The request of a prompt for an item, or for the first. Raises UsageError when there is no such item."""
    asking, requests = PREVIEWS[name](recipe)
    found = next((one for one in requests if item is None or one.id == item or one.id.startswith(f"{item}/")), None)
    if found is None:
        raise UsageError(f"no item {item} for the prompt {name} in results/{recipe.name}/")
    return Preview(found.id, asking.provider, recipe.providers[asking.provider].model, found.messages)


Asks = tuple[Asking, Iterator[ChatRequest]]


def preference_set(recipe: Recipe) -> Asks:
    asking = recipe.collection.preference_sets
    seeds, prompt = read_seed_preferences(recipe.seeds.preferences), read_prompt(recipe.prompts.preference_set)
    return asking, preference_requests(some_instructions(recipe), seeds, asking, prompt, recipe.seed)


def system_message(recipe: Recipe) -> Asks:
    asking = recipe.collection.system_messages
    examples, prompt = (
        read_seed_system_messages(recipe.seeds.system_messages),
        read_prompt(recipe.prompts.system_message),
    )
    return asking, system_message_requests(some_sets(recipe), examples, asking, prompt, recipe.seed)


def response(recipe: Recipe) -> Asks:
    asking, prompt = recipe.collection.responses, read_prompt(recipe.prompts.response)
    texts = {one.id: one.text for one in some_instructions(recipe)}
    return asking, response_requests(some_system_messages(recipe), texts, asking, prompt)


def rubric(recipe: Recipe) -> Asks:
    asking = next(iter(recipe.benchmarks.values())).rubrics
    examples, prompt = read_seed_rubrics(recipe.seeds.rubrics), read_prompt(recipe.prompts.rubric)
    return asking, rubric_requests(some_sets(recipe), examples, asking, prompt, recipe.seed)


def judge(recipe: Recipe) -> Asks:
    bench = some_instances(recipe)
    answers = {one.id: one.reference_answer for one in bench}  # any answer shows the prompt; this one is always there
    return recipe.judging, judge_requests(bench, answers, recipe.judging, read_prompt(recipe.prompts.judge), own(bench))


PREVIEWS: dict[str, Callable[[Recipe], Asks]] = {
    "preference_set": preference_set,
    "system_message": system_message,
    "response": response,
    "rubric": rubric,
    "judge": judge,
}


def made(recipe: Recipe, file: str) -> Path | None:
    """An artefact of the recipe, if it is made."""
    path = Path("results", recipe.name, file)
    return path if path.exists() else None


def some_instructions(recipe: Recipe) -> Iterable[Instruction]:
    """The Collection's instructions, or one of ours."""
    path = made(recipe, "collection/instructions.jsonl")
    return read_instructions(path) if path else [Instruction(instruction_id(EXAMPLE), EXAMPLE, "example")]


def some_sets(recipe: Recipe) -> Iterable[Asked[tuple[Preference, ...]]]:
    """The Collection's preference sets, or one drawn from the seeds."""
    if path := made(recipe, "collection/preferences.jsonl"):
        return (one for one in read_asked(path, preference_set_from) if one.status is Status.OK)
    drawn = read_seed_preferences(recipe.seeds.preferences).draw_set(random_for(recipe.seed, "preview"))
    return [Asked(f"{instruction_id(EXAMPLE)}/0", Status.OK, drawn)]


def some_system_messages(recipe: Recipe) -> Iterable[Asked[str]]:
    """The Collection's system messages, or a seed."""
    if path := made(recipe, "collection/system_messages.jsonl"):
        return (one for one in read_asked(path, str) if one.status is Status.OK)
    text = read_seed_system_messages(recipe.seeds.system_messages)[0]
    return [Asked(f"{instruction_id(EXAMPLE)}/0", Status.OK, text)]


def some_instances(recipe: Recipe) -> list[BenchInstance]:
    """A bench's instances, or one put together from the seeds."""
    for name in recipe.benchmarks:
        if path := made(recipe, f"bench/{name}/bench.jsonl"):
            return list(read_bench(path))
    seeds = read_seed_rubrics(recipe.seeds.rubrics)
    system = next(iter(some_system_messages(recipe)))
    return [
        BenchInstance(
            id=system.id,
            instruction_id=instruction_id(EXAMPLE),
            benchmark="example",
            instruction=EXAMPLE,
            system_message=str(system.value),
            preferences=tuple(one.preference for one in seeds),
            reference_answer="(a reference answer)",
            rubrics=tuple(one.rubric for one in islice(seeds, 4)),
        )
    ]
