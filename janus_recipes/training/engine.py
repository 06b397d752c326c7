"""One run of a training engine, axolotl or OpenRLHF: its log, its end by a signal, and what its failure means.

run_engine("axolotl", command, env=environ, log=work / "axolotl.log", what=str(config), continues_from=last_step)
"""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from janus_recipes.errors import StepError
from janus_recipes.processes import last_lines, run_child
from janus_recipes.training.failures import why_it_failed, why_it_was_killed

START = "=== janus train: "
"""Begins the line that is logged at each start."""

GRACE_S = 110.0
"""What a training gets between SIGTERM and SIGKILL, in seconds: a step and a checkpoint of a 7B (29 GB by axolotl with
8-bit Adam; 100 GB by OpenRLHF, written by all its GPUs, so to a disk that takes 1 GB/s and more). The Slurm
profile has the signal sent 120 s before the time is out."""

STEPS_DONE = re.compile(r"^\s*\d+%\|[^|\n]*\|\s*(\d+)/(\d+) \[", re.MULTILINE)
"""A progress bar without a name: transformers' own of the steps."""


class EngineFailed(StepError):
    """The engine ended with an error: its exit code, and a message for the user."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


def run_engine(
    engine: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    what: str,
    continues_from: Callable[[], int | None],
) -> None:
    """Run `command` to its end, its output appended to `log` after a line that says where this start begins.

    `what` names the configuration. `continues_from` gives the step of the last whole checkpoint, None where there is
    none. Raises EngineFailed, with the last words and the cause where it is known, and StepError when SIGTERM stopped
    it. Both say from which step the same command goes on.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    begins = f"{START}{what}, from step {continues_from() or 0}\n"
    print(begins, end="", file=sys.stderr, flush=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(begins)
    try:
        with sigterm_raised():
            code = run_child(command, env=env, log=log, grace_s=GRACE_S)
    except Stopped:
        raise StepError(f"{what}: stopped by SIGTERM{_at(log)}; {_goes_on(continues_from())}") from None
    if code != 0:
        cause = why_it_failed(last_start(log)) or why_it_was_killed(code) or "the cause is not known: read the log"
        raise EngineFailed(
            code,
            f"{what}: {engine} failed (exit {code}). Its last words:\n{last_lines(log)}\n"
            f"{engine} failed: {cause}. Then {_goes_on(continues_from())}",
        )


def last_start(log: Path) -> str:
    """What was logged since the last start."""
    return log.read_text(encoding="utf-8", errors="replace").rpartition(START)[2] if log.exists() else ""


class Stopped(Exception):
    """SIGTERM was sent to us."""


@contextlib.contextmanager
def sigterm_raised() -> Iterator[None]:
    """Inside, SIGTERM raises Stopped, so that there is something left to say."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    usual = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


def _at(log: Path) -> str:
    """How far it was, by its progress bar."""
    steps = STEPS_DONE.findall(last_start(log).replace("\r", "\n"))
    return f" at step {steps[-1][0]} of {steps[-1][1]}" if steps else ""


def _goes_on(step: int | None) -> str:
    return "the same command begins anew" if step is None else f"the same command continues from step {step}"
