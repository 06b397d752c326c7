"""The rehearsal's provider in a process of its own, so that its processor time is not the client's.

python -m tests.bench.micro_world       prints its address; for each line that it is sent, what it has seen
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from janus_recipes.rehearsal.server import Stats, serving
from tests.bench.running import ROOT


@dataclass(frozen=True)
class MicroWorld:
    """A server that runs."""

    base_url: str
    process: subprocess.Popen[str]

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, by proc(5): the fields 14 and 15, of which two end with the name."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def stats(self) -> Stats:
        """What it has seen so far, by its own count: what was paid for and lost is asked for again."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Stats(**json.loads(self.process.stdout.readline()))


@contextmanager
def micro_world() -> Iterator[MicroWorld]:
    """A server without latency and faults."""
    command = [sys.executable, "-m", "tests.bench.micro_world"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield MicroWorld(process.stdout.readline().strip(), process)
        finally:
            process.kill()


def main() -> None:
    """Serve until the one that measures is gone, and tell it the counters whenever it sends a line."""
    with serving() as world:
        print(world.base_url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(asdict(world.stats())), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that measures ends it
    main()
