"""What a person sees while a step asks."""

import asyncio
import io
import subprocess
import sys

import pytest

from janus_recipes.llm import progress
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.report import AskReport
from janus_recipes.records import Status


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_line_tells_done_rate_limit_statuses_dollars_and_time_left(clock: Clock) -> None:
    report = AskReport("teacher", rows=200, usd=0.0)
    shown = Progress(report, total=1000)
    shown.in_flight, shown.limit = 8, "8 in flight, 480 requests/min"
    clock.now += 10
    report.asked, report.usd = 100, 1.25
    report.statuses.update({Status.OK: 98, Status.REFUSED: 2})
    report.faults["rate limited (429)"] = 3
    # 100 answers in 10 s are 10 a second; the 900 rows left take 90 s.
    assert shown.line() == (
        "teacher: 100/1,000 rows, 10.0 answers/s, 8 in flight (limit: 8 in flight, 480 requests/min); "
        "ok 98, refused 2; faults: rate limited (429) 3; 0 + 0 tokens; $1.25; 0:01:30 left"
    )


def test_the_rate_is_that_of_the_last_minute(clock: Clock) -> None:
    report = AskReport("teacher")
    shown = Progress(report)
    for _ in range(12):  # 2 answers a second for two minutes
        clock.now += 10
        report.asked += 20
        shown.line()
    for _ in range(7):  # then one a second
        clock.now += 10
        report.asked += 10
        line = shown.line()
    assert "1.0 answers/s" in line


def test_what_was_done_does_not_fall_while_the_rows_are_walked_again(clock: Clock) -> None:
    report = AskReport("teacher", rows=100)
    shown = Progress(report, total=100)
    clock.now += 10
    report.asked, report.statuses[Status.OK] = 100, 100
    assert "100/100 rows" in shown.line()
    report.statuses.clear()
    report.statuses[Status.OK] = 40  # so far, of the second walk
    assert "100/100 rows" in shown.line() and "left" not in shown.line()


def test_the_summary_tells_what_the_run_came_to(clock: Clock) -> None:
    report = AskReport("judge", rows=12, from_ledger=2, asked=11, re_asked=1, retries=4, usd=0.5)
    report.statuses[Status.OK] = 12
    for _ in range(11):
        report.latencies.add(0.5)
    shown = Progress(report)
    clock.now += 3
    text = shown.summary()
    assert "12 rows, 2 from the ledger, 11 answers asked for (1 again), 4 retries, 3.0 s; ok 12" in text
    assert "$0.50" in text and "s (p50)" in text


def test_an_unknown_price_is_not_shown_as_nothing(clock: Clock) -> None:
    report = AskReport("judge", asked=3, usd=None)
    assert "$" not in Progress(report, out=io.StringIO()).line()


class Gone(io.StringIO):
    """A reader that is gone."""

    tried = 0

    def write(self, text: str) -> int:
        self.tried += 1
        raise BrokenPipeError

    def isatty(self) -> bool:
        return True


def test_a_line_that_nobody_can_read_any_more_fails_nothing() -> None:
    out = Gone()
    shown = Progress(AskReport("judge"), out=out)
    shown.say("a line")
    said = out.tried
    asyncio.run(asyncio.wait_for(shown.keep_showing(), timeout=5))  # gives up instead of raising, or going on for ever
    assert 0 < said < out.tried


TOLD_INTO_A_CLOSED_PIPE = """
import os, sys
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.report import AskReport
sys.stdin.read()  # until the other end of stderr is closed
Progress(AskReport("judge")).say("a line")
print("all was asked")
"""


def test_a_run_whose_log_is_gone_ends_well_all_the_same() -> None:
    pipe = subprocess.PIPE
    run = subprocess.Popen([sys.executable, "-c", TOLD_INTO_A_CLOSED_PIPE], stdin=pipe, stdout=pipe, stderr=pipe)
    assert run.stderr and run.stdin and run.stdout
    run.stderr.close()
    run.stdin.close()
    assert run.stdout.read() == b"all was asked\n"
    assert run.wait() == 0
    run.stdout.close()
