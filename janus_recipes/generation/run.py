"""Ask a model under test for its answers: the requests, vLLM's engine as a child, the rows moved to their place.

    janus generate janus-7b --recipe recipes/janus.yaml --condition multifaceted ...   # what rules/generation.smk runs

Half-finished rows live in a work folder that no rule declares, so a killed run continues at its next row.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of, read_jsonl, stamp_of, write_json, write_jsonl
from janus_recipes.generation.conditions import messages_under
from janus_recipes.processes import alone_in, last_lines, run_child
from janus_recipes.recipe.provider import ServedModel
from janus_recipes.recipe.schema import Generation
from janus_recipes.recipe.section import Condition
from janus_recipes.records import BenchInstance, Status
from janus_recipes.seeding import derive_seed

LOG = "vllm.log"
JOB = "job.json"
REQUESTS = "requests.jsonl"
ROWS = "rows.jsonl"

ENGINE = "janus_recipes.generation.engine"
"""The module that runs inside vLLM's environment."""

ASKED_FIELDS = ("id", "status", "value", "raw", "attempts", "reason")
"""What a row holds for the steps that follow (`records.Asked`); the engine's figures go into the counts."""

CPU_ENVIRON = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""On a CPU: 1 GiB for the cache of a tiny model, and no second process, which would take its imports' time again."""


@dataclass(frozen=True)
class GenerationCounts:
    """What a generation came to: rows by status, answers cut at the token limit (they are ok), tokens."""

    by_status: dict[str, int]
    cut: int
    prompt_tokens: int
    answer_tokens: int


def generation_requests(
    instances: Iterable[BenchInstance], condition: Condition, default_system_message: str, seed: int
) -> Iterator[Json]:
    """One request for each instance, in the bench's order: id, messages, seed.

    The condition says which system message stands before the instruction (paper, Table 8): none, the recipe's default,
    or the instance's own. The seed depends on the recipe's seed and the instance alone: two models, or one under two
    conditions, draw with the same random numbers, which takes some of the sampling noise out of their difference.
    """
    for instance in instances:
        messages = [asdict(one) for one in messages_under(condition, instance, default_system_message)]
        yield {"id": instance.id, "messages": messages, "seed": derive_seed(seed, "generate", instance.id)}


def generate(
    requests: Iterable[Json],
    spec: Generation,
    *,
    model: str,
    revision: str | None,
    chat_template: str,
    environment: Path,
    work: Path,
    out: Path,
    seed: int,
) -> GenerationCounts:
    """Answer the requests with vLLM and write a row for each, in their order, to `out`.

    `model` is a local folder or a hub id with its `revision`, `environment` vLLM's virtual environment. Rows are those
    of `records.Asked`: ok with the answer as value, or failed where the prompt leaves no room in `spec.max_model_len`.
    An answer cut at the token limit is ok: the paper judges what the model wrote; `reason` and the counts say it.
    Raises StepError when the engine fails; `out` is then untouched. Finished rows are kept in `work`, which goes when
    the manifest is written.
    """
    with alone_in(work):
        prepare_work(requests, spec, work, model=model, revision=revision, chat_template=chat_template, seed=seed)
        rows = run_vllm(ENGINE, spec, work, out, model=model, environment=environment)
    return counts_of(rows)


def run_vllm(module: str, spec: Generation, work: Path, out: Path, *, model: str, environment: Path) -> list[Json]:
    """Run an engine of ours on the job in `work`, and write its rows to `out` in the order of the requests.

    Returns them with the engine's figures. Raises StepError when it fails; `out` is then untouched.
    """
    command = [str(environment / "bin" / "python"), "-m", module, "--job", str(work / JOB)]
    code = run_child(command, env=engine_environ(spec, model), log=work / LOG)
    if code != 0:
        raise StepError(
            f"vLLM failed on {model} (exit {code}). Its last words:\n{last_lines(work / LOG)}\n"
            "Finished rows are kept: the same command continues after the last one."
        )
    rows = rows_in_order(work)
    write_jsonl(out, ({field: row[field] for field in ASKED_FIELDS} for row in rows))
    return rows


def prepare_work(
    requests: Iterable[Json],
    spec: Generation,
    work: Path,
    *,
    model: str,
    revision: str | None,
    chat_template: str,
    seed: int,
) -> None:
    """Write requests and job to `work`. Rows that are there from another job are deleted; from the same, kept."""
    write_jsonl(work / REQUESTS, requests)
    job = {
        "model": model,
        "revision": revision,
        "model_stamp": stamp_of(model),
        "chat_template": chat_template,
        "max_model_len": spec.max_model_len,
        "engine": engine_settings(spec, seed),
        "sampling": spec.sampling.model_dump(mode="json"),
        "chunk": spec.chunk,
        "requests": str(work / REQUESTS),
        "requests_digest": digest_of(work / REQUESTS),
        "out": str(work / ROWS),
    }
    write_job(work, job)


def write_job(work: Path, job: Json) -> None:
    """Write the job for the engine; rows that another job left in `work` are deleted first."""
    path = work / JOB
    if not path.exists() or what_decides(json.loads(path.read_text(encoding="utf-8"))) != what_decides(job):
        (work / ROWS).unlink(missing_ok=True)
    write_json(path, job)


def what_decides(job: Json) -> Json:
    """The parts of a job that decide its answers. How many are sampled at a time, and on how many GPUs, does not."""
    engine = {key: value for key, value in job["engine"].items() if key in ("dtype", "seed")}
    return {key: value for key, value in job.items() if key not in ("chunk", "engine")} | engine


def engine_settings(spec: Generation, seed: int) -> Json:
    """The keyword arguments of `vllm.LLM`.

    Compiling is not worth its time for a CPU's tiny models. Prompts must be read in one piece there: where one is cut
    at the batch's edge, vLLM 0.32 rewinds its request's random generator, which torch's CPU generator cannot do.
    """
    settings: Json = {"dtype": spec.dtype, "seed": seed, "enable_prefix_caching": True}
    if spec.gpus == 0:
        return settings | {"enforce_eager": True, "enable_chunked_prefill": False}
    return settings | {
        "tensor_parallel_size": spec.gpus,
        "gpu_memory_utilization": spec.gpu_memory_utilization,
    }


def engine_environ(
    spec: Generation | ServedModel, model: str, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Environment variables of the engine: no telemetry, and no hub where the model is on this machine."""
    root = str(Path(__file__).parents[2])
    environ = dict(inherited) | {"VLLM_NO_USAGE_STATS": "1"}
    environ["PYTHONPATH"] = f"{root}:{inherited['PYTHONPATH']}" if inherited.get("PYTHONPATH") else root
    if Path(model).is_dir():
        environ["HF_HUB_OFFLINE"] = "1"
    return environ | CPU_ENVIRON if spec.gpus == 0 else environ


def rows_in_order(work: Path) -> list[Json]:
    """The engine's rows in the order of the requests. Raises StepError where one is missing."""
    rows = {row["id"]: row for row in read_jsonl(work / ROWS)}
    wanted = [request["id"] for request in read_jsonl(work / REQUESTS)]
    missing = [name for name in wanted if name not in rows]
    if missing:
        raise StepError(f"vLLM ended without {len(missing)} of {len(wanted)} answers, {missing[0]} first: run it again")
    return [rows[name] for name in wanted]


def counts_of(rows: Iterable[Json]) -> GenerationCounts:
    """The figures of a generation, for its manifest."""
    statuses: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for row in rows:
        statuses[row["status"]] += 1
        sums["cut"] += row["status"] == Status.OK and row["reason"] != ""
        sums["prompt"] += row["prompt_tokens"]
        sums["answer"] += row["answer_tokens"]
    return GenerationCounts(dict(statuses), sums["cut"], sums["prompt"], sums["answer"])
