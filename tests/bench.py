"""How fast it is, as ratios against a named peer in one run: never a timed test.

    make bench

asking    our streaming against batches that wait for their slowest answer (what the paper's own script does), on the
          rehearsal's server with log-normal latency; and the time that perfect streaming would take
ledger    reading answers back in the requests' order, against merely decoding the same JSON lines
dry run   `snakemake -n` of the paper, against starting Snakemake alone
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import openai

from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import ChatRequest, Message, body_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.schema import Faults, Provider, Sampling
from janus_recipes.rehearsal.server import serving

REQUESTS = 1200
IN_FLIGHT = 32
WORLD = Faults(latency_s=0.1, latency_sigma=0.8)
PROVIDER = Provider(kind="rehearsal", model="bench", concurrency=IN_FLIGHT, faults=WORLD)
SNAKEMAKE = Path(sys.executable).with_name("snakemake")


def requests() -> Iterable[ChatRequest]:
    for number in range(REQUESTS):
        messages = (Message("system", "Answer as a baker."), Message("user", f"Question {number}?"))
        yield ChatRequest(str(number), messages, Sampling(max_tokens=64))


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall clock that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def in_batches(base_url: str) -> None:
    """The same questions in batches of as many as are in flight, each waiting for its slowest."""
    client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    bodies = [body_of(request, PROVIDER) for request in requests()]
    for start in range(0, REQUESTS, IN_FLIGHT):
        await asyncio.gather(*(client.chat.completions.create(**one) for one in bodies[start : start + IN_FLIGHT]))
    await client.close()


def bench_asking(folder: Path) -> None:
    with serving(WORLD) as world:
        batches = timed(lambda: asyncio.run(in_batches(world.base_url)))
    with Ledger.open(folder, "bench") as ledger:
        ours = timed(lambda: list(ask(requests, PROVIDER, ledger, str, 0)))
    # The mean of a log-normal latency is its median times exp(sigma^2 / 2).
    limit = REQUESTS * WORLD.latency_s * 2.718281828 ** (WORLD.latency_sigma**2 / 2) / IN_FLIGHT
    print(
        f"asking {REQUESTS:,} questions, {IN_FLIGHT} in flight: {ours:.1f} s, {batches / ours:.1f} x as fast as batches"
    )
    print(f"  {limit / ours:.0%} of the rate that the latency allows; the rest is the client's CPU")


def bench_ledger(folder: Path) -> None:
    lines = [line for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    decoding = timed(lambda: [json.loads(line) for line in lines])
    with Ledger.open(folder, "bench") as ledger:
        ours = timed(lambda: list(ask(requests, PROVIDER, ledger, str, 0)))
    rate = REQUESTS / ours
    print(f"ledger: {rate:,.0f} answers a second addressed and read back, {ours / decoding:.1f} x plain decoding")


def bench_dry_run() -> None:
    alone = timed(lambda: subprocess.run([SNAKEMAKE, "--version"], check=True, capture_output=True))
    command = [SNAKEMAKE, "-n", "--configfile", "recipes/janus.yaml"]
    paper = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    print(f"dry run of the paper: {paper:.1f} s, {paper / alone:.1f} x `snakemake --version`")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        bench_asking(Path(made))
        bench_ledger(Path(made))
    bench_dry_run()
