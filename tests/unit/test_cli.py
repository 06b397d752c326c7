"""The command line: exit codes that scripts can rely on, one clear message, and nothing printed that is secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

JANUS = Path(sys.executable).with_name("janus")
PAPER = "recipes/janus.yaml"


def janus(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key not in ("OPENAI_API_KEY", "JANUS_RECIPE")}
    return subprocess.run([JANUS, *arguments], env={**env, **environ}, capture_output=True, text=True, timeout=120)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().split("\n")[-1]


def test_the_papers_recipe_is_valid_without_a_key() -> None:
    done = janus("validate", PAPER)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)


def test_a_wrong_recipe_ends_with_2_and_every_problem_at_once(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("sed: 3\nmodels:\n  janus-7b:\n    train:\n      learning_rat: 1.0e-5\n      epochs: many\n")
    done = janus("validate", PAPER, str(mine))
    assert done.returncode == 2
    for part in ("sed", "learning_rate", "epochs", f"{mine}:1"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_recipe_file_ends_with_2() -> None:
    done = janus("validate", "recipes/nowhere.yaml")
    assert done.returncode == 2 and "recipes/nowhere.yaml" in done.stderr


def test_an_unknown_command_ends_with_2() -> None:
    assert janus("colect").returncode == 2


def test_a_missing_key_stops_the_step_that_would_spend_and_names_the_variable(tmp_path: Path) -> None:
    done = ask_for_preferences(tmp_path, PAPER)
    assert done.returncode == 3
    assert "OPENAI_API_KEY" in last_line(done)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_retired_model_stops_the_step_that_would_spend_and_names_living_ones(tmp_path: Path) -> None:
    done = ask_for_preferences(tmp_path, PAPER, "recipes/ablations/paper-2024.yaml", OPENAI_API_KEY="sk-secret-of-mine")
    assert done.returncode == 3
    assert "shut down" in done.stderr and "sk-secret-of-mine" not in done.stderr + done.stdout
    assert not (tmp_path / "out.jsonl").exists()


def test_a_retired_model_only_warns_in_validate_and_plan() -> None:
    for command in ("validate", "plan"):
        done = janus(command, PAPER, "recipes/ablations/paper-2024.yaml")
        assert done.returncode == 0 and "gpt-4-0125-preview" in done.stderr


def ask_for_preferences(folder: Path, *recipes: str, **environ: str) -> subprocess.CompletedProcess[str]:
    instructions = folder / "instructions.jsonl"
    instructions.write_text(json.dumps({"id": "i-1", "text": "Why?", "source": "pool", "origin": ""}) + "\n")
    own = folder / "own.yaml"
    own.write_text(f"ledger: {folder / 'ledger'}\n")
    options = [part for recipe in (*recipes, str(own)) for part in ("--recipe", recipe)]
    return janus(
        *("collect", "preferences", *options),
        *("--instructions", str(instructions), "--out", str(folder / "out.jsonl")),
        **environ,
    )


@pytest.mark.parametrize("name", ["preference_set", "system_message", "response", "rubric", "judge"])
def test_a_prompt_can_be_looked_at_before_anything_is_made(name: str) -> None:
    done = janus("show", "prompt", name, "--recipe", PAPER)
    assert done.returncode == 0
    assert "[user]" in done.stdout and len(done.stdout) > 100


def test_a_prompt_of_an_unknown_item_ends_with_2() -> None:
    done = janus("show", "prompt", "judge", "--recipe", PAPER, "--item", "i-unknown")
    assert done.returncode == 2 and "i-unknown" in last_line(done)


def test_the_plan_of_the_paper_counts_what_would_be_asked() -> None:
    # 921 of 945 instances x 4 rubrics x 3 runs = 11,052 in the paper; before the human check 945 x 12 = 11,340.
    done = janus("plan", PAPER, COLUMNS="200")
    assert done.returncode == 0
    assert "11,340" in done.stdout and "300,000" in done.stdout


def test_the_log_of_a_job_opens_with_the_command_to_type() -> None:
    assert janus("validate", PAPER).stderr.startswith(f"$ janus validate {PAPER}")
