"""A whole table's verdicts by the very judging step, one command a model, against the rehearsal's judge.

What is measured: verdicts a second beside the openai package on the same requests and server, the memory of a step, and
what is asked again after a kill -9 when nine tenths of all verdicts were there.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from janus_recipes.manifest import manifest_of
from tests.bench.judging_steps import EACH, Judgings, prepare
from tests.bench.load import IN_FLIGHT
from tests.bench.micro_world import MicroWorld, micro_world
from tests.bench.running import ROOT, Client, ClientFailed, LoadServer, say, started
from tests.bench.table import Row, at_least, at_most

JANUS = Path(sys.executable).with_name("janus")
SDK_REQUESTS = 3000
TIMES_SDK = 1.0
KILLED_AT = 0.9
LOOKED_EVERY_S = 0.1
MOST_MB = 400.0
"""What a step of 11,052 verdicts may hold: bench, answers, and the ledger's index of all 154,728."""


class Judged(NamedTuple):
    """One model's step by its command: what it asked and what it took."""

    rows: int
    ok: int
    asked: int
    wall_s: float
    seconds: float
    peak_mb: float


def bench_judging(instances: int, models: int) -> list[Row]:
    """Judge all models' answers, one of the steps being killed and started again, and the openai package on some."""
    with tempfile.TemporaryDirectory() as made, micro_world() as server:
        files = Judgings(Path(made))
        prepare(files, server.base_url, instances, models)
        each = instances * EACH
        killed = int(models * KILLED_AT)  # of the models the one in which nine tenths are reached
        before = [_step(files, model, models) for model in range(killed)]
        had = _killed_step(files, killed, int(models * each * KILLED_AT) - killed * each)
        again = _step(files, killed, models)
        after = [_step(files, model, models) for model in range(killed + 1, models)]
        twice = server.stats().requests - models * each
        sdk = _sdk(files, server, min(SDK_REQUESTS, each))
    return rows_of([*before, *after], had, again, each, sdk, twice)


def rows_of(steps: Sequence[Judged], had: int, again: Judged, each: int, sdk_rate: float, twice: int) -> list[Row]:
    """The table's rows.

    `had`: verdicts of the killed step that were in the ledger; `again`: that step, run again; `twice`: requests that
    reached the server beyond one for each verdict, by its own count. It is the server's because an answer that never
    came into the ledger stands nowhere here. Those under way at the kill are lost to any client.
    """
    everything = [*steps, again]
    what = f"judging: {sum(one.rows for one in everything):,} verdicts on {len(everything)} models"
    rate = sum(one.asked for one in steps) / sum(one.seconds for one in steps)
    lost = sum(each - one.ok for one in everything)
    return [
        Row(what, "verdicts a second, commands from start to end",
            f"{sum(one.rows for one in steps) / sum(one.wall_s for one in steps):,.0f}"),
        Row(what, "verdicts a second, in the steps; openai SDK, workers, on the same", f"{rate:,.0f}; {sdk_rate:,.0f}"),
        at_least(what, "times the rate of the SDK", rate / sdk_rate, TIMES_SDK, "{:.2f}"),
        at_most(what, "memory of a step at most, MB", max(one.peak_mb for one in everything), MOST_MB, "{:.0f}"),
        at_most(what, "lost: verdicts that are not ok in the end", lost, 0, "{:.0f}"),
        at_most(what, f"{had:,} had at kill -9, asked again", had + again.asked - each, 0, "{:.0f}"),
        at_most(what, "sent twice by the server's count, for a kill -9", twice, IN_FLIGHT, "{:.0f}"),
    ]  # fmt: skip


def _step(files: Judgings, model: int, models: int) -> Judged:
    """Run one model's command. Raises ClientFailed when it fails."""
    say(f"judging: model {model + 1} of {models}")
    began = time.perf_counter()
    with _command(files, model) as process:
        _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise ClientFailed(f"judging failed: {_words(files, model).read_text()[-300:]}")
    made = json.loads(manifest_of(files.verdicts(model)).read_text())
    asked = made["asked"]
    return Judged(
        rows=asked["rows"],
        ok=asked["statuses"].get("ok", 0),
        asked=asked["asked"],
        wall_s=time.perf_counter() - began,
        seconds=made["seconds"],
        peak_mb=_megabytes(used),
    )


def _killed_step(files: Judgings, model: int, verdicts: int) -> int:
    """Run a model's command, kill it once it has so many verdicts, and give how many are kept. Raises ClientFailed."""
    say(f"judging: model {model + 1}, killed after {verdicts:,} verdicts")
    before = segments(files.ledger)
    with _command(files, model) as process:
        while kept(segments(files.ledger) - before) < verdicts:
            if process.poll() is not None:
                raise ClientFailed("judging ended before it was killed")
            time.sleep(LOOKED_EVERY_S)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return kept(segments(files.ledger) - before)


def segments(ledger: Path) -> set[Path]:
    """The files of answers of the one model that is asked."""
    return set(ledger.glob("[!.]*/*.jsonl"))


def kept(files: Iterable[Path]) -> int:
    """The whole lines of a ledger's segments: an answer each."""
    return sum(segment.read_bytes().count(b"\n") for segment in files)


@contextmanager
def _command(files: Judgings, model: int) -> Iterator[subprocess.Popen[bytes]]:
    """A model's command in a process group of its own, which is gone at the end."""
    with _words(files, model).open("w") as log:
        process = subprocess.Popen(
            [JANUS, *files.command(model)], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _words(files: Judgings, model: int) -> Path:
    return files.folder / f"model-{model}.log"


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * 1024 / 1e6


def _sdk(files: Judgings, server: MicroWorld, requests: int) -> float:
    """Answers a second of the openai package on the first model's first requests, its start-up apart."""
    say(f"judging: openai SDK on the first {requests:,} requests")
    client = Client("judging", ("tests.bench.clients.judging_sdk",))
    with started(client, LoadServer(server.base_url), requests, files.folder) as running:
        told = running.told()
    return requests / float(told["seconds"])
