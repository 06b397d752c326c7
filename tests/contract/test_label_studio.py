"""A real Label Studio takes what `janus human export` writes, and `janus human import` reads what it exports."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from janus_recipes.benchmarks.excluded import instance_digest
from janus_recipes.cli import app
from janus_recipes.files import read_jsonl, write_jsonl
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status, read_bench, row_of
from tests.label_studio import LabelStudio, label_studio

ROOT = Path(__file__).parents[2]
RECIPES = [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), Path("mine.yaml")]
OTHER = "mistral-7b-v0.2"
MINE = f"""human:
  stage1: {{annotators: 2, overlap: 2}}
  stage2: {{pairs: [[janus-7b, {OTHER}]], groups: 1, annotators: 1}}
"""
HOSTILE = "<img src=x onerror=alert(1)> $instruction {{ left }} </Text></View>\n  indented https://example.com s3://a/b"
ABOUT1, NAMES1 = ("reference_answer_1", "rubrics_1"), ("reference_1", "rubric_1")
ABOUT2, NAMES2 = ("instruction", "left"), ("difficulty", "comparison")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    with label_studio(tmp_path_factory.mktemp("label-studio") / "data") as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a bench of six instructions under one system message each, and two models' answers to them."""
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE)
    results = tmp_path / "results" / "rehearsal"
    preferences = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
    rubrics = tuple(Rubric(dimension, "Is it?", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
    bench = [
        BenchInstance(f"i-{n}/0", f"i-{n}", "mf-Koala", HOSTILE, f"Be {n}.", preferences, f"Reference {n}", rubrics)
        for n in range(6)
    ]
    write_jsonl(results / "bench" / "multifaceted" / "bench.jsonl", map(row_of, bench))
    for model in ("janus-7b", OTHER):
        rows = (row_of(Asked(one.id, Status.OK, f"{model[0]} {HOSTILE}")) for one in bench)
        write_jsonl(results / "answers" / "multifaceted" / model / "multifaceted.jsonl", rows)
    return results / "human"


def janus(*arguments: object) -> str:
    options = [part for file in RECIPES for part in ("--recipe", str(file))]
    done = CliRunner().invoke(app, ["human", *map(str, arguments), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def uploaded(server: LabelStudio, folder: Path, name: str, config: str) -> tuple[int, list[dict[str, Any]]]:
    """A project of an annotator's file. What the server has is what the file has, letter by letter."""
    project = server.project(name, folder / config)
    tasks = server.add(project, folder / name)
    assert [one["data"] for one in tasks] == [one["data"] for one in json.loads((folder / name).read_text())]
    return project, tasks


def choose(names: tuple[str, str], about: tuple[str, str], *chosen: str) -> dict[str, tuple[str, str]]:
    return {name: (text, word) for name, text, word in zip(names, about, chosen, strict=False)}


def table(path: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    with path.open(newline="") as lines:
        return {(row["of"], row["measure"], row["answer"]): row for row in csv.DictReader(lines)}


def test_stage_1_comes_back_as_figure_6_agreement_and_exclusions(server: LabelStudio, place: Path) -> None:
    janus("export", "stage1")
    folder = place / "stage1"
    exports = []
    of_first = {"i-0": ("No", "No"), "i-1": ("Maybe", "No"), "i-2": ("Yes", "Yes")}
    given = {1: of_first, 2: {**of_first, "i-2": ("No", "Yes")}}
    instruction = {row["task"]: row["instruction_id"] for row in read_jsonl(folder / "key.jsonl")}
    for annotator, answers in given.items():
        name = f"annotator-{annotator}.1-messages.json"
        project, tasks = uploaded(server, folder, name, "labelling.1-messages.xml")
        for task in tasks:
            which = instruction[task["data"]["task"]]
            if which == "i-3":
                server.annotate(task["id"], {}, skip=True)
            elif which == "i-4":
                server.annotate(task["id"], choose(NAMES1, ABOUT1, "Yes"))  # the second question is left empty
            elif which != "i-5":
                server.annotate(task["id"], choose(NAMES1, ABOUT1, *answers[which]))
        exports.append(server.export(project, place / name))
    assert "14 of 24 questions answered" in janus("import", "stage1", *exports)
    found = table(folder / "figure6.csv")
    # References: no, maybe, yes, yes of the first annotator, no, maybe, no, yes of the second.
    shares = {answer: found["reference", "share", answer]["value"] for answer in ("yes", "maybe", "no")}
    assert shares == {"yes": "0.375", "maybe": "0.25", "no": "0.375"}
    assert found["reference", "share", "yes"]["left_out"] == "2 missing, 2 skipped"
    assert found["rubric", "share", "no"]["value"] == str(round(4 / 6, 6))
    assert found["rubric", "share", "no"]["left_out"] == "2 missing, 2 skipped, 2 unanswered"
    # Rubrics: no no, no no, yes yes: full agreement.
    assert found["rubric", "krippendorff_alpha_nominal", ""]["value"] == "1.0"
    digest = instance_digest(next(read_bench(place.parent / "bench" / "multifaceted" / "bench.jsonl")))
    assert list(read_jsonl(folder / "excluded.jsonl")) == [
        {"id": "i-0/0", "reason": "human check: both_no", "digest": digest}
    ]


def test_stage_2_comes_back_as_figures_3_and_7_whichever_side_the_models_were_on(
    server: LabelStudio, place: Path
) -> None:
    janus("export", "stage2")
    folder = place / "stage2"
    project, tasks = uploaded(server, folder, "annotator-1.json", "labelling.xml")
    wanted = dict(zip([f"i-{n}" for n in range(6)], ["win", "win", "win", "loss", "Both are good", ""], strict=True))
    keys = {row["task"]: row for row in read_jsonl(folder / "key.jsonl")}
    for task in tasks:
        key = keys[task["data"]["task"]]
        first, other = ("Left", "Right") if key["first_on"] == "left" else ("Right", "Left")
        # What the annotator sees: janus-7b's answer begins with a j, the other's with an m.
        assert task["data"][first.lower()].startswith("j ") and task["data"][other.lower()].startswith("m ")
        what = wanted[key["instruction_id"]]
        word = {"win": f"{first} is better", "loss": f"{other} is better"}.get(what, what)
        if what == "win":
            server.annotate(task["id"], choose(NAMES2, ABOUT2, "Hard", "Both are bad"))  # thought better of
        server.annotate(task["id"], choose(NAMES2, ABOUT2, "Easy", *([word] if word else [])))
    export = server.export(project, place / "export.json")
    assert "11 of 12 questions answered" in janus("import", "stage2", export)
    found = table(folder / "figure3.csv")
    of = f"janus-7b vs {OTHER}"
    shares = {answer: found[of, "share", answer]["value"] for answer in ("win", "both_good", "both_bad", "loss")}
    assert shares == {"win": "0.6", "both_good": "0.2", "both_bad": "0.0", "loss": "0.2"}
    assert found[of, "share", "win"]["left_out"] == "1 unanswered"
    assert table(folder / "figure7.csv")["difficulty", "share", "easy"]["value"] == "1.0"
    manifest = json.loads((folder / "figure3.csv.manifest.json").read_text())
    assert manifest["counts"] == {"questions": 12, "left_out": {"unanswered": 1}, "superseded": 3, "of_others": 0}
    assert load_recipe(RECIPES).rehearsal.notice in (folder / "figure3.md").read_text()  # type: ignore[union-attr]
