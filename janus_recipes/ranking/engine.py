"""Score conversations with vLLM, one chunk of rows after the other, and resume at the row.

    .envs/vllm-cpu/bin/python -m janus_recipes.ranking.engine --job job.json

Runs inside vLLM's environment with nothing of the core's but this file and `generation/engine.py`; `ranking/run.py`
and `best_of/rewards.py` write the job. Rows are appended to the job's `out` as chunks finish. A row has the score of
each of the job's `sides`: both answers of a pair, or the one of a sample. The job's `score` says what is read:

    reward            a reward model's output at the end of the whole conversation, without the sigmoid
    log-probability   the sum of the log-probabilities, in nats, of the answer's tokens after its prompt, the
                      template's end token among them
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from janus_recipes.generation.engine import Json, in_chunks, prompt_ids

REWARD = "reward"
LOG_PROBABILITY = "log-probability"


class Conversation(NamedTuple):
    """One side of a row: its token ids, how many of them are the prompt, and why it cannot be scored, or ''."""

    ids: list[int]
    prompt: int
    fault: str


def run(job: Json) -> None:
    """Score the rows that `out` does not hold yet."""
    in_chunks(job, load_engine, scored, "pairs to score" if len(job["sides"]) > 1 else "answers to score")


def scored(engine: Any, tokenizer: Any, chunk: Sequence[Json], job: Json) -> list[Json]:
    """A row for each request, in their order. One with a side that cannot be scored fails alone, not its chunk."""
    read = [{side: read_side(tokenizer, request[side], job) for side in job["sides"]} for request in chunk]
    fitting = [one for sides in read if not any(one.fault for one in sides.values()) for one in sides.values()]
    scores_of = rewards if job["score"] == REWARD else log_probabilities
    scores = iter(scores_of(engine, fitting) if fitting else [])
    rows = []
    for request, sides in zip(chunk, read, strict=True):
        fault = "; ".join(f"{name}: {one.fault}" for name, one in sides.items() if one.fault)
        rows.append(row_of(request["id"], sides, fault, {} if fault else {name: next(scores) for name in sides}))
    return rows


def read_side(tokenizer: Any, messages: list[Json], job: Json) -> Conversation:
    """A whole conversation as the one template writes it. One token of the context is left for vLLM's own answer."""
    template, limit = job["chat_template"], job["max_model_len"]
    before, whole = prompt_ids(tokenizer, messages[:-1], template), prompt_ids(tokenizer, messages, template)
    fault = ""
    if len(whole) >= limit:
        fault = f"{len(whole)} tokens do not fit into max_model_len {limit}"
    elif whole[: len(before)] != before:
        fault = "a token reaches from the prompt into the answer"
    return Conversation(whole, len(before), fault)


def rewards(engine: Any, sides: Sequence[Conversation]) -> list[float]:
    """What a reward model gives to each conversation."""
    from vllm import PoolingParams

    given = [{"prompt_token_ids": side.ids} for side in sides]
    found = engine.classify(given, pooling_params=PoolingParams(use_activation=False), use_tqdm=False)
    return [float(one.outputs.probs[0]) for one in found]


def log_probabilities(engine: Any, sides: Sequence[Conversation]) -> list[float]:
    """The sum of the log-probabilities of each answer's tokens, given its prompt, in nats."""
    from vllm import SamplingParams

    # Of each position only the token that stands there: 0 others. Flat: numbers, not an object for each token.
    asked = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=0, flat_logprobs=True, detokenize=False)
    given = [{"prompt_token_ids": side.ids} for side in sides]
    found = engine.generate(given, asked, use_tqdm=False)
    return [answer_sum(one.prompt_logprobs.logprobs, side) for one, side in zip(found, sides, strict=True)]


def answer_sum(values: Sequence[float], side: Conversation) -> float:
    """The sum over the answer's tokens. `values` begin with the second token's: nothing precedes the first."""
    if len(values) != len(side.ids) - 1:
        raise RuntimeError(f"vLLM gave {len(values)} log-probabilities for {len(side.ids)} tokens, expected one fewer")
    return math.fsum(values[side.prompt - 1 :])


def row_of(name: str, sides: Mapping[str, Conversation], fault: str, scores: Mapping[str, float]) -> Json:
    """The row of a request, whose sides were not scored where there is a fault.

    A score that is no number, as of a model that overflowed, fails it.
    """
    if not all(map(math.isfinite, scores.values())):
        fault = f"scored {' and '.join(map(str, scores.values()))}: the model's numbers overflow"
    return {
        "id": name,
        "status": "failed" if fault else "ok",
        "value": None if fault else dict(scores),
        "raw": "",
        "attempts": 1 if scores else 0,
        "reason": fault,
        "tokens": sum(len(side.ids) for side in sides.values()),
    }


def load_engine(job: Json) -> Any:
    """vLLM's engine: a language model, or a reward model read at its last token."""
    from vllm import LLM

    settings = job["engine"] | ({"runner": "pooling"} if job["score"] == REWARD else {})
    return LLM(model=job["model"], revision=job["revision"], max_model_len=job["max_model_len"], **settings)


def main() -> None:
    """Read the job and run it."""
    parser = argparse.ArgumentParser(description="Score conversations with vLLM.")
    parser.add_argument("--job", type=Path, required=True)
    run(json.loads(parser.parse_args().job.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
