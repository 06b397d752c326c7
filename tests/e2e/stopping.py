"""Stop a run as people and machines do, and see that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def wait_until(true: Callable[[], object], run: subprocess.Popen[str], what: str) -> None:
    """Wait for something to become true while a run goes on."""
    for _ in range(6000):
        if true():
            return
        assert run.poll() is None, f"the run ended before {what}"
        time.sleep(0.05)
    raise AssertionError(f"{what}: did not happen")


def kill(run: subprocess.Popen[str]) -> None:
    """kill -9 of Snakemake alone: its jobs live on, as they do when the kernel runs out of memory."""
    run.send_signal(signal.SIGKILL)
    run.wait()


def ctrl_c(run: subprocess.Popen[str]) -> None:
    """What a terminal does: SIGINT to the whole process group."""
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() != 0


def no_orphan_is_left(folder: Path) -> None:
    """Wait until no process works in a folder any more. Fails after ten seconds."""
    for _ in range(200):
        if not _working_in(folder):
            return
        time.sleep(0.05)
    raise AssertionError(f"orphans live on: {_working_in(folder)}")


def _working_in(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                process.joinpath("cwd").resolve() == folder
                and "snakemake" not in process.joinpath("cmdline").read_text()
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found


every_stop = pytest.mark.parametrize(
    "stop", [pytest.param(kill, id="kill -9"), pytest.param(ctrl_c, id="ctrl-c", marks=pytest.mark.matrix)]
)
"""A test for each way to stop a run. `make test` takes the hardest; `make faults` the other as well."""
