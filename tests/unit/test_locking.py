"""Locks, with real processes that hold them and are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.locking import Owner, held, hold_until_exit

HOLD = """
import sys, time
from pathlib import Path
from janus_recipes.locking import held
with held(Path(sys.argv[1]), wait_s=float(sys.argv[2]), what="the test"):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""

HOLD_UNTIL_EXIT = """
import sys
from pathlib import Path
from janus_recipes.locking import hold_until_exit
hold_until_exit(Path(sys.argv[1]), "the recipe janus", note="its log", clean_up=lambda killed: print(killed.note))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said "held"."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def take(path: Path, wait_s: float = 0, what: str = "the test") -> None:
    """Hold a lock for a moment."""
    with held(path, wait_s, what):
        pass


def test_who_cannot_have_a_lock_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    with process(HOLD, tmp_path / "lock", 0, 60) as holder, pytest.raises(StepError) as refused:
        take(tmp_path / "lock", what="the training of janus-7b")
    message = str(refused.value)
    assert f"process {holder.pid} on " in message
    assert "is working on the training of janus-7b" in message
    assert "let it finish, or stop it, then run the same command again" in message


def test_a_holder_killed_with_kill_9_leaves_no_lock(tmp_path: Path) -> None:
    with process(HOLD, tmp_path / "lock", 0, 60) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    take(tmp_path / "lock")


def test_a_lock_is_waited_for_until_its_holder_ends(tmp_path: Path) -> None:
    begun = time.monotonic()
    with process(HOLD, tmp_path / "lock", 0, 1.5), held(tmp_path / "lock", wait_s=30, what="the test"):
        assert 1.0 < time.monotonic() - begun < 20


def test_waiting_ends_with_a_message_when_the_time_is_up(tmp_path: Path) -> None:
    with process(HOLD, tmp_path / "lock", 0, 60), pytest.raises(StepError, match=r"waited 1 s"):
        take(tmp_path / "lock", wait_s=1)


def test_of_many_at_once_one_holds_the_lock_at_a_time(tmp_path: Path) -> None:
    # Each reads a number, waits, and writes it back plus one: lost updates would show.
    count = (
        "import sys, time\nfrom pathlib import Path\nfrom janus_recipes.locking import held\n"
        "total = Path(sys.argv[2])\n"
        "with held(Path(sys.argv[1]), wait_s=60, what='the test'):\n"
        "    seen = int(total.read_text())\n    time.sleep(0.05)\n    total.write_text(str(seen + 1))\n"
    )
    total = tmp_path / "total"
    total.write_text("0")
    children = [subprocess.Popen([sys.executable, "-c", count, tmp_path / "lock", total]) for _ in range(5)]
    assert [child.wait() for child in children] == [0] * 5
    assert total.read_text() == "5"


def test_a_lock_whose_folder_was_removed_meanwhile_still_keeps_others_out(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "lock"
    with process(HOLD, lock, 0, 60):
        lock.unlink()
        with held(lock, wait_s=0, what="the test"), pytest.raises(StepError):
            take(lock)


def test_children_of_the_holder_do_not_keep_its_lock(tmp_path: Path) -> None:
    with held(tmp_path / "lock", wait_s=0, what="the test"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        take(tmp_path / "lock")
    finally:
        child.kill()
        child.wait()


def test_a_run_that_was_killed_is_cleaned_up_after_by_the_next_one(tmp_path: Path) -> None:
    with process(HOLD_UNTIL_EXIT, tmp_path / "lock") as run:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    seen: list[Owner] = []
    hold_until_exit(tmp_path / "lock", "the recipe janus", clean_up=seen.append)
    assert [(killed.pid, killed.note) for killed in seen] == [(run.pid, "its log")]


def test_a_run_that_ended_by_itself_leaves_nothing_to_clean_up(tmp_path: Path) -> None:
    with process(HOLD_UNTIL_EXIT, tmp_path / "lock") as run:
        run.communicate("", timeout=30)
    with process(HOLD_UNTIL_EXIT, tmp_path / "lock"):  # it would print its predecessor's note before "held"
        pass


def test_a_second_run_of_a_recipe_is_refused_at_once(tmp_path: Path) -> None:
    refused = pytest.raises(StepError, match="is working on the recipe janus: let it finish")
    with process(HOLD_UNTIL_EXIT, tmp_path / "lock"), refused:
        hold_until_exit(tmp_path / "lock", "the recipe janus")


def test_a_clean_up_that_failed_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    with process(HOLD_UNTIL_EXIT, tmp_path / "lock") as run:
        run.send_signal(signal.SIGKILL)
        run.wait()

    def fail(killed: Owner) -> None:
        raise StepError("Slurm does not answer")

    with pytest.raises(StepError, match="Slurm does not answer"):
        hold_until_exit(tmp_path / "lock", "the recipe janus", clean_up=fail)
    seen: list[Owner] = []
    hold_until_exit(tmp_path / "lock", "the recipe janus", clean_up=seen.append)
    assert [killed.pid for killed in seen] == [run.pid]
