"""`janus human export`, the command that it prints, and what that leaves: without a server, as one would answer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from janus_recipes.benchmarks.excluded import read_excluded, without_excluded
from janus_recipes.cli import app
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.records import DIMENSIONS, BenchInstance, Preference, Rubric, row_of

ROOT = Path(__file__).parents[2]
RECIPES = [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), Path("my study.yaml")]
PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "Is it?", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
BENCH = [
    BenchInstance(f"i-{n}/0", f"i-{n}", "mf-Koala", f"Do {n}", "Be.", PREFERENCES, f"Done {n}", RUBRICS)
    for n in range(2)
]
OPTIONS = [part for path in RECIPES for part in ("--recipe", str(path))]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JANUS_RECIPE", raising=False)
    (tmp_path / "my study.yaml").write_text("seed: 7\nhuman: {stage1: {annotators: 1, bad_when: reference_no}}\n")
    bench_made(BENCH)
    return tmp_path


def bench_made(bench: list[BenchInstance]) -> None:
    write_jsonl(Path("results/rehearsal/bench/multifaceted/bench.jsonl"), map(row_of, bench))


def janus(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answered(project: Path, word: Callable[[str], str], out: Path) -> None:
    """What Label Studio exports of a project in which every reference answer got a word, by its text."""
    tasks = json.loads(project.read_text())
    for task in tasks:
        choice = {"from_name": "reference_1", "type": "choices"}
        result: list[dict[str, Any]] = [choice | {"value": {"choices": [word(task["data"]["reference_answer_1"])]}}]
        task["annotations"] = [{"result": result, "was_cancelled": False, "completed_by": 1}]
    out.write_text(json.dumps(tasks))


def test_the_command_that_an_export_prints_reads_the_annotations_back(place: Path) -> None:
    exported = janus("human", "export", "stage1", "--out", "my folder", *OPTIONS)
    assert exported.exit_code == 0, exported.output
    printed = exported.output.splitlines()[-1].partition("run: ")[2]
    answered(Path("my folder/annotator-1.1-messages.json"), lambda text: "No" if text == "Done 0" else "Yes", Path("a"))
    words = shlex.split(printed.replace("EXPORTS...", "a"))
    read = janus(*words[1:])
    assert words[0] == "janus" and read.exit_code == 0, read.output
    assert "2 of 4 questions answered; written to my folder" in read.output
    # The exclusions hold for the texts that were judged, and for no others.
    excluded, ids = read_excluded("my folder/excluded.jsonl"), {one.id for one in BENCH}
    assert without_excluded(BENCH, excluded, ids, "x") == BENCH[1:]
    with pytest.raises(StepError, match="the bench was made anew since"):
        without_excluded([replace(BENCH[0], reference_answer="Anew"), BENCH[1]], excluded, ids, "x")


def test_an_imports_manifest_says_what_decided_it_and_what_decided_the_tasks(place: Path) -> None:
    assert janus("human", "export", "stage1", *OPTIONS).exit_code == 0
    folder = Path("results/rehearsal/human/stage1")
    answered(folder / "annotator-1.1-messages.json", lambda _: "Yes", Path("a"))
    Path("my study.yaml").write_text("seed: 8\nhuman: {stage1: {annotators: 5, bad_when: rubric_no}}\n")
    read = janus("human", "import", "stage1", "a", *OPTIONS)
    assert read.exit_code == 0, read.output
    section = json.loads((folder / "figure6.csv.manifest.json").read_text())["section"]
    tasks = section.pop("export")
    assert section == {"seed": 8, "benchmark": "multifaceted", "bad_when": "rubric_no"}
    assert (tasks["seed"], tasks["stage1"]["annotators"]) == (7, 1)


def test_annotations_of_a_bench_that_was_made_anew_are_refused(place: Path) -> None:
    first, second = (["human", "export", "stage1", "--out", name, *OPTIONS] for name in ("first", "second"))
    assert janus(*first).exit_code == 0
    answered(Path("first/annotator-1.1-messages.json"), lambda _: "Yes", Path("a"))
    bench_made([replace(one, reference_answer=f"{one.reference_answer}, anew") for one in BENCH])
    assert "annotators may be at work" in str(janus(*first).exception)
    assert janus(*second).exit_code == 0
    read = janus("human", "import", "stage1", "a", "--out", "second", *OPTIONS)
    assert "2 of 2 tasks show other texts" in str(read.exception)


def test_the_import_tells_which_annotations_do_not_count(place: Path) -> None:
    assert janus("human", "export", "stage1", "--out", "f", *OPTIONS).exit_code == 0
    answered(Path("f/annotator-1.1-messages.json"), lambda _: "Yes", Path("a"))
    tasks = json.loads(Path("a").read_text())
    tasks[0]["annotations"] *= 3
    for name, (one, who) in enumerate(zip(tasks[0]["annotations"], (1, 2, 1), strict=True)):
        tasks[0]["annotations"][name] = one | {"unique_id": str(name), "completed_by": who, "updated_at": str(name)}
    Path("a").write_text(json.dumps(tasks))
    read = janus("human", "import", "stage1", "a", "--out", "f", *OPTIONS)
    assert "1 of the same person, 1 of another person" in read.output
