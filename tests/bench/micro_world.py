"""The rehearsal's provider in a process of its own, so that its processor time is not the client's.

python -m tests.bench.micro_world       prints its address, serves until it is killed
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.rehearsal.server import serving
from tests.bench.running import ROOT


@dataclass(frozen=True)
class MicroWorld:
    """A server that runs."""

    base_url: str
    pid: int

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, by proc(5): the fields 14 and 15, of which two end with the name."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def micro_world() -> Iterator[MicroWorld]:
    """A server without latency and faults."""
    command = [sys.executable, "-m", "tests.bench.micro_world"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield MicroWorld(process.stdout.readline().strip(), process.pid)
        finally:
            process.kill()


def main() -> None:
    """Serve until killed."""
    with serving() as world:
        print(world.base_url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that measures ends it
    main()
