"""Stage 2: how hard is a problem, and which of two models' answers to it is better? (paper, appendix F.1)

    janus human export stage2 --recipe recipes/janus.yaml --out results/janus/human/stage2

One system message is drawn for each of the 315 instructions, and they fall into three groups of 105. Each stands in
three tasks, one for each pair of models: 945 problems. A group's three annotators take them in turn, so that everyone
sees each of the group's problems once, under another pair than the others: 105 tasks, 35 a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from janus_recipes.human.tasks import (
    Key,
    Task,
    balanced,
    by_instruction,
    digest_of_data,
    in_random_order,
    shown,
    shown_rubrics,
    task_name,
)
from janus_recipes.recipe.human import ModelComparison
from janus_recipes.records import Asked, BenchInstance
from janus_recipes.seeding import derive_seed

SIDES = ("left", "right")


class Problem(NamedTuple):
    """One of the bench's instances under one pair of models."""

    instance: BenchInstance
    pair: tuple[str, str]


Answers = Mapping[str, Mapping[str, Asked[str]]]
"""By model and instance, what the model answered."""


def stage2_tasks(bench: Sequence[BenchInstance], answers: Answers, spec: ModelComparison, seed: int) -> Iterator[Task]:
    """Every annotator's tasks, in the order in which they see them; then those that cannot be shown.

    A task that cannot be shown, because a model gave no answer, has no data. There is one for each annotator who would
    have had the problem.
    """
    assigned, unanswered = _assigned(drawn_instances(bench, seed), answers, spec, seed)
    for annotator, problems in enumerate(assigned, start=1):
        tasks = {one.key.task: one for one in (_task(problem, annotator, answers, seed) for problem in problems)}
        for name in in_random_order(list(tasks), seed, "human", "stage2", annotator):
            yield tasks[name]
    for problem in unanswered:
        for place in range(spec.overlap):
            yield _left_out(problem, place, answers, seed)


def drawn_instances(bench: Sequence[BenchInstance], seed: int) -> list[BenchInstance]:
    """One instance of each instruction, drawn by the seed and the instances' ids."""
    drawn = []
    for instances in by_instruction(bench).values():
        first = in_random_order([one.id for one in instances], seed, "human", "drawn")[0]
        drawn += [one for one in instances if one.id == first]
    return drawn


def _assigned(
    drawn: Sequence[BenchInstance], answers: Answers, spec: ModelComparison, seed: int
) -> tuple[list[list[Problem]], list[Problem]]:
    """Each annotator's problems, and those that nobody gets because a model gave no answer."""
    of_id, each = {one.id: one for one in drawn}, spec.annotators // spec.groups
    assigned: list[list[Problem]] = [[] for _ in range(spec.annotators)]
    unanswered = []
    for group, names in enumerate(balanced(in_random_order(list(of_id), seed, "human", "stage2"), spec.groups)):
        for place, name in enumerate(names):
            for number, (first, second) in enumerate(spec.pairs):
                problem = Problem(of_id[name], (first, second))
                if _missing(problem, answers):
                    unanswered.append(problem)
                    continue
                for further in range(spec.overlap):
                    assigned[group * each + (place + number + further) % each].append(problem)
    return assigned, unanswered


def _task(problem: Problem, annotator: int, answers: Answers, seed: int) -> Task:
    """A task of an annotator. The sides are drawn anew for each, so that a liking for one side evens out."""
    instance, pair = problem
    task = task_name(seed, "stage2", instance.id, *pair, annotator)
    first_on = SIDES[derive_seed(seed, "human", "side", task) % 2]
    left, right = pair if first_on == "left" else pair[::-1]
    data = {
        "task": task,
        "instruction": shown(instance.instruction),
        "system_message": shown(instance.system_message),
        "reference_answer": shown(instance.reference_answer),
        "rubrics": shown_rubrics(instance.rubrics),
        "left": shown(answers[left][instance.id].value or ""),
        "right": shown(answers[right][instance.id].value or ""),
    }
    digest = digest_of_data(data)
    return Task(Key(task, "stage2", annotator, instance.instruction_id, (instance.id,), digest, pair, first_on), data)


def _left_out(problem: Problem, place: int, answers: Answers, seed: int) -> Task:
    instance, pair = problem
    task = task_name(seed, "stage2", instance.id, *pair, "nobody", place)
    why, digest = _missing(problem, answers), digest_of_data({})
    return Task(Key(task, "stage2", None, instance.instruction_id, (instance.id,), digest, pair, left_out=why), {})


def _missing(problem: Problem, answers: Answers) -> str:
    """Which models gave no answer, and what became of it: `janus-7b: truncated`. Empty where both answered."""
    found = {model: answers[model].get(problem.instance.id) for model in problem.pair}
    return ", ".join(
        f"{model}: {'missing' if row is None else row.status}"
        for model, row in found.items()
        if row is None or row.value is None
    )
