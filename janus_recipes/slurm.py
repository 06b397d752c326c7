"""End the Slurm jobs of a run whose Snakemake was killed.

They belong to Slurm and go on, but a new Snakemake does not know them and submits the same work again: two writers, and
a job still queued would later delete what the new run made. So a new run first cancels them (`running.lock_run` in the
Snakefile); their work goes on from its last row or checkpoint. Slurm names all jobs of one run by the run's id, which
stands in Snakemake's log.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from janus_recipes.errors import StepError

WAIT_S = 180.0
"""Slurm gives a cancelled job time to stop: KillWait, 30 s by default, and its epilogue."""


def cancel_left_over_jobs(log: Path, wait_s: float = WAIT_S) -> list[str]:
    """Cancel the jobs still queued or running of the run that wrote the Snakemake log `log`; wait until they are gone.

    Returns their ids: none where the log is gone or that run used no Slurm. Raises StepError where they do not go.
    """
    run = run_id(log)
    jobs = jobs_of(run) if run else []
    if not jobs:
        return []
    print(f"cancelling {len(jobs)} Slurm jobs that a killed run left behind: {' '.join(jobs)}", file=sys.stderr)
    _asked("scancel", *jobs)
    deadline = time.monotonic() + wait_s
    while left := jobs_of(run):
        if time.monotonic() > deadline:
            raise StepError(f"Slurm jobs {' '.join(left)} of a killed run do not end: see squeue, then run again")
        time.sleep(1)
    return jobs


def run_id(log: Path) -> str:
    """The name that the Slurm jobs of a run carry, from the run's Snakemake log; empty where there is none."""
    found = re.search(r"SLURM run ID: (\S+)", log.read_text(errors="replace")) if log.is_file() else None
    return found[1] if found else ""


def jobs_of(run: str) -> list[str]:
    """The ids of a run's jobs that are waiting, running or just ending."""
    return _asked("squeue", "--noheader", "--me", f"--name={run}", "--format=%i").split()


def _asked(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        reason = getattr(problem, "stderr", "") or str(problem)
        raise StepError(
            f"{command[0]}: {reason.strip()}. A killed run may have left jobs in Slurm's queue: run again where "
            "Slurm answers, or cancel them by hand and remove .snakemake/run-*.lock"
        ) from None
