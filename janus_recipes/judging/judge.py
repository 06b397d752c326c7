"""Ask the judge for verdicts: each answer by its four rubrics, three times (paper, appendix F.2).

    janus judge --recipe recipes/janus.yaml --bench bench.jsonl --answers multifaceted.jsonl --out verdicts.jsonl

Ids are `<instance>/<rubric>/<run>`; the run is the request's sample index. With `--swapped` every answer is judged by
the rubrics and the reference answer of another system message: what an answer earns that does not follow its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.judges import Judge
from janus_recipes.recipe.schema import Judging
from janus_recipes.records import BenchInstance


def judge_requests(
    bench: Sequence[BenchInstance],
    answers: Mapping[str, str],
    spec: Judging | Judge,
    prompt: Prompt,
    yardsticks: Mapping[str, BenchInstance],
) -> Iterator[ChatRequest]:
    """One request for each instance that has an answer, each rubric and each run, in that order.

    `yardsticks` names the instance whose rubrics and reference answer an instance is judged by: itself, or `swapped`.
    """
    for instance in bench:
        if instance.id not in answers:
            continue
        yardstick = yardsticks[instance.id]
        for number, rubric in enumerate(yardstick.rubrics):
            messages = prompt.render(
                instruction=instance.instruction,
                response=answers[instance.id],
                reference_answer=yardstick.reference_answer,
                rubric=rubric,
            )
            for run in range(spec.runs):
                yield ChatRequest(f"{instance.id}/{number}/{run}", messages, spec.sampling, sample=run)


def own(bench: Sequence[BenchInstance]) -> dict[str, BenchInstance]:
    """Every instance is its own yardstick."""
    return {instance.id: instance for instance in bench}


def swapped(bench: Sequence[BenchInstance]) -> dict[str, BenchInstance]:
    """Every instance is judged by the next instance of the same instruction, so that only the system message differs.

    An instruction with one instance takes the next instruction's first.
    """
    groups: dict[str, list[BenchInstance]] = {}
    for instance in bench:
        groups.setdefault(instance.instruction_id, []).append(instance)
    firsts = [group[0] for group in groups.values()]
    yardsticks: dict[str, BenchInstance] = {}
    for number, group in enumerate(groups.values()):
        others = group if len(group) > 1 else [group[0], firsts[(number + 1) % len(firsts)]]
        for place, instance in enumerate(group):
            yardsticks[instance.id] = others[(place + 1) % len(others)]
    return yardsticks
