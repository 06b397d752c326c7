"""Let a model score pairs of answers: vLLM's engine as a child, the rows moved to their place.

    janus rank score janus-rm-7b --recipe recipes/janus.yaml ...      # what rules/ranking.smk runs

Half-finished rows live in a work folder that no rule declares, so a killed run continues at its next pair.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from janus_recipes.files import Json, digest_of, stamp_of
from janus_recipes.generation.run import REQUESTS, ROWS, run_vllm, write_job
from janus_recipes.processes import alone_in
from janus_recipes.recipe.schema import Generation, Model
from janus_recipes.recipe.training import RewardTraining

ENGINE = "janus_recipes.ranking.engine"
"""The module that runs inside vLLM's environment."""

Score = Literal["reward", "log-probability"]
"""What is read from a model: a reward model's output, or how probable a language model finds an answer."""

SIDES = ("chosen", "rejected")
"""What is scored of a pair."""

TOKENS_A_STEP = 2048
"""Tokens that vLLM reads at a time for log-probabilities. It holds all their logits in float32, outside the memory that
it set aside: with LLaMA 3's vocabulary 1 GB, and 8 times as much with its default on large GPUs, 16,384 tokens."""


def score_of(model: Model) -> Score:
    """What is read from a model of the recipe."""
    return "reward" if isinstance(model.train, RewardTraining) else "log-probability"


@dataclass(frozen=True)
class ScoringCounts:
    """What a scoring came to: pairs by status, and tokens read on both sides."""

    by_status: dict[str, int]
    tokens: int


def score_pairs(
    pairs: Path,
    spec: Generation,
    score: Score,
    *,
    model: str,
    revision: str | None,
    chat_template: str,
    environment: Path,
    work: Path,
    out: Path,
) -> ScoringCounts:
    """Score both sides of each pair and write a row for each, in their order, to `out`.

    `model` is a local folder or a hub id with its `revision`, `environment` vLLM's virtual environment. Rows are those
    of `records.Asked` with the value {"chosen": float, "rejected": float}, or failed where a side does not fit into
    `spec.max_model_len`. Raises StepError when the engine fails; `out` is then untouched and finished rows are kept in
    `work`, which goes when the manifest is written.
    """
    with alone_in(work):
        work.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pairs, work / REQUESTS)
        write_job(work, scoring_job(spec, score, work, model=model, revision=revision, chat_template=chat_template))
        rows = run_vllm(ENGINE, spec, work, out, model=model, environment=environment)
    return counts_of(rows)


def scoring_job(
    spec: Generation,
    score: Score,
    work: Path,
    *,
    model: str,
    revision: str | None,
    chat_template: str,
    sides: Sequence[str] = SIDES,
) -> Json:
    """The job of `ranking/engine.py`. `sides` are the keys of a request's conversations."""
    return {
        "score": score,
        "sides": list(sides),
        "model": model,
        "revision": revision,
        "model_stamp": stamp_of(model),
        "chat_template": chat_template,
        "max_model_len": spec.max_model_len,
        "engine": engine_settings(spec, score),
        "chunk": spec.chunk,
        "requests": str(work / REQUESTS),
        "requests_digest": digest_of(work / REQUESTS),
        "out": str(work / ROWS),
    }


def engine_settings(spec: Generation, score: Score) -> Json:
    """The keyword arguments of `vllm.LLM`. No prefixes are kept: log-probabilities of what was kept are not given."""
    settings: Json = {"dtype": spec.dtype, "enable_prefix_caching": False}
    if spec.gpus == 0:
        return settings | {"enforce_eager": True, "enable_chunked_prefill": False}
    settings |= {"tensor_parallel_size": spec.gpus, "gpu_memory_utilization": spec.gpu_memory_utilization}
    return settings | ({} if score == "reward" else {"max_num_batched_tokens": TOKENS_A_STEP})


def counts_of(rows: Iterable[Json]) -> ScoringCounts:
    """The figures of a scoring, for its manifest."""
    statuses: Counter[str] = Counter()
    tokens = 0
    for row in rows:
        statuses[row["status"]] += 1
        tokens += row["tokens"]
    return ScoringCounts(dict(statuses), tokens)
