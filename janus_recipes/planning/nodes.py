"""The asking steps of a recipe in the order of the DAG, with the files that each needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from janus_recipes import asking_steps
from janus_recipes.asking_steps import AskingStep
from janus_recipes.datasets.needs import helpful_needed
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.planning.finished import answers_are_made
from janus_recipes.planning.typical import Typical, answer_tokens_of
from janus_recipes.recipe.collection import Collection
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Benchmark, Recipe
from janus_recipes.recipe.section import Condition
from janus_recipes.records import DIMENSIONS


@dataclass(frozen=True)
class AskingNode:
    """One asking step. `step` is the real one, for when all its inputs are there; else `at_most` typical requests."""

    name: str
    kind: str
    asking: Asking
    at_most: int
    inputs: tuple[Path, ...]
    out: Path
    step: Callable[[], AskingStep[Any]]
    typical: Callable[[], Iterable[ChatRequest]]
    current: bool = True
    """Whether what it reads stays: the answers of a model that is to be trained again do not."""

    @property
    def is_exact(self) -> bool:
        """Whether the very requests can be built."""
        return self.current and all(path.exists() for path in self.inputs)


def asking_nodes(recipe: Recipe) -> Iterator[AskingNode]:
    """All asking steps: the Collection's, each bench's, and the judge's."""
    yield from part_nodes(recipe, "collection", recipe.collection)
    yield from helpful_nodes(recipe)
    for name, bench in recipe.benchmarks.items():
        yield from part_nodes(recipe, name, bench)
    for name, model, condition in judged(recipe):
        yield from judge_nodes(recipe, name, model, condition)


def part_nodes(recipe: Recipe, name: str, part: Collection | Benchmark) -> Iterator[AskingNode]:
    """Preference sets, system messages and responses of the Collection or a bench, and the bench's rubrics."""
    typical, home = Typical(recipe), home_of(recipe, part, name)
    instructions, preferences, messages = (
        home / file for file in (instructions_file(part), "preferences.jsonl", "system_messages.jsonl")
    )
    sets = sets_at_most(recipe, part, name)
    asked = part.preference_sets
    yield AskingNode(
        *(f"{name}.preference_sets", "preference_set", asked, sets, (instructions,), preferences),
        step=lambda: asking_steps.preference_sets(recipe, asked, instructions),
        typical=lambda: typical.preference_sets(asked),
    )
    put = part.system_messages
    yield AskingNode(
        *(f"{name}.system_messages", "system_message", put, sets, (preferences,), messages),
        step=lambda: asking_steps.system_messages(recipe, put, preferences),
        typical=lambda: typical.system_messages(put),
    )
    answered = responses_of(part)
    yield AskingNode(
        *(f"{name}.{'reference_answers' if isinstance(part, Benchmark) else 'responses'}", "response", answered, sets),
        inputs=(instructions, messages),
        out=home / ("references.jsonl" if isinstance(part, Benchmark) else "responses.jsonl"),
        step=lambda: asking_steps.responses(recipe, answered, instructions, messages),
        typical=lambda: typical.responses(answered),
    )
    if isinstance(part, Benchmark):
        scored = part.rubrics
        yield AskingNode(
            *(f"{name}.rubrics", "rubric", scored, sets * len(DIMENSIONS), (preferences,), home / "rubrics.jsonl"),
            step=lambda: asking_steps.rubrics(recipe, scored, preferences),
            typical=lambda: typical.rubrics(scored),
        )


def helpful_nodes(recipe: Recipe) -> Iterator[AskingNode]:
    """The generally helpful responses that the recipe's data sets need."""
    home = home_of(recipe, recipe.collection, "collection")
    instructions = home / instructions_file(recipe.collection)
    for condition in helpful_needed(recipe):
        asking = recipe.collection.helpful_responses[condition]
        yield AskingNode(
            *(f"collection.helpful_responses.{condition}", "helpful_response", asking),
            *(instructions_at_most(recipe, recipe.collection, "collection"), (instructions,)),
            home / f"helpful.{condition}.jsonl",
            step=partial(asking_steps.helpful_responses, recipe, condition, instructions),
            typical=partial(Typical(recipe).helpful_responses, asking, condition),
        )


def judge_nodes(recipe: Recipe, bench: str, model: str, condition: Condition) -> Iterator[AskingNode]:
    """The verdicts on a model's answers, by their own rubrics and, where the recipe wants the control, by swapped."""
    home = Path("results", recipe.name)
    inputs = (home / "bench" / bench / "bench.jsonl", home / "answers" / bench / model / f"{condition}.jsonl")
    verdicts = instances_at_most(recipe, bench) * len(DIMENSIONS) * recipe.judging.runs
    for swapped in (False, True) if recipe.judging.swapped_control else (False,):
        yield AskingNode(
            f"{bench}: judge {model} ({condition}{', swapped' if swapped else ''})",
            *("verdict", recipe.judging, verdicts, inputs),
            home / "verdicts" / bench / model / f"{condition}.{'swapped' if swapped else 'own'}.jsonl",
            step=lambda swapped=swapped: asking_steps.verdicts(recipe, *inputs, swapped),  # type: ignore[misc]
            typical=lambda: Typical(recipe).verdicts(
                answer_tokens_of(recipe.collection.responses), recipe.benchmarks[bench].reference_answers
            ),
            current=answers_are_made(recipe, bench, model, condition),
        )


def judged(recipe: Recipe) -> list[tuple[str, str, Condition]]:
    """Bench, model and condition of all answers that a table shows, once however many tables do."""
    return sorted(
        {
            (table.benchmark, model, condition)
            for table in recipe.tables.values()
            for model in table.models
            for condition in table.conditions
        }
    )


def home_of(recipe: Recipe, part: Collection | Benchmark, name: str) -> Path:
    """The folder of the Collection's files, or of a bench's."""
    results = Path("results", recipe.name)
    return results / "bench" / name if isinstance(part, Benchmark) else results / "collection"


def instructions_file(part: Collection | Benchmark) -> str:
    """The name of the file with the instructions of the Collection, or of a bench."""
    return "prompts.jsonl" if isinstance(part, Benchmark) else "instructions.jsonl"


def responses_of(part: Collection | Benchmark) -> Asking:
    """The settings of the Collection's gold responses, or of a bench's reference answers."""
    return part.reference_answers if isinstance(part, Benchmark) else part.responses


def instructions_at_most(recipe: Recipe, part: Collection | Benchmark, name: str) -> int:
    """The instructions of the Collection or a bench: those that are there, else as many as the recipe lets through."""
    if isinstance(part, Benchmark):
        otherwise = sum(source.quota for source in part.sources.values())
    else:
        otherwise = part.instructions.before_filter
    return rows_of(home_of(recipe, part, name) / instructions_file(part), otherwise)


def sets_at_most(recipe: Recipe, part: Collection | Benchmark, name: str) -> int:
    """The preference sets of the Collection or a bench at most."""
    return instructions_at_most(recipe, part, name) * part.preference_sets.per_instruction


def instances_at_most(recipe: Recipe, bench: str) -> int:
    """The instances of a bench: those that are there, else at most."""
    part = recipe.benchmarks[bench]
    return rows_of(home_of(recipe, part, bench) / "bench.jsonl", sets_at_most(recipe, part, bench))


def rows_of(path: Path, otherwise: int) -> int:
    """The lines of a file, or a number in its place where it is not made yet."""
    if not path.exists():
        return otherwise
    with path.open("rb") as lines:
        return sum(1 for _ in lines)
