"""How far the asking is: a live line on a terminal, a plain line every 30 s in a log, one line at the end."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TextIO

from rich.console import Console

from janus_recipes.llm.report import AskReport

LOG_EVERY_S = 30.0
TERMINAL_EVERY_S = 0.25


class Progress:
    """Prints the state of one `AskReport` to `out`, which is standard error unless told otherwise."""

    def __init__(self, report: AskReport, out: TextIO | None = None) -> None:
        self.report = report
        self.in_flight = 0
        self._out = out or sys.stderr
        self._start = time.monotonic()

    async def keep_showing(self) -> None:
        """Show the state until cancelled."""
        if not self._out.isatty():
            while True:
                await asyncio.sleep(LOG_EVERY_S)
                self.say(self.line())
        with Console(file=self._out).status("") as status:
            while True:
                status.update(self.line())
                await asyncio.sleep(TERMINAL_EVERY_S)

    def line(self) -> str:
        """Done of seen so far, rate of answers, requests in flight, rows by status, tokens paid for."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        return (
            f"{self.report.model}: {self.report.statuses.total():,}/{self.report.rows:,} rows so far, "
            f"{self.report.asked / seconds:.1f} answers/s, {self.in_flight} in flight{self._details()}"
        )

    def summary(self) -> str:
        """What the run came to."""
        report = self.report
        return (
            f"{report.model}: {report.rows:,} rows, {report.from_ledger:,} from the ledger, "
            f"{report.asked:,} answers asked for ({report.re_asked:,} again), {report.retries:,} retries, "
            f"{time.monotonic() - self._start:.1f} s{self._details()}"
        )

    def say(self, line: str) -> None:
        """Print one line now."""
        print(line, file=self._out, flush=True)

    def _details(self) -> str:
        report = self.report
        statuses = ", ".join(f"{status} {count:,}" for status, count in sorted(report.statuses.items()))
        tokens = f"{report.prompt_tokens:,} + {report.completion_tokens:,} tokens" if report.asked else ""
        return "".join(f"; {part}" for part in (statuses, tokens) if part)
