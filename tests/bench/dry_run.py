"""Planning the whole paper, against starting Snakemake alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.bench.running import ROOT, say
from tests.bench.table import Row

SNAKEMAKE = Path(sys.executable).with_name("snakemake")


def bench_dry_run() -> list[Row]:
    """Seconds of `snakemake -n` on the paper's recipe, and how many times those of `snakemake --version`."""
    say("dry run of the paper")
    alone = _seconds("--version")
    paper = _seconds("-n", "--configfile", "recipes/janus.yaml")
    return [
        Row("dry run of the paper", "seconds", f"{paper:.1f}"),
        Row("dry run of the paper", "times `snakemake --version`", f"{paper / alone:.1f}"),
    ]


def _seconds(*arguments: str) -> float:
    """The better of two runs: the first may find nothing in the disk's cache."""
    took: list[float] = []
    for _ in range(2):
        began = time.perf_counter()
        subprocess.run([SNAKEMAKE, *arguments], cwd=ROOT, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    return min(took)
