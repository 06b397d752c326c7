"""What a reward model gives to each sample: vLLM's pooling runner as a child, the rows moved to their place.

    janus best-of reward best-of-64 --condition multifaceted --bench bench.jsonl --samples samples.jsonl ...

A reward is the model's raw output at the end of the whole conversation, the system message included, without the
sigmoid. All are kept, one row a sample. Half-finished rows live in a work folder that no rule declares, so a killed run
continues at its next sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from janus_recipes.errors import StepError
from janus_recipes.files import Json, write_jsonl
from janus_recipes.generation.conditions import messages_under
from janus_recipes.generation.run import REQUESTS, run_vllm, write_job
from janus_recipes.processes import alone_in
from janus_recipes.ranking.run import ENGINE, ScoringCounts, counts_of, scoring_job
from janus_recipes.recipe.schema import Generation
from janus_recipes.recipe.section import Condition
from janus_recipes.records import Asked, BenchInstance, Status, read_asked, row_of

SIDE = "answer"
"""The one side of a request that `ranking/engine.py` scores."""

SCORED = "scored.jsonl"


def prompts_under(
    condition: Condition, bench: Iterable[BenchInstance], default_system_message: str
) -> dict[str, list[Json]]:
    """The turns before the answer, by instance: those that the answers were sampled after."""
    return {one.id: [asdict(turn) for turn in messages_under(condition, one, default_system_message)] for one in bench}


def reward_requests(samples: Iterable[Asked[str]], prompts: Mapping[str, Sequence[Json]]) -> Iterator[Json]:
    """The conversation of each sample that is there. Raises StepError for a sample of another bench."""
    for sample in samples:
        instance, _, _ = sample.id.rpartition("/")
        if instance not in prompts:
            raise StepError(f"the sample {sample.id} belongs to no instance of this bench: sample it again")
        if sample.status is Status.OK:
            yield {"id": sample.id, SIDE: [*prompts[instance], {"role": "assistant", "content": sample.value}]}


def reward_samples(
    samples: Path,
    prompts: Mapping[str, Sequence[Json]],
    spec: Generation,
    *,
    model: str,
    revision: str | None,
    chat_template: str,
    environment: Path,
    work: Path,
    out: Path,
) -> ScoringCounts:
    """Reward each sample and write a row for it, in their order, to `out`.

    `model` is a local folder or a hub id with its `revision`, `environment` vLLM's virtual environment. Values are
    rewards; a row is failed where the conversation does not fit into `spec.max_model_len`, missing where there is no
    sample. Raises StepError when the engine fails; `out` is then untouched and finished rows are kept in `work`.
    """
    with alone_in(work):
        write_jsonl(work / REQUESTS, reward_requests(read_asked(samples, str), prompts))
        settings: Json = {"model": model, "revision": revision, "chat_template": chat_template, "sides": (SIDE,)}
        write_job(work, scoring_job(spec, "reward", work, **settings))
        rows = run_vllm(ENGINE, spec, work, work / SCORED, model=model, environment=environment)
        write_jsonl(out, map(row_of, rewards_of(read_asked(samples, str), read_asked(work / SCORED, reward_from))))
    counts = counts_of(rows)
    missing = sum(row.status is not Status.OK for row in read_asked(samples, str))
    by_status = {**counts.by_status, **({Status.MISSING.value: missing} if missing else {})}
    return ScoringCounts(by_status, counts.tokens)


def rewards_of(samples: Iterable[Asked[str]], scored: Iterator[Asked[float]]) -> Iterator[Asked[float]]:
    """A row for each sample: its reward, in the order of the samples, or that there was no answer to score."""
    for sample in samples:
        if sample.status is Status.OK:
            yield next(scored)
        else:
            yield Asked(sample.id, Status.MISSING, None, reason=f"no answer to score: {sample.reason}")


def reward_from(value: Json) -> float:
    """The reward in the JSON of one of the engine's ok rows."""
    return float(value[SIDE])
