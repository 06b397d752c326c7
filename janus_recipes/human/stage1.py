"""Stage 1: are the bench's reference answers and rubrics good? (paper, appendix F.1)

    janus human export stage1 --recipe recipes/janus.yaml --out results/janus/human/stage1

315 instructions in nine groups of 35. A task is an instruction with its three system messages, reference answers and
rubrics, and two questions for each: six questions an instruction, 210 an annotator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from janus_recipes.benchmarks.excluded import instance_digest
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
from janus_recipes.recipe.human import BenchCheck
from janus_recipes.records import BenchInstance


def stage1_tasks(bench: Sequence[BenchInstance], spec: BenchCheck, seed: int) -> Iterator[Task]:
    """Every annotator's tasks, in the order in which they see them.

    With an overlap of two, an annotator gets the own group and that of the one before, and so on around.
    """
    instructions = by_instruction(bench)
    groups = balanced(in_random_order(list(instructions), seed, "human", "stage1"), spec.annotators)
    for annotator in range(spec.annotators):
        mine = [name for back in range(spec.overlap) for name in groups[annotator - back]]
        for name in in_random_order(mine, seed, "human", "stage1", annotator):
            yield _task(instructions[name], annotator + 1, seed)


def _task(instances: Sequence[BenchInstance], annotator: int, seed: int) -> Task:
    first = instances[0]
    ids = tuple(one.id for one in instances)
    task = task_name(seed, "stage1", first.instruction_id, annotator)
    data = {"task": task, "instruction": shown(first.instruction)}
    for number, one in enumerate(instances, start=1):
        data[f"system_message_{number}"] = shown(one.system_message)
        data[f"reference_answer_{number}"] = shown(one.reference_answer)
        data[f"rubrics_{number}"] = shown_rubrics(one.rubrics)
    digests = tuple(map(instance_digest, instances))
    key = Key(task, "stage1", annotator, first.instruction_id, ids, digest_of_data(data), instance_digests=digests)
    return Task(key, data)
