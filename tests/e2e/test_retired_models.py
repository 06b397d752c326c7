"""A retired model is warned of where a run is planned and started, and never asked."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.e2e.workshop import BIN, REHEARSAL, Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

PAPER_2024 = ("recipes/janus.yaml", "recipes/ablations/paper-2024.yaml")
WARNED = ("warning: providers.teacher.model: gpt-4-0125-preview was shut down", "warning: providers.judge.model: gpt-4")


def snakemake(copy: Workshop, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OPENAI_API_KEY": "sk-planted-0123456789", "HTTPS_PROXY": "http://127.0.0.1:9"}
    command = [BIN / "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=copy.folder, env=environ, capture_output=True, text=True, check=False)


def warnings_in(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith("warning:")]


def test_a_dry_run_names_retired_models_once_on_stderr_and_nothing_on_stdout(clean_copy: Workshop) -> None:
    done = snakemake(clean_copy, "-n", "--configfile", *PAPER_2024)
    assert done.returncode == 0, done.stderr
    teacher, judge, *rows = warnings_in(done.stderr)
    assert teacher.startswith(WARNED[0]) and judge.startswith(WARNED[1])
    assert "gpt-6.1-terra" in teacher
    assert len(rows) == 3  # the proprietary models of the paper's tables
    assert "warning:" not in done.stdout


@pytest.mark.parametrize("recipe", [("recipes/janus.yaml",), (*PAPER_2024, "recipes/rehearsal.yaml"), REHEARSAL])
def test_a_recipe_of_living_models_and_a_rehearsal_are_not_warned_of(
    clean_copy: Workshop, recipe: tuple[str, ...]
) -> None:
    done = snakemake(clean_copy, "-n", "--configfile", *recipe)
    assert done.returncode == 0, done.stderr
    assert warnings_in(done.stdout + done.stderr) == []


def test_a_run_warns_once_though_its_jobs_read_the_rules_again_and_asks_nothing(clean_copy: Workshop) -> None:
    pool = clean_copy.folder / "pool.jsonl"
    pool.write_text(json.dumps({"instruction": "How do bees sleep?"}) + "\n")
    gone = ", ".join(f"{name}: null" for name in ("chatbot-arena", "dsp", "ultrafeedback", "nectar", "openhermes"))
    mine = clean_copy.write(
        "mine.yaml",
        f"collection: {{sources: {{{gone}, pool: {{path: pool.jsonl, field: instruction}}}},\n"
        "             instructions: {top_up_from: null}}\n",
    )
    target = "results/janus/collection/preferences.jsonl"
    done = snakemake(clean_copy, target, "--configfile", *PAPER_2024, mine)
    assert done.returncode == 1
    assert len(warnings_in(done.stderr)) == 5 and "warning:" not in done.stdout
    assert (clean_copy.folder / "results/janus/collection/instructions.jsonl").exists()  # a job that costs nothing ran
    assert not (clean_copy.folder / target).exists()
    said = "".join(log.read_text() for log in (clean_copy.folder / "results/janus/logs").rglob("*.log"))
    assert "gpt-4-0125-preview was shut down by OpenAI on 2026-03-26: nothing was asked. Set" in said
    assert "sk-planted-0123456789" not in said + done.stderr + done.stdout
