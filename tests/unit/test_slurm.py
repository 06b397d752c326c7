"""What is read from a killed run's log, and how a job's shell bears SIGTERM. The jobs: tests/e2e/test_slurm.py."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.slurm import cancel_left_over_jobs, run_id

SLURM_LOG = "Building DAG of jobs...\nSLURM run ID: 9079a3e7-2513-415a-bc37-6d6a887b29e6\nProvided remote nodes: 50\n"


def test_the_name_of_a_runs_jobs_is_read_from_its_log(tmp_path: Path) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text(SLURM_LOG)
    assert run_id(log) == "9079a3e7-2513-415a-bc37-6d6a887b29e6"


def test_a_killed_run_on_this_machine_left_nothing_in_slurm(tmp_path: Path) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text("Building DAG of jobs...\nProvided cores: 2\n")
    assert cancel_left_over_jobs(log) == []
    assert cancel_left_over_jobs(tmp_path / "deleted.log") == []


def test_a_cluster_that_does_not_answer_stops_the_run_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text(SLURM_LOG)
    monkeypatch.setenv("PATH", str(tmp_path))  # no squeue here
    with pytest.raises(StepError, match="run again where Slurm answers"):
        cancel_left_over_jobs(log)


SAVES = """
import signal, sys, time
from pathlib import Path

def save(*_):
    time.sleep(0.3)
    Path("saved").touch()
    sys.exit(7)

signal.signal(signal.SIGTERM, save)
Path("begun").touch()
time.sleep(30)
"""


def test_a_jobs_shell_waits_for_what_its_step_saves_at_sigterm(tmp_path: Path) -> None:
    rules = (Path(__file__).parents[2] / "rules" / "common.smk").read_text()
    prefix = re.search(r'^shell\.prefix\("(.*)"\)$', rules, re.MULTILINE)
    assert prefix is not None
    (tmp_path / "step.py").write_text(SAVES)
    # As Snakemake runs a rule's command, with something after it: bash would become the one command that is its last.
    command = f"{prefix[1]}{sys.executable} step.py; true"
    shell = subprocess.Popen(["bash", "-c", command], cwd=tmp_path, start_new_session=True)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    os.killpg(shell.pid, signal.SIGTERM)  # as Slurm: to every process of the job
    assert shell.wait(timeout=10) == 7  # the step's own exit code; a bash that died of the signal has -15
    assert (tmp_path / "saved").exists()
