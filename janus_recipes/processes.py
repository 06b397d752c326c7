"""Run an engine as a child that never outlives us: not after Ctrl-C, a cluster's SIGTERM, or a kill -9.

    run_child([".envs/axolotl/bin/axolotl", "train", "axolotl.yaml"], env=environment, log=work / "axolotl.log")
    with child_beside([".envs/vllm/bin/python", "-m", ...], env=environment, log=work / "vllm.log"):  # a server

Between us and the engine stands a guard, this very file run as a script with nothing but the standard library. The
kernel tells the guard when we die (PR_SET_PDEATHSIG), and hands it every process whose own parent has died
(PR_SET_CHILD_SUBREAPER), so it finds all of the engine's descendants, those in sessions of their own included:

    the step ends or is asked to stop   the engine gets SIGTERM, then SIGKILL after the grace
    the step is killed (kill -9)        the engine gets SIGKILL at once, so that the next run meets no second writer
    Snakemake is killed (kill -9)       `stop_when_scheduler_dies` notices within half a second, and does the same
    the guard is killed                 the engine's first process is killed by the kernel

`alone_in(work)` keeps a second writer out of a work folder, also the killed step's own engine in its last moments.
Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

SCHEDULER_PID = "JANUS_SCHEDULER_PID"
"""Environment variable with Snakemake's process id. Snakemake's jobs live on when it is killed with kill -9."""

SCHEDULER_SESSION = "JANUS_SCHEDULER_SESSION"
"""Environment variable with Snakemake's host and session: its own jobs share them, a cluster's jobs do not."""

GRACE_S = 10.0
"""What an engine gets between SIGTERM and SIGKILL, in seconds."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.5

_guards: set[subprocess.Popen[bytes]] = set()
_locks: set[int] = set()


@contextlib.contextmanager
def alone_in(work: Path) -> Iterator[None]:
    """Hold the folder `work` inside; wait for whoever holds it, and say so.

    Guards started inside hold it with us, to their own end: when this process is killed, the next one enters only when
    the last process of its engine is gone. The lock is a file beside the folder, which may be deleted inside.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.with_name(f".{work.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{work}: waiting for another process that works there\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        _locks.add(file.fileno())
        try:
            yield
        finally:
            _locks.discard(file.fileno())
            fcntl.flock(file, fcntl.LOCK_UN)


def run_child(command: Sequence[str], *, env: Mapping[str, str], log: Path, grace_s: float = GRACE_S) -> int:
    """Run `command` to its end and return its exit code; a death by signal N is 128 + N, as in a shell.

    Its stdout and stderr go to our stderr and are appended to `log`. SIGTERM and SIGINT sent to us stop it, with the
    grace, and then take effect on us. Call it from the main thread: the kernel's death signal watches that thread.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        _stopping_on_signal() as stop_asked,
        log.open("ab", buffering=0) as kept,  # what was said last is there when we are killed
        _guarded(command, env, subprocess.PIPE, grace_s) as guard,
    ):
        stop_asked.call(guard.terminate)
        _copy_output(guard, kept.write)
        code = guard.wait()
        return code if code >= 0 else 128 - code


@contextlib.contextmanager
def child_beside(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, grace_s: float = GRACE_S
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` beside us while the block lasts; at its end it gets SIGTERM, then SIGKILL after the grace.

    Gives its guard, whose `poll()` is None while it runs. Its stdout and stderr are appended to `log`. Call it from the
    main thread, as `run_child`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as kept, _guarded(command, env, kept, grace_s) as guard:
        yield guard


@contextlib.contextmanager
def _guarded(
    command: Sequence[str], env: Mapping[str, str], output: IO[bytes] | int, grace_s: float
) -> Iterator[subprocess.Popen[bytes]]:
    """The guard of a new child, which writes to `output`. Both are gone when the block ends."""
    guard = subprocess.Popen(
        [sys.executable, "-P", __file__, str(os.getpid()), str(grace_s), *command],
        # Engines keep the bytecode of what they import in their own environments: it halves the time of every start.
        env={name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(_locks),
    )
    _guards.add(guard)
    try:
        yield guard
    finally:
        guard.terminate()
        guard.wait()
        _guards.discard(guard)


def last_lines(log: Path, count: int = 20) -> str:
    """The last lines of an engine's log, for an error message. Progress bars count as the line they end as."""
    if not log.exists():
        return ""
    with log.open("rb") as data:
        data.seek(max(0, log.stat().st_size - 65536))
        text = data.read().decode(errors="replace")
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-count:])


def stop_when_scheduler_dies() -> None:
    """End this process and its engine when the process that JANUS_SCHEDULER_PID names is gone.

    Does nothing where the variable is not set or names none of our ancestors: a cluster's jobs inherit the variable on
    another machine, where the number may belong to anybody, and the cluster itself cancels jobs.
    """
    pid = int(os.environ.get(SCHEDULER_PID, "0"))
    started = start_time(pid)
    if started is not None and pid in ancestors(os.getpid()):
        threading.Thread(target=_watch_scheduler, args=(pid, started), daemon=True).start()
    elif started is None and os.environ.get(SCHEDULER_SESSION) == this_session():
        sys.stderr.write(f"Snakemake (process {pid}) was killed before this step could begin: stopping\n")
        raise SystemExit(1)


def this_session() -> str:
    """This machine and session: what a process shares with the children that it starts plainly."""
    return f"{socket.gethostname()}/{os.getsid(0)}"


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22); None where it is gone or a zombie.

    A process id is used again one day; id and start time together are not.
    """
    fields = _stat_fields(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def _watch_scheduler(pid: int, started: int) -> None:
    while start_time(pid) == started:
        time.sleep(POLL_S)
    sys.stderr.write(f"Snakemake (process {pid}) is gone: stopping\n")
    for guard in list(_guards):
        guard.send_signal(signal.SIGUSR1)
        guard.wait()
    os._exit(1)


class _Stop:
    """A signal handler that stops the child; the signal itself is kept, to be raised afterwards."""

    received: int | None = None
    _stop: Callable[[], None] = staticmethod(lambda: None)

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        self._stop()

    def call(self, stop: Callable[[], None]) -> None:
        """Call `stop` when a signal comes, or now if one came before there was a child."""
        self._stop = stop
        if self.received is not None:
            stop()


@contextlib.contextmanager
def _stopping_on_signal() -> Iterator[_Stop]:
    """Inside, SIGTERM and SIGINT stop the child; afterwards they act on us as they would have without it."""
    stop = _Stop()
    usual = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if stop.received is not None:
            os.kill(os.getpid(), stop.received)


def _copy_output(guard: subprocess.Popen[bytes], keep: Callable[[bytes], object]) -> None:
    """Copy what the child writes, as it comes, to our stderr and to `keep`."""
    assert guard.stdout is not None
    while block := os.read(guard.stdout.fileno(), 65536):
        keep(block)
        sys.stderr.write(block.decode(errors="replace"))
        sys.stderr.flush()


# The guard. It runs in a process of its own.


def watch_over(parent: int, grace_s: float, command: Sequence[str]) -> int:
    """Run `command`, end all its descendants with it, and return its exit code."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda number, _frame: asked.append(number))
    if os.getppid() != parent:  # it died before the line above could ask to be told
        return 128 + signal.SIGKILL
    child = subprocess.Popen(command, preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    code = _wait_for(child, asked, grace_s)
    _end_descendants(signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _wait_for(child: subprocess.Popen[bytes], asked: list[int], grace_s: float) -> int:
    """The child's exit code. Once asked to stop, it has the grace, or nothing at all when our parent is dead."""
    deadline: float | None = None
    while (code := child.poll()) is None:
        if signal.SIGUSR1 in asked or (deadline is not None and time.monotonic() > deadline):
            _end_descendants(signal.SIGKILL)
        elif asked and deadline is None:
            deadline = time.monotonic() + grace_s
            _end_descendants(signal.SIGTERM)
        time.sleep(0.05)
    return code


def _end_descendants(number: signal.Signals) -> None:
    """Send a signal to every descendant; with SIGKILL, until none is left."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number != signal.SIGKILL:
            return
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """The living processes below `pid`, zombies left out."""
    below: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat_fields(int(entry))) is not None and fields[0] not in "ZX":
            below.setdefault(int(fields[1]), []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        children = below.get(queue.pop(), [])
        found += children
        queue += children
    return found


def ancestors(pid: int) -> Iterator[int]:
    """The parent of `pid`, its parent, and so on up to the first process."""
    while (fields := _stat_fields(pid)) is not None and (pid := int(fields[1])) > 0:
        yield pid


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third, the state, on; the second may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


if __name__ == "__main__":
    sys.exit(watch_over(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
