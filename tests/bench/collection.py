"""The whole Collection by its own commands, against the rehearsal's provider without latency."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from janus_recipes.manifest import manifest_of
from tests.bench.collection_steps import STEPS, Files, StepName, files_in, prepare
from tests.bench.micro_world import MicroWorld, micro_world
from tests.bench.running import ROOT, Client, ClientFailed, LoadServer, say, started
from tests.bench.table import Row, at_least, at_most

JANUS = Path(sys.executable).with_name("janus")
SDK_REQUESTS = 3000
TIMES_SDK = 1.0
NOISE_MB = 5.0
BYTES_A_ROW = 1000.0
"""What a step may hold for each row: the ledger's index of all steps so far, and what a row must differ from."""


class Ran(NamedTuple):
    """One step by its command: its rows, the seconds of the command and those of its own work, and what it asked."""

    rows: int
    wall_s: float
    seconds: float
    asked: int
    peak_mb: float
    cpu_s: float
    server_s: float


class Asked(NamedTuple):
    """What the openai package came to on a step's requests, its start-up apart."""

    requests: int
    seconds: float
    cpu_s: float
    server_s: float


def bench_collection(instructions: int) -> list[Row]:
    """All three steps of a quarter of the instructions and of all, and the openai package on the same requests."""
    with tempfile.TemporaryDirectory() as made, micro_world() as server:
        quarter, full = (files_in(Path(made, name)) for name in ("quarter", "full"))
        early = _steps(quarter, server, instructions // 4)
        late = _steps(full, server, instructions)
        sdk = {step: _sdk(full, server, step, min(SDK_REQUESTS, late[step].rows)) for step in STEPS}
    return [row for step in STEPS for row in _rows(step, early[step], late[step], sdk[step])]


def _rows(step: StepName, early: Ran, late: Ran, sdk: Asked) -> list[Row]:
    what = f"{step}: {late.rows:,} rows"
    rate, sdk_rate = late.asked / late.seconds, sdk.requests / sdk.seconds
    ours_busy, sdk_busy = late.server_s / late.seconds, sdk.server_s / sdk.seconds
    ours_ms, sdk_ms = late.cpu_s / late.asked * 1e3, sdk.cpu_s / sdk.requests * 1e3
    grown_most_mb = NOISE_MB + (late.rows - early.rows) * BYTES_A_ROW / 1e6
    return [
        Row(what, "rows a second, the command from start to end", f"{late.rows / late.wall_s:,.0f}"),
        Row(what, "answers a second, in the step; openai SDK, workers, on the same", f"{rate:,.0f}; {sdk_rate:,.0f}"),
        at_least(what, "times the rate of the SDK", rate / sdk_rate, TIMES_SDK, "{:.2f}"),
        Row(what, "its processor, ms an answer; the SDK's", f"{ours_ms:.2f}; {sdk_ms:.2f}"),
        Row(what, "the server's processor was busy; with the SDK", f"{ours_busy:.0%}; {sdk_busy:.0%}"),
        Row(what, f"memory at most, MB; at {early.rows:,} rows", f"{late.peak_mb:,.0f}; {early.peak_mb:,.0f}"),
        at_most(what, "grown, MB", late.peak_mb - early.peak_mb, grown_most_mb, "{:.0f}"),
    ]


def _steps(files: Files, server: MicroWorld, instructions: int) -> dict[StepName, Ran]:
    files.recipe.parent.mkdir()
    prepare(files, server.base_url, instructions)
    return {step: _step(files, server, step) for step in STEPS}


def _step(files: Files, server: MicroWorld, step: StepName) -> Ran:
    """Run one step's command. Raises ClientFailed when it fails."""
    say(f"collection: {step} in {files.recipe.parent.name}")
    words, served_before, began = files.recipe.with_name(f"{step}.log"), server.cpu_s(), time.perf_counter()
    with words.open("w") as log:
        process = subprocess.Popen([JANUS, *files.command(step)], cwd=ROOT, stdout=log, stderr=log)
        try:
            _, process.returncode, used = os.wait4(process.pid, 0)
        finally:
            process.kill()
    wall_s = time.perf_counter() - began
    if process.returncode:
        raise ClientFailed(f"{step} failed: {words.read_text()[-300:]}")
    made = json.loads(manifest_of(files.out(step)).read_text())
    return Ran(
        rows=made["asked"]["rows"],
        wall_s=wall_s,
        seconds=made["seconds"],
        asked=made["asked"]["asked"],
        peak_mb=_megabytes(used),
        cpu_s=used.ru_utime + used.ru_stime,
        server_s=server.cpu_s() - served_before,
    )


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * 1024 / 1e6


def _sdk(files: Files, server: MicroWorld, step: StepName, requests: int) -> Asked:
    """The openai package on a step's first requests."""
    say(f"collection: openai SDK on the first {requests:,} requests of {step}")
    client = Client(step, ("tests.bench.clients.collection_sdk", step))
    served_before = server.cpu_s()  # its start-up asks nothing
    with started(client, LoadServer(server.base_url), requests, files.recipe.parent) as running:
        told = running.told()
    return Asked(requests, told["seconds"], told["asking_cpu_s"], server.cpu_s() - served_before)
