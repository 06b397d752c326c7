"""What would be sent for an item: for people who write prompts.

    janus show prompt system_message --recipe recipes/janus.yaml [--item i-3f2a9c01d4e7/2]

Made items are taken from `results/<recipe>/`, the Collection's first, then the bench's. Where nothing is made yet, an
example is put together from the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.benchmarks.rubrics import rubric_requests
from janus_recipes.collection.preferences import preference_requests
from janus_recipes.collection.responses import response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import system_message_requests
from janus_recipes.errors import UsageError
from janus_recipes.examples import example_instance, example_instruction, example_sets, example_system_messages
from janus_recipes.judging.judge import judge_requests, own
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.collection import Collection
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Benchmark, Recipe
from janus_recipes.records import (
    Asked,
    BenchInstance,
    Instruction,
    Preference,
    Status,
    ok_values,
    preference_set_from,
    read_asked,
    read_bench,
    read_instructions,
)
from janus_recipes.win_rates.compare import PairAnswers, compare_requests


@dataclass(frozen=True)
class Preview:
    """One request as it would be sent, and to whom."""

    item: str
    provider: str
    model: str
    messages: tuple[Message, ...]


def preview(recipe: Recipe, name: str, item: str | None) -> Preview:
    """The request of a prompt for an item, or for the first. Raises UsageError when there is no such item."""
    for asking, requests in PREVIEWS[name](recipe):
        found = next((one for one in requests if item is None or one.id == item or one.id.startswith(f"{item}/")), None)
        if found is not None:
            return Preview(found.id, asking.provider, recipe.providers[asking.provider].model, found.messages)
    raise UsageError(f"no item {item} for the prompt {name} in results/{recipe.name}/")


Asks = Iterator[tuple[Asking, Iterator[ChatRequest]]]
"""What is asked for each part of a recipe whose items are made, with that part's settings; last for an example."""


def preference_set(recipe: Recipe) -> Asks:
    seeds, prompt = read_seed_preferences(recipe.seeds.preferences), read_prompt(recipe.prompts.preference_set)
    for part, instructions in some_instructions(recipe):
        asking = part.preference_sets
        yield asking, preference_requests(instructions, seeds, asking, prompt, recipe.seed)


def system_message(recipe: Recipe) -> Asks:
    examples = read_seed_system_messages(recipe.seeds.system_messages)
    prompt = read_prompt(recipe.prompts.system_message)
    for part, sets in some_sets(recipe):
        asking = part.system_messages
        yield asking, system_message_requests(sets, examples, asking, prompt, recipe.seed)


def response(recipe: Recipe) -> Asks:
    prompt = read_prompt(recipe.prompts.response)
    texts = {one.id: one.text for _, instructions in some_instructions(recipe) for one in instructions}
    for part, messages in some_system_messages(recipe):
        asking = part.responses if isinstance(part, Collection) else part.reference_answers
        yield asking, response_requests((one for one in messages if owner(one.id) in texts), texts, asking, prompt)


def rubric(recipe: Recipe) -> Asks:
    examples, prompt = read_seed_rubrics(recipe.seeds.rubrics), read_prompt(recipe.prompts.rubric)
    for part, sets in some_sets(recipe):
        if isinstance(part, Benchmark):  # the Collection has no rubrics
            yield part.rubrics, rubric_requests(sets, examples, part.rubrics, prompt, recipe.seed)
    first = next(iter(recipe.benchmarks.values())).rubrics
    yield first, rubric_requests(example_sets(recipe), examples, first, prompt, recipe.seed)


def judge(recipe: Recipe) -> Asks:
    prompt = read_prompt(recipe.prompts.judge)
    for bench, answers in some_instances(recipe):
        yield recipe.judging, judge_requests(bench, answers, recipe.judging, prompt, own(bench))


def compare(recipe: Recipe) -> Asks:
    """An answer beside the reference answer: a pair that is there wherever an answer is."""
    prompt, judging = read_prompt(recipe.prompts.compare), recipe.judging
    for bench, answers in some_instances(recipe):
        beside = PairAnswers(answers, {one.id: one.reference_answer for one in bench})
        yield judging, compare_requests(bench, beside, 1, judging.sampling, prompt)


PREVIEWS: dict[str, Callable[[Recipe], Asks]] = {
    "preference_set": preference_set,
    "system_message": system_message,
    "response": response,
    "rubric": rubric,
    "judge": judge,
    "compare": compare,
}


Part = Collection | Benchmark
"""What has instructions, preference sets and system messages of its own."""


def made_parts(recipe: Recipe, file: str, bench_file: str | None = None) -> Iterator[tuple[Part, Path]]:
    """The Collection's file of this name and the benches', where they are made."""
    places: dict[str, Part] = {f"collection/{file}": recipe.collection}
    places |= {f"bench/{name}/{bench_file or file}": bench for name, bench in recipe.benchmarks.items()}
    for place, part in places.items():
        path = Path("results", recipe.name, place)
        if path.exists():
            yield part, path


def some_instructions(recipe: Recipe) -> Iterator[tuple[Part, Iterable[Instruction]]]:
    """Each part's instructions, then one of ours."""
    for part, path in made_parts(recipe, "instructions.jsonl", "prompts.jsonl"):
        yield part, read_instructions(path)
    yield recipe.collection, [example_instruction()]


def some_sets(recipe: Recipe) -> Iterator[tuple[Part, Iterable[Asked[tuple[Preference, ...]]]]]:
    """Each part's preference sets, then one drawn from the seeds."""
    for part, path in made_parts(recipe, "preferences.jsonl"):
        yield part, (one for one in read_asked(path, preference_set_from) if one.status is Status.OK)
    yield recipe.collection, example_sets(recipe)


def some_system_messages(recipe: Recipe) -> Iterator[tuple[Part, Iterable[Asked[str]]]]:
    """Each part's system messages, then a seed."""
    for part, path in made_parts(recipe, "system_messages.jsonl"):
        yield part, (one for one in read_asked(path, str) if one.status is Status.OK)
    yield recipe.collection, example_system_messages(recipe)


def owner(item: str) -> str:
    """The instruction of a preference set, system message or response."""
    return item.partition("/")[0]


def some_instances(recipe: Recipe) -> Iterator[tuple[list[BenchInstance], dict[str, str]]]:
    """Each bench's instances with answers to judge, then one instance put together from the seeds.

    Where no model has answered, the reference answer, which is always there, shows what would be sent.
    """
    for name in recipe.benchmarks:
        path = Path("results", recipe.name, "bench", name, "bench.jsonl")
        if path.exists():
            bench = list(read_bench(path))
            yield bench, {one.id: one.reference_answer for one in bench} | some_answers(recipe, name)
    example = example_instance(recipe)
    yield [example], {example.id: example.reference_answer}


def some_answers(recipe: Recipe, bench: str) -> dict[str, str]:
    """Models' answers to a bench by instance: of the first of the recipe's models and conditions that has one."""
    folder = Path("results", recipe.name, "answers", bench)
    files = [file for model in recipe.models for file in sorted((folder / model).glob("*.jsonl"))]
    answers: dict[str, str] = {}
    for file in reversed(files):
        answers |= ok_values(file, str)
    return answers
