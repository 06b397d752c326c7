"""How far the asking is: a live line on a terminal, a plain line every 30 s in a log, one line at the end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import TextIO

from rich.console import Console

from janus_recipes.llm.report import AskReport

LOG_EVERY_S = 30.0
TERMINAL_EVERY_S = 0.25
RATE_OVER_S = 60.0
"""The rate is that of the last minute: what a rate limit or a slow provider makes of it now decides the time left."""


class Progress:
    """Prints the state of one `AskReport` to `out`, which is standard error unless told otherwise.

    `total` is how many rows there will be at most, where it is known; without it no time left is told.
    """

    def __init__(self, report: AskReport, total: int | None = None, out: TextIO | None = None) -> None:
        self.report = report
        self.in_flight = 0
        self.limit = ""
        """The limit in force, in words: "64 in flight, 480 requests/min"."""
        self._total = total
        self._done = 0
        self._out = out or sys.stderr
        self._start = time.monotonic()
        self._seen = deque([(self._start, 0)])

    async def keep_showing(self) -> None:
        """Show the state until cancelled, or until nobody can see it any more."""
        # rich ends the whole program where its output is gone.
        with suppress(OSError, ValueError, SystemExit):
            await self._show()

    async def _show(self) -> None:
        if not self._out.isatty():
            while True:
                await asyncio.sleep(LOG_EVERY_S)
                self.say(self.line())
        with Console(file=self._out).status("") as status:
            while True:
                status.update(self.line())
                await asyncio.sleep(TERMINAL_EVERY_S)

    def line(self) -> str:
        """Done of all, rate of answers, in flight and the limit in force, statuses, tokens, dollars, time left."""
        report, rate = self.report, self._rate()
        # Walked again, rows are counted from the first; shown is what was done before, until there is more.
        self._done = done = max(self._done, report.statuses.total())
        rows = f"{report.rows:,} rows so far" if self._total is None else f"{self._total:,} rows"
        limit = f" (limit: {self.limit})" if self.limit else ""
        left = self._time_left(done, rate)
        return (
            f"{report.model}: {done:,}/{rows}, {rate:.1f} answers/s, {self.in_flight} in flight{limit}"
            f"{self._details()}{f'; {left} left' if left else ''}"
        )

    def summary(self) -> str:
        """What the run came to."""
        report = self.report
        latency = report.latencies.as_json()
        estimated = f" ({report.estimated:,} answers without usage: estimated)" if report.estimated else ""
        answered = f"; an answer took {latency['p50_s']:g} s (p50), {latency['p99_s']:g} s (p99)" if latency else ""
        return (
            f"{report.model}: {report.rows:,} rows, {report.from_ledger:,} from the ledger, "
            f"{report.asked:,} answers asked for ({report.re_asked:,} again), {report.retries:,} retries, "
            f"{time.monotonic() - self._start:.1f} s{self._details()}{estimated}{answered}"
        )

    def say(self, line: str) -> None:
        """Print one line now. Where nobody reads it any more, asking goes on without a word."""
        try:
            print(line, file=self._out, flush=True)
        except (OSError, ValueError):
            self._say_no_more()

    def _say_no_more(self) -> None:
        """Send to nowhere what else this process prints there, else the interpreter fails over it when it ends."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)

    def _rate(self) -> float:
        """Answers a second, over the last minute."""
        now = time.monotonic()
        self._seen.append((now, self.report.asked))
        while len(self._seen) > 2 and now - self._seen[1][0] > RATE_OVER_S:
            self._seen.popleft()
        began, before = self._seen[0]
        return (self.report.asked - before) / max(now - began, 1e-9)

    def _time_left(self, done: int, rate: float) -> str:
        if self._total is None or rate <= 0 or done >= self._total:
            return ""
        return str(timedelta(seconds=round((self._total - done) / rate)))

    def _details(self) -> str:
        report = self.report
        statuses = ", ".join(f"{status} {count:,}" for status, count in sorted(report.statuses.items()))
        faults = ", ".join(f"{label} {count:,}" for label, count in report.faults.most_common(3))
        tokens = f"{report.prompt_tokens:,} + {report.completion_tokens:,} tokens" if report.asked else ""
        dollars = f"${report.usd:,.2f}" if report.asked and report.usd is not None else ""
        parts = (statuses, f"faults: {faults}" if faults else "", tokens, dollars)
        return "".join(f"; {part}" for part in parts if part)
