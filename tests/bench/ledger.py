"""A ledger as large as the paper's, and memory over a long run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.bench.contenders import OURS
from tests.bench.load import MISSING
from tests.bench.running import Client, LoadServer, do_job, load_server, say, started
from tests.bench.table import Row, at_most

OPEN_MOST_S = 20.0
OPEN_MOST_MB = 1000.0
BYTES_AN_ANSWER = 500.0
"""What a run may hold for each answer that it keeps: the place of its row in the ledger."""


def bench_ledger(answers: int) -> list[Row]:
    """Open a ledger of many answers of 2 kB and ask for what it lacks, against reading its bytes from disk."""
    what = f"ledger of {answers:,} answers of 2 kB"
    with tempfile.TemporaryDirectory() as made, load_server("instant") as server:
        asked = answers + MISSING
        _told("make", server, asked, Path(made))
        plain = _told("read", server, asked, Path(made))
        ours = _told("ask", server, asked, Path(made))
        sent = server.stats()["requests"]
    return [
        Row(what, f"its {plain['megabytes']:,.0f} MB merely read: seconds", f"{plain['seconds']:.2f}"),
        at_most(
            what, f"opened, and asked for {MISSING} that are missing: seconds", ours["seconds"], OPEN_MOST_S, "{:.1f}"
        ),
        Row(what, "of which CPU of this process, start-up included", f"{ours['cpu_s']:.1f}"),
        Row(what, "times merely reading it", f"{ours['seconds'] / plain['seconds']:.0f}"),
        at_most(what, "memory at most, MB", ours["peak_mb"], OPEN_MOST_MB, "{:,.0f}"),
        at_most(what, "asked that was there", sent - MISSING, 0, "{:.0f}"),
    ]


def bench_memory(requests: int) -> list[Row]:
    """What a long run holds at its tenth and at its end."""
    what = f"{requests:,} requests in one run"
    told = do_job(OURS, "instant", requests)
    early, late = told["peak_mb_at_a_tenth"], told["peak_mb"]
    grown = (late - early) * 1e6 / (requests * 0.9)
    return [
        Row(what, f"memory at most after {requests // 10:,}, MB", f"{early:.0f}"),
        Row(what, f"memory at most after {requests:,}, MB", f"{late:.0f}"),
        at_most(what, "grown, bytes an answer (the ledger's index)", grown, BYTES_AN_ANSWER, "{:.0f}"),
    ]


def _told(way: str, server: LoadServer, requests: int, folder: Path) -> dict[str, Any]:
    say(f"ledger of {requests - MISSING:,} answers: {way}")
    client = Client(way, ("tests.bench.clients.big_ledger", way))
    with started(client, server, requests, folder) as running:
        return running.told()
