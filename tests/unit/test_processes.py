"""An engine never outlives the step that started it. Real processes, really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from janus_recipes.processes import (
    SCHEDULER_PID,
    SCHEDULER_SESSION,
    alone_in,
    last_lines,
    run_child,
    start_time,
    this_session,
)

ROOT = Path(__file__).parents[2]

ENGINE = """
import subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("pids", "w").write(f"{__import__('os').getpid()} {inner.pid}\\n")
time.sleep(600)
"""
"""Stands for an engine: it starts a process in a session of its own, as torchrun's workers are."""

STEP = """
import os, sys
from pathlib import Path
from janus_recipes.processes import alone_in, run_child, stop_when_scheduler_dies
stop_when_scheduler_dies()
with alone_in(Path("work")):
    run_child([sys.executable, "engine.py"], env=os.environ, log=Path("log"), grace_s=0.5)
"""

SCHEDULER = """
import os, subprocess, sys
os.environ["JANUS_SCHEDULER_PID"] = str(os.getpid())
subprocess.Popen([sys.executable, "step.py"], start_new_session=True).wait()
"""


def begun(tmp_path: Path, script: str) -> subprocess.Popen[bytes]:
    for name, text in (("engine.py", ENGINE), ("step.py", STEP), ("scheduler.py", SCHEDULER)):
        (tmp_path / name).write_text(text)
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environ)


def started(tmp_path: Path, script: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Run a script that ends in the engine; returns it and the engine's two processes, once they run."""
    process = begun(tmp_path, script)
    pids = tmp_path / "pids"
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    return process, [int(pid) for pid in pids.read_text().split()]


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def gone(pids: list[int]) -> bool:
    return all(start_time(pid) is None for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_engine_and_its_workers_end_with_the_step_that_started_them(tmp_path: Path, number: signal.Signals) -> None:
    step, engine = started(tmp_path, "step.py")
    step.send_signal(number)
    # SIGINT ends Python by a KeyboardInterrupt, which kills the process with that same signal.
    assert step.wait() == -number
    wait_until(lambda: gone(engine))


def test_a_work_folder_is_free_only_when_the_killed_steps_engine_is_gone(tmp_path: Path) -> None:
    step, engine = started(tmp_path, "step.py")
    step.kill()
    with alone_in(tmp_path / "work"):
        assert gone(engine)
    step.wait()


def test_an_engine_ends_within_seconds_when_snakemake_is_killed(tmp_path: Path) -> None:
    scheduler, engine = started(tmp_path, "scheduler.py")
    assert not gone(engine)
    scheduler.kill()
    scheduler.wait()
    wait_until(lambda: gone(engine), seconds=3)


def killed_scheduler() -> int:
    """The process id of one that is gone."""
    scheduler = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    scheduler.kill()
    scheduler.wait()
    return scheduler.pid


def test_a_step_whose_snakemake_was_killed_before_it_began_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SCHEDULER_PID, str(killed_scheduler()))
    monkeypatch.setenv(SCHEDULER_SESSION, this_session())
    assert begun(tmp_path, "step.py").wait() == 1
    assert "killed before this step could begin" in capfd.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_cluster_job_goes_on_where_its_snakemakes_process_id_means_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SCHEDULER_PID, str(killed_scheduler()))
    monkeypatch.setenv(SCHEDULER_SESSION, "login-node/4711")
    step, engine = started(tmp_path, "step.py")
    assert not gone(engine)
    step.terminate()
    step.wait()


def test_another_machines_process_id_does_not_end_a_cluster_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setenv(SCHEDULER_PID, str(stranger.pid))
    step, engine = started(tmp_path, "step.py")
    stranger.communicate(b"\n")
    time.sleep(1.2)  # two polls of the watcher
    assert not gone(engine)
    step.terminate()
    step.wait()


def test_an_engines_words_and_exit_code_come_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", "import sys; print('learning'); sys.exit('no memory left')"]
    assert run_child(command, env=os.environ, log=tmp_path / "log") == 1
    assert last_lines(tmp_path / "log", 2) == "learning\nno memory left"
    assert "no memory left" in capfd.readouterr().err


def test_an_engine_killed_by_the_kernel_has_the_exit_code_a_shell_would_give(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    assert run_child(command, env=os.environ, log=tmp_path / "log") == 128 + 9


def test_a_worker_left_behind_by_its_engine_is_ended(tmp_path: Path) -> None:
    script = "import subprocess; p = subprocess.Popen(['sleep', '600'], start_new_session=True); print(p.pid)"
    assert run_child([sys.executable, "-c", script], env=os.environ, log=tmp_path / "log") == 0
    assert gone([int((tmp_path / "log").read_text())])


def test_the_last_words_leave_out_what_a_progress_bar_wrote_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"10%\r50%\r100%\nout of memory\n")
    assert last_lines(tmp_path / "log", 2) == "100%\nout of memory"
