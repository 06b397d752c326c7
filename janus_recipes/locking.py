"""Locks that cannot go stale: the kernel holds them, and lets go when their holder ends, by kill -9 too.

    with held(work / ".lock", wait_s=120, what="the training of janus-7b"):
        ...
    hold_until_exit(Path(".snakemake/run-janus.lock"), "the recipe janus")

A lock is `flock(2)` on a file that stays where it is; the file says who holds it (host, process, since), so that
whoever cannot have it can be told. On NFS the lock holds between machines too, unless it is mounted with `local_lock`
or `nolock`. Children started with `subprocess` do not share the lock: it goes when the process that took it ends.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from janus_recipes.errors import StepError

POLL_S = 0.5
"""How often a lock that is taken is tried again. `flock` can wait by itself, but not with a limit."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""How a file system says that it keeps no locks."""


class Taken(StepError):
    """Another process holds the lock."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock. `job` is the Slurm job's id, `note` what the holder wished to leave to the next one."""

    host: str
    pid: int
    since: str
    job: str = ""
    note: str = ""

    def __str__(self) -> str:
        job = f", Slurm job {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}, since {self.since}"


@contextmanager
def held(path: Path, wait_s: float, what: str) -> Iterator[None]:
    """Hold the lock `path` inside; wait up to `wait_s` seconds for it. `what` is named to whoever cannot have it.

    Raises Taken where another process keeps it for longer, StepError where the file system keeps no locks.
    """
    lock = _taken(path, wait_s, what)
    _write(lock, note="")
    try:
        yield
    finally:
        _leave(lock)


def hold_until_exit(
    path: Path, what: str, note: str = "", clean_up: Callable[[Owner], object] = lambda killed: None
) -> None:
    """Hold the lock `path` as long as this process lives. Does not wait: raises StepError where another one holds it.

    Where the holder before us was killed, `clean_up` is called with it first; should that fail, the next one tries it
    again. `note` is what ours would be told.
    """
    lock = _taken(path, 0, what)
    killed = _owner_in(path)
    try:
        if killed is not None:
            clean_up(killed)
    except BaseException:
        os.close(lock)
        raise
    _write(lock, note)
    atexit.register(_leave, lock)


def _taken(path: Path, wait_s: float, what: str) -> int:
    """The descriptor of the file `path`, locked. The file may still name an owner who was killed."""
    deadline = time.monotonic() + wait_s
    told = False
    while (lock := _tried(path)) is None:
        owner = _owner_in(path)
        if time.monotonic() >= deadline:
            raise Taken(_taken_by(owner, what, wait_s))
        if not told:
            print(f"{path}: waiting up to {wait_s:.0f} s for {owner or 'another process'}", file=sys.stderr)
            told = True
        time.sleep(min(POLL_S, wait_s))
    return lock


def _tried(path: Path) -> int | None:
    """The descriptor of the file `path`, locked, or None where another process has the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(lock)
        if isinstance(problem, BlockingIOError):
            return None
        raise _no_locks(path, problem) if problem.errno in NO_LOCKS else problem from None
    if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
        return lock
    os.close(lock)  # the file was removed with its folder after we opened it: a lock on it keeps nobody out
    return _tried(path)


def _leave(lock: int) -> None:
    """Let go, and leave no owner behind: that is how the next holder knows that we were not killed."""
    os.ftruncate(lock, 0)
    os.close(lock)


def _write(lock: int, note: str) -> None:
    owner = Owner(socket.gethostname(), os.getpid(), _now(), os.environ.get("SLURM_JOB_ID", ""), note)
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(asdict(owner)).encode(), 0)


def _owner_in(path: Path) -> Owner | None:
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # gone, empty or half-written: its holder is only just coming or going
        return None


def _taken_by(owner: Owner | None, what: str, wait_s: float) -> str:
    waited = f" (waited {wait_s:.0f} s)" if wait_s else ""
    who = f"another process ({owner})" if owner else "another process"
    return f"{who} is working on {what}{waited}: let it finish, or stop it, then run the same command again"


def _no_locks(path: Path, problem: OSError) -> StepError:
    return StepError(
        f"{path}: this file system keeps no locks ({problem.strerror}), and without them two runs could write the same "
        "files. Use a folder on one that does; Lustre does when it is mounted with -o flock"
    )


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
