"""What is read from a killed run's log. The jobs themselves: tests/e2e/test_slurm.py."""

from __future__ import annotations

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
