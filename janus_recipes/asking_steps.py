"""The steps that ask a model: which files go in, what is asked about them, and how an answer is read.

Each step is described here once. Its command asks what is described; `janus plan` counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from janus_recipes.benchmarks.rubrics import RubricText, parse_rubric, rubric_requests
from janus_recipes.best_of.samples import as_samples
from janus_recipes.collection.helpful_responses import helpful_requests
from janus_recipes.collection.preferences import (
    checks_of_a_set,
    parse_preference_set,
    preference_requests,
    sets_differ,
)
from janus_recipes.collection.responses import parse_response, response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import (
    checks_of_a_message,
    messages_differ,
    parse_system_message,
    system_message_requests,
)
from janus_recipes.datasets.answered_under import answered_under
from janus_recipes.datasets.default_messages import default_messages
from janus_recipes.files import Json
from janus_recipes.generation.asked import answer_requests, answering, as_sampled, as_written, not_sent
from janus_recipes.judging.judge import judge_requests, own, swapped
from janus_recipes.judging.preference import Preferred, parse_preference
from janus_recipes.judging.registry import OWN_JUDGE, judge_named, prompt_of
from janus_recipes.judging.verdict import parse_verdict
from janus_recipes.llm.ask import Requests
from janus_recipes.llm.repeats import MustDiffer
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.collection import HelpfulCondition, PreferenceSets, SystemMessages
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Recipe, Rubrics
from janus_recipes.recipe.section import Condition
from janus_recipes.records import (
    DIMENSIONS,
    Asked,
    Preference,
    Status,
    ok_values,
    preference_set_from,
    read_asked,
    read_bench,
    read_instructions,
)
from janus_recipes.win_rates.compare import EQUAL_ANSWERS, PairAnswers, compare_requests, comparison_ids

T = TypeVar("T")


def as_it_is(row: Asked[T]) -> Asked[T]:
    """The row as asking gave it."""
    return row


@dataclass(frozen=True)
class AskingStep(Generic[T]):
    """One step. `wanted` names its rows in order; a row whose needs are missing has no request.

    `checks` names the recipe's checks of its answers, `differ` says which of its rows must not be the same. `beside` is
    what decides its requests besides `asking` and the inputs. `finish` makes of a row what is written, `notes` go into
    the manifest.
    """

    asking: Asking
    requests: Requests
    parse: Callable[[str], T]
    wanted: Callable[[], Iterable[str]]
    inputs: Mapping[str, Path]
    checks: Sequence[str] = ()
    differ: MustDiffer[T] | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[Asked[T]], Asked[T]] = as_it_is
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def section(self) -> Json:
        """What decides the rows, their inputs apart, for the manifest."""
        return {**self.asking.model_dump(mode="json"), **self.beside}


def preference_sets(recipe: Recipe, asking: PreferenceSets, instructions: Path) -> AskingStep[tuple[Preference, ...]]:
    """Preference sets for the instructions of a file."""
    prompt, seeds = read_prompt(recipe.prompts.preference_set), read_seed_preferences(recipe.seeds.preferences)
    return AskingStep(
        asking,
        lambda: preference_requests(read_instructions(instructions), seeds, asking, prompt, recipe.seed),
        partial(parse_preference_set, checks=checks_of_a_set(asking.checks)),
        wanted=lambda: (
            f"{one.id}/{n}" for one in read_instructions(instructions) for n in range(asking.per_instruction)
        ),
        inputs={"instructions": instructions, "prompt": prompt.path, "seeds": Path(recipe.seeds.preferences)},
        checks=asking.checks,
        differ=sets_differ(asking.checks),
    )


def system_messages(recipe: Recipe, asking: SystemMessages, preferences: Path) -> AskingStep[str]:
    """System messages for the preference sets of a file."""
    prompt = read_prompt(recipe.prompts.system_message)
    examples = read_seed_system_messages(recipe.seeds.system_messages)
    return AskingStep(
        asking,
        lambda: system_message_requests(ok_sets(preferences), examples, asking, prompt, recipe.seed),
        partial(parse_system_message, checks=checks_of_a_message(asking.checks, examples)),
        wanted=lambda: (one.id for one in read_asked(preferences, preference_set_from)),
        inputs={"preferences": preferences, "prompt": prompt.path, "seeds": Path(recipe.seeds.system_messages)},
        checks=asking.checks,
        differ=messages_differ(asking.checks),
    )


def responses(recipe: Recipe, asking: Asking, instructions: Path, system_messages: Path) -> AskingStep[str]:
    """Gold responses, or a bench's reference answers, to the instructions under the system messages of two files."""
    prompt = read_prompt(recipe.prompts.response)
    texts = {one.id: one.text for one in read_instructions(instructions)}
    return AskingStep(
        asking,
        lambda: response_requests(ok_texts(system_messages), texts, asking, prompt),
        parse_response,
        wanted=lambda: (one.id for one in read_asked(system_messages, str)),
        inputs={"instructions": instructions, "system_messages": system_messages, "prompt": prompt.path},
    )


def helpful_responses(recipe: Recipe, condition: HelpfulCondition, instructions: Path) -> AskingStep[str]:
    """Generally helpful responses to the instructions of a file, without a system message or under a default one."""
    asking, prompt = recipe.collection.helpful_responses[condition], read_prompt(recipe.prompts.response)
    messages = default_messages(recipe.collection.default_messages) if condition == "default" else {}
    return AskingStep(
        asking,
        lambda: helpful_requests(read_instructions(instructions), messages, asking, prompt, recipe.seed),
        parse_response,
        wanted=lambda: (one.id for one in read_instructions(instructions)),
        inputs={"instructions": instructions, "prompt": prompt.path},
        beside=answered_under(recipe, condition),
    )


def rubrics(recipe: Recipe, asking: Rubrics, preferences: Path) -> AskingStep[RubricText]:
    """Score rubrics for the preferences of a file."""
    prompt, examples = read_prompt(recipe.prompts.rubric), read_seed_rubrics(recipe.seeds.rubrics)
    return AskingStep(
        asking,
        lambda: rubric_requests(ok_sets(preferences), examples, asking, prompt, recipe.seed),
        parse_rubric,
        wanted=lambda: (
            f"{one.id}/{number}"
            for one in read_asked(preferences, preference_set_from)
            for number in range(len(DIMENSIONS))
        ),
        inputs={"preferences": preferences, "prompt": prompt.path, "seeds": Path(recipe.seeds.rubrics)},
    )


def answers(recipe: Recipe, model: str, condition: Condition, bench: Path) -> AskingStep[str]:
    """Answers to a bench of a model that a provider answers for, under a condition (paper, Table 8)."""
    asking, instances = answering(recipe, model), list(read_bench(bench))
    message = recipe.general_message(condition)
    return AskingStep(
        asking,
        lambda: answer_requests(instances, condition, recipe.default_system_message, asking),
        as_written,
        wanted=lambda: (one.id for one in instances),
        inputs={"bench": bench},
        beside={"condition": condition, **({} if message is None else {"system_message": message})},
        finish=partial(as_sampled, asking=asking),
        notes={
            "model": model,
            "condition": condition,
            "not_sent": not_sent(recipe.generation, recipe.providers[asking.provider]),
        },
    )


def verdicts(
    recipe: Recipe, bench: Path, answers: Path, by_swapped: bool, judge: str = OWN_JUDGE, samples: int | None = None
) -> AskingStep[int]:
    """Verdicts on a model's answers, by their own rubrics or by another system message's; of a judge by its name.

    `samples`: the file has so many answers to each instance (`best_of/samples.py`); each is judged.
    """
    judging, prompt = judge_named(recipe, judge), read_prompt(prompt_of(recipe, judge))
    instances, texts = list(read_bench(bench)), ok_values(answers, str)
    instances = instances if samples is None else as_samples(instances, samples)
    yardsticks = swapped(instances) if by_swapped else own(instances)
    return AskingStep(
        judging,
        lambda: judge_requests(instances, texts, judging, prompt, yardsticks),
        parse_verdict,
        wanted=lambda: (
            f"{one.id}/{number}/{run}"
            for one in instances
            for number in range(len(yardsticks[one.id].rubrics))
            for run in range(judging.runs)
        ),
        inputs={"bench": bench, "answers": answers, "prompt": prompt.path},
    )


def comparisons(recipe: Recipe, page: str, bench: Path, first: Path, second: Path) -> AskingStep[Preferred]:
    """Verdicts on two models' answers, beside each other in both orders, by the recipe's judge."""
    judging, runs, prompt = recipe.judging, recipe.win_rates[page].runs, read_prompt(recipe.prompts.compare)
    instances, answers = list(read_bench(bench)), PairAnswers(ok_values(first, str), ok_values(second, str))
    return AskingStep(
        Asking(**{name: getattr(judging, name) for name in Asking.model_fields}),
        lambda: compare_requests(instances, answers, runs, judging.sampling, prompt),
        parse_preference,
        wanted=lambda: comparison_ids(instances, runs),
        inputs={"bench": bench, "first": first, "second": second, "prompt": prompt.path},
        beside={"runs": runs},
        notes={EQUAL_ANSWERS: answers.equal()},
    )


def ok_sets(path: Path) -> Iterator[Asked[tuple[Preference, ...]]]:
    """The preference sets that are there."""
    return (one for one in read_asked(path, preference_set_from) if one.status is Status.OK)


def ok_texts(path: Path) -> Iterator[Asked[str]]:
    """The rows of a file of texts that are there."""
    return (one for one in read_asked(path, str) if one.status is Status.OK)
