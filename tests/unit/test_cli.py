"""The command line: exit codes that scripts can rely on, one clear message, and nothing printed that is secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from janus_recipes.commands.options import work_folder
from janus_recipes.errors import StepError
from janus_recipes.files import read_jsonl, write_jsonl
from janus_recipes.preview import preview
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Prompts, Recipe, Seeds
from janus_recipes.records import (
    DIMENSIONS,
    Asked,
    BenchInstance,
    Instruction,
    Preference,
    Rubric,
    Status,
    row_of,
)

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


@pytest.mark.parametrize("name", ["preference_set", "system_message", "response", "rubric", "judge", "compare"])
def test_a_prompt_can_be_looked_at_before_anything_is_made(name: str) -> None:
    done = janus("show", "prompt", name, "--recipe", PAPER)
    assert done.returncode == 0
    assert "[user]" in done.stdout and len(done.stdout) > 100


def test_a_prompt_of_an_unknown_item_ends_with_2() -> None:
    done = janus("show", "prompt", "judge", "--recipe", PAPER, "--item", "i-unknown")
    assert done.returncode == 2 and "i-unknown" in last_line(done)


UNKNOWN = {
    "generate janus-7 --condition none --bench b --env e": "janus-7b",
    "collect preferences --instructions i --bench multifacetd": "multifaceted",
    "collect responses --instructions i --system-messages s --bench multifacetd": "multifaceted",
    "bench prompts multifacetd --instructions i": "multifaceted",
    "bench rubrics multifacetd --preferences p": "multifaceted",
    "dataset sft-196 --instructions i --system-messages s --responses r": "sft-196k",
    "train config janus-7": "janus-7b",
    "train run janus-7 --config c --data d --env e": "janus-7b",
    "table tabel2 v --bench b": "table2",
    "tiny-base mistral-7b-v0.1 t --env e": "mistral-7b-v0.2",
    "win-rates build gain v --bench b": "gains",
}


@pytest.mark.parametrize("command", UNKNOWN)
def test_a_name_that_the_recipe_does_not_have_ends_with_2_and_the_nearest_right_one(
    command: str, tmp_path: Path
) -> None:
    recipes = ["--recipe", PAPER, "--recipe", "recipes/rehearsal.yaml"]
    done = janus(*command.split(), *recipes, "--out", str(tmp_path / "results" / "x" / "out.jsonl"))
    assert done.returncode == 2, done.stderr
    assert f"did you mean {UNKNOWN[command]}?" in last_line(done) and "Traceback" not in done.stderr


MISSING_INPUT = {
    "judge": "judge --bench nofile --answers nofile",
    "collect": "collect preferences --instructions nofile",
    "assemble": "bench assemble multifaceted --prompts nofile --preferences nofile --system-messages nofile "
    "--references nofile --rubrics nofile --collection-preferences nofile",
    "dataset": "dataset sft-196k --instructions nofile --system-messages nofile --responses nofile",
    "table": "table table2 nofile --bench nofile",
    "generate": "generate janus-7b --condition none --bench nofile --env nofile",
    "win-rates": "win-rates judge gains --bench nofile --first nofile --second nofile",
}


@pytest.mark.parametrize("command", MISSING_INPUT)
def test_a_missing_input_file_is_named_in_one_line(command: str, tmp_path: Path) -> None:
    recipes = ["--recipe", PAPER, "--recipe", "recipes/rehearsal.yaml"]
    done = janus(*MISSING_INPUT[command].split(), *recipes, "--out", str(tmp_path / "results" / "x" / "table2.html"))
    assert done.returncode == 1
    assert last_line(done).startswith("janus: nofile: No such file or directory")
    assert "Traceback" not in done.stderr


def test_an_input_that_is_no_file_of_ours_is_told_with_its_line(tmp_path: Path) -> None:
    for content, told in (("{}\n{'a'", ":2: not JSON"), ("[1]\n", ":1: not a JSON object")):
        (tmp_path / "bench.jsonl").write_text(content)
        with pytest.raises(StepError, match=told):
            list(read_jsonl(tmp_path / "bench.jsonl"))


def written_rehearsal(folder: Path) -> Recipe:
    """The rehearsal's recipe, with a bench of one instance that one model has answered, in `folder`."""
    root = folder / "results" / "rehearsal"
    sets = [Preference(name, "sub", f"bench {name}", "d") for name in DIMENSIONS]
    rubrics = tuple(Rubric(name, "c", ("1", "2", "3", "4", "5")) for name in DIMENSIONS)
    instance = BenchInstance("i-b/0", "i-b", "mf-Koala", "A bench question?", "Be kind.", tuple(sets), "REF", rubrics)
    bench = root / "bench" / "multifaceted"
    write_jsonl(bench / "prompts.jsonl", [row_of(Instruction("i-b", "A bench question?", "koala"))])
    write_jsonl(bench / "preferences.jsonl", [row_of(Asked("i-b/0", Status.OK, sets))])
    write_jsonl(bench / "system_messages.jsonl", [row_of(Asked("i-b/0", Status.OK, "Be kind."))])
    write_jsonl(bench / "bench.jsonl", [row_of(instance)])
    answers = root / "answers" / "multifaceted" / "janus-7b" / "multifaceted.jsonl"
    write_jsonl(answers, [row_of(Asked("i-b/0", Status.OK, "THE MODEL'S ANSWER"))])
    recipe = load_recipe([Path(PAPER), Path("recipes/rehearsal.yaml")])
    prompts = {name: str(Path(path).resolve()) for name, path in recipe.prompts}
    seeds = {name: str(Path(path).resolve()) for name, path in recipe.seeds}
    return recipe.model_copy(update={"prompts": Prompts(**prompts), "seeds": Seeds(**seeds)})


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("preference_set", "A bench question?"),
        ("system_message", "bench Style"),
        ("response", "A bench question?"),
        ("rubric", "bench Style"),
        ("judge", "THE MODEL'S ANSWER"),
        ("compare", "THE MODEL'S ANSWER"),
    ],
)
def test_a_prompt_of_an_item_of_the_bench_can_be_looked_at(
    prompt: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = written_rehearsal(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = preview(recipe, prompt, "i-b")
    assert found.item.startswith("i-b/0")
    assert shown in found.messages[-1].content


def test_the_plan_of_the_paper_counts_what_would_be_asked() -> None:
    # 921 of 945 instances x 4 rubrics x 3 runs = 11,052 in the paper; before the human check 945 x 12 = 11,340.
    done = janus("plan", PAPER, COLUMNS="200")
    assert done.returncode == 0
    assert "11,340" in done.stdout and "300,000" in done.stdout


def test_the_log_of_a_job_opens_with_the_command_to_type() -> None:
    assert janus("validate", PAPER).stderr.startswith(f"$ janus validate {PAPER}")


def test_two_models_whose_names_differ_after_a_dot_have_work_folders_of_their_own() -> None:
    folders = {work_folder(Path(f"results/janus/models/janus-7b-v0.{number}")) for number in (1, 2)}
    assert len(folders) == 2
    assert work_folder(Path("results/janus/answers/m/x.jsonl")) == Path("work/janus/answers/m/x")
