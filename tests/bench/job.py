"""What a client is told and what it tells: the arguments of its process and its one line of JSON.

    python -m tests.bench.clients.sdk http://127.0.0.1:4000/v1 3000 100 FOLDER workers

Only the standard library is used: peers run this in an environment of their own.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.bench.load import is_whole, prompt

MODEL = "bench"


class Job(NamedTuple):
    """Ask the first `requests` questions, `in_flight` at once; keep what is kept in `folder`."""

    base_url: str
    requests: int
    in_flight: int
    folder: Path

    @property
    def prompts(self) -> list[str]:
        """The questions, in order."""
        return [prompt(number) for number in range(self.requests)]


class Kept(NamedTuple):
    """What a client hands to its user: answers that are what was asked for, and answers that are not."""

    whole: int
    malformed: int


def job() -> Job:
    """The job on the command line."""
    base_url, requests, in_flight, folder = sys.argv[1:5]
    return Job(base_url, int(requests), int(in_flight), Path(folder))


def kept(texts: Iterable[str | None]) -> Kept:
    """Count answers; None is a question without one."""
    whole = malformed = 0
    for text in texts:
        if is_whole(text):
            whole += 1
        elif text is not None:
            malformed += 1
    return Kept(whole, malformed)


def peak_mb() -> float:
    """The most memory that this process ever held, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def cpu_s() -> float:
    """Seconds of CPU that this process has used: on a machine with other work, what is its own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(seconds: float, answers: Kept, **more: float) -> None:
    """Print what came of the job, and how long it took from the first call to having all answers."""
    told = {"seconds": seconds, **answers._asdict(), "peak_mb": peak_mb(), "cpu_s": cpu_s(), **more}
    print(json.dumps(told), flush=True)
