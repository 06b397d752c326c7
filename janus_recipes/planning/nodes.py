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
from janus_recipes.generation.asked import answering
from janus_recipes.judging.registry import OWN_JUDGE, verdicts_file
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.planning.finished import answers_are_made, best_answers_are_made, samples_are_made
from janus_recipes.planning.typical import Typical, answer_tokens_of
from janus_recipes.recipe.best_of import SINGLE, Sampled, selected
from janus_recipes.recipe.collection import Collection
from janus_recipes.recipe.judges import Calibration
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Benchmark, Recipe, Table
from janus_recipes.recipe.section import Condition
from janus_recipes.records import DIMENSIONS
from janus_recipes.win_rates.compare import ORDERS


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
    """All asking steps: the Collection's, each bench's, the answers that providers give, and the judge's."""
    yield from part_nodes(recipe, "collection", recipe.collection)
    yield from helpful_nodes(recipe)
    for name, bench in recipe.benchmarks.items():
        if bench.published is None:
            yield from part_nodes(recipe, name, bench)
    yield from answer_nodes(recipe)
    for name, model, condition in judged(recipe):
        yield from judge_nodes(recipe, name, model, condition)
    for selected_answers in selected(recipe):
        yield from best_of_nodes(recipe, selected_answers)
    yield from calibration_nodes(recipe)
    yield from comparison_nodes(recipe)


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


def answer_nodes(recipe: Recipe) -> Iterator[AskingNode]:
    """The answers of the models that a provider answers for."""
    for bench, model, condition in answered(recipe):
        if recipe.models[model].provider is None:
            continue
        asking, home = answering(recipe, model), Path("results", recipe.name)
        inputs = (home / "bench" / bench / "bench.jsonl",)
        yield AskingNode(
            *(f"{bench}: answers of {model} ({condition})", "answer", asking, instances_at_most(recipe, bench), inputs),
            home / "answers" / bench / model / f"{condition}.jsonl",
            step=partial(asking_steps.answers, recipe, model, condition, *inputs),
            typical=partial(Typical(recipe).answers, asking, condition),
        )


def judge_nodes(recipe: Recipe, bench: str, model: str, condition: Condition) -> Iterator[AskingNode]:
    """The verdicts on a model's answers, by their own rubrics and, where the recipe wants the control, by swapped."""
    home = Path("results", recipe.name)
    inputs = (home / "bench" / bench / "bench.jsonl", home / "answers" / bench / model / f"{condition}.jsonl")
    verdicts = instances_at_most(recipe, bench) * len(DIMENSIONS) * recipe.judging.runs
    has_control = recipe.judging.swapped_control and (bench, model, condition) in in_tables(recipe)
    for swapped in (False, True) if has_control else (False,):
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


def best_of_nodes(recipe: Recipe, of: Sampled) -> Iterator[AskingNode]:
    """The verdicts on answers that best-of-n chose and, where the recipe wants them, on all samples."""
    home, wanted, file = Path("results", recipe.name), recipe.best_of[of.selection], of.answers.file
    bench, verdicts = home / "bench" / of.bench / "bench.jsonl", home / "verdicts" / of.bench / of.model
    best = home / "answers" / of.bench / of.model / f"{file}.jsonl"
    samples = home / "samples" / of.bench / of.model / f"{of.condition}.{wanted.samples}.jsonl"
    each = instances_at_most(recipe, of.bench) * len(DIMENSIONS) * recipe.judging.runs
    typical = partial(
        Typical(recipe).verdicts,
        *(answer_tokens_of(recipe.collection.responses), recipe.benchmarks[of.bench].reference_answers),
    )
    for swapped in (False, True) if recipe.judging.swapped_control else (False,):
        yield AskingNode(
            f"{of.bench}: judge {of.model} ({of.condition}, {of.selection}{', swapped' if swapped else ''})",
            *("verdict", recipe.judging, each, (bench, best)),
            verdicts / f"{file}.{'swapped' if swapped else 'own'}.jsonl",
            step=partial(asking_steps.verdicts, recipe, bench, best, swapped),
            typical=typical,
            current=best_answers_are_made(recipe, of),
        )
    if wanted.judge_samples:
        yield AskingNode(
            f"{of.bench}: judge all {wanted.samples} samples of {of.model} ({of.condition})",
            *("verdict", recipe.judging, each * wanted.samples, (bench, samples)),
            verdicts / f"{file}.samples.jsonl",
            step=partial(asking_steps.verdicts, recipe, bench, samples, False, samples=wanted.samples),
            typical=typical,
            current=samples_are_made(recipe, of),
        )


def calibration_nodes(recipe: Recipe) -> Iterator[AskingNode]:
    """The verdicts of further judges that calibrations compare, each once however many do."""
    for name, model, condition, judge in sorted(
        {
            (one.benchmark, model, condition, judge)
            for one in recipe.calibrations.values()
            for model in one.models
            for condition in one.conditions
            for judge in one.judges
            if judge != OWN_JUDGE
        }
    ):
        yield calibration_node(recipe, name, model, condition, judge)


def calibration_node(recipe: Recipe, bench: str, model: str, condition: Condition, judge: str) -> AskingNode:
    """The verdicts of one further judge on a model's answers, by their own rubrics."""
    home, asking = Path("results", recipe.name), recipe.judges[judge]
    inputs = (home / "bench" / bench / "bench.jsonl", home / "answers" / bench / model / f"{condition}.jsonl")
    return AskingNode(
        f"{bench}: judge {model} ({condition}, by {judge})",
        *("verdict", asking, instances_at_most(recipe, bench) * len(DIMENSIONS) * asking.runs, inputs),
        home / "verdicts" / bench / model / verdicts_file(condition, judge),
        step=lambda: asking_steps.verdicts(recipe, *inputs, by_swapped=False, judge=judge),
        typical=lambda: Typical(recipe).verdicts(
            answer_tokens_of(recipe.collection.responses), recipe.benchmarks[bench].reference_answers, judge
        ),
        current=answers_are_made(recipe, bench, model, condition),
    )


def comparison_nodes(recipe: Recipe) -> Iterator[AskingNode]:
    """The verdicts on the pairs of each page of win rates: both orders, every run."""
    for page, wanted in recipe.win_rates.items():
        bench = wanted.benchmark
        home = Path("results", recipe.name)
        for pair in wanted.pairs:
            answers = (home / "answers" / bench / model / f"{wanted.condition}.jsonl" for model in pair)
            inputs = (home / "bench" / bench / "bench.jsonl", *answers)
            yield AskingNode(
                f"{page}: compare {pair[0]} with {pair[1]}",
                *("comparison", recipe.judging, instances_at_most(recipe, bench) * len(ORDERS) * wanted.runs, inputs),
                home / "win_rates" / page / pair[0] / f"{pair[1]}.jsonl",
                step=partial(asking_steps.comparisons, recipe, page, *inputs),
                typical=partial(
                    Typical(recipe).comparisons,
                    *(answer_tokens_of(recipe.collection.responses), recipe.benchmarks[bench].reference_answers),
                ),
                current=all(answers_are_made(recipe, bench, model, wanted.condition) for model in pair),
            )


def answered(recipe: Recipe) -> list[tuple[str, str, Condition]]:
    """Bench, model and condition of all answers that are needed: those that are judged, and those of win rates."""
    compared = {
        (wanted.benchmark, model, wanted.condition)
        for wanted in recipe.win_rates.values()
        for pair in wanted.pairs
        for model in pair
    }
    return sorted({*judged(recipe), *answers_of(recipe.calibrations.values()), *compared})


def judged(recipe: Recipe) -> list[tuple[str, str, Condition]]:
    """Bench, model and condition of all answers that the recipe's own judge judges, each once."""
    calibrations = [one for one in recipe.calibrations.values() if OWN_JUDGE in one.judges]
    return sorted({*in_tables(recipe), *answers_of(calibrations)})


def in_tables(recipe: Recipe) -> set[tuple[str, str, Condition]]:
    """Bench, model and condition of the single answers that tables show."""
    return answers_of(table for table in recipe.tables.values() if SINGLE in table.selections)


def answers_of(pages: Iterable[Table | Calibration]) -> set[tuple[str, str, Condition]]:
    """Bench, model and condition of pages' answers."""
    return {(one.benchmark, model, condition) for one in pages for model in one.models for condition in one.conditions}


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
    at_most = part.published.instances if part.published else sets_at_most(recipe, part, bench)
    return rows_of(home_of(recipe, part, bench) / "bench.jsonl", at_most)


def rows_of(path: Path, otherwise: int) -> int:
    """The lines of a file, or a number in its place where it is not made yet."""
    if not path.exists():
        return otherwise
    with path.open("rb") as lines:
        return sum(1 for _ in lines)
