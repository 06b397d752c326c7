"""The step from pools to instructions, with its reports: files in, files out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.collection.make_instructions import make_instructions
from janus_recipes.files import digest_of
from janus_recipes.recipe.load import load_recipe
from janus_recipes.workflow import instruction_pools, instructions_spec

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def recipe_of(folder: Path, *overlays: str, **instructions: Any) -> list[Path]:
    """The rehearsal's recipe with two dirty pools, called as two of the paper's, in the place of its own."""
    nectar = [{"text": f"n{number}", "source": ["sharegpt"]} for number in range(4)] + [{"text": "you are it"}]
    (folder / "nectar.jsonl").write_text("".join(json.dumps(row) + "\n" for row in nectar) + "{broken\n")
    (folder / "dsp-1.csv").write_text("text\nn0\nd1\n")
    (folder / "dsp-2.csv").write_text("text\nd2\nyou are two\n")
    sources = {
        "pool": None,
        "nectar": {"path": f"{folder}/nectar.jsonl", "origin_field": "source.0", "dataset": None, "pattern": None},
        "dsp": {"path": f"{folder}/dsp-*.csv", "url": None},
    }
    shared = {"field": "text", "variants": 1, "max_bad_share": 0.5}
    settings = {"per_source": 3, "keep_shared_in": "last_listed", "top_up_from": "nectar", "before_filter": 8}
    overlay = {
        "name": "mine",
        "collection": {
            "sources": {name: source and {**shared, **source} for name, source in sources.items()},
            "instructions": settings | instructions,
        },
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(overlay, sort_keys=False))
    files = [ROOT / "recipes/janus.yaml", ROOT / "recipes/rehearsal.yaml", folder / "mine.yaml"]
    for number, text in enumerate(overlays):
        (folder / f"more-{number}.yaml").write_text(text)
        files.append(folder / f"more-{number}.yaml")
    return files


@pytest.fixture
def made(tmp_path: Path) -> Path:
    out = tmp_path / "made/instructions.jsonl"
    make_instructions(load_recipe(recipe_of(tmp_path)), out)
    return out


def test_the_funnel_stands_beside_the_papers_figures_in_a_csv(made: Path) -> None:
    with (made.parent / "instructions.funnel.csv").open() as table:
        found = {
            (one["step"], one["source"], one["origin"]): (one["instructions"], one["paper"])
            for one in csv.DictReader(table)
        }
    # nectar: six records; one is broken, one has no inner source: bad, both. It is listed last, so it keeps n0.
    # dsp: four records in two files, three of them unique to it; one of those carries a system message.
    assert found["records", "nectar", "(all)"] == ("6", "")
    assert found["bad", "nectar", "(all)"] == ("2", "")
    assert found["instructions", "(all)", "(all)"] == ("8", "1270000")
    assert found["unshared", "dsp", "(all)"] == ("3", "")
    assert found["sampled", "(all)", "(all)"] == ("6", "62000")
    assert found["before_filter", "nectar", "sharegpt"] == ("4", "")
    assert found["kept", "nectar", "(all)"] == ("4", "13978")
    assert found["kept", "nectar", "sharegpt"] == ("4", "1994")
    assert found["kept", "nectar", "truthful_qa"] == ("0", "54")
    assert found["kept", "dsp", "-"] == ("2", "")
    assert found["kept", "dsp", "alpaca"] == ("0", "173")
    assert len(rows(made)) == 6


def test_the_report_shows_what_each_step_removed_and_what_the_paper_leaves_open(made: Path) -> None:
    report = (made.parent / "instructions.funnel.md").read_text()
    assert "REHEARSAL" in report
    assert "- dsp: you are two (you are)" in report
    assert "- dsp: n0 (kept in nectar)" in report
    assert "nectar.jsonl:6: not JSON" in report
    assert "13,978 of nectar" in report
    assert "`keep_shared_in: last_listed`" in report


def test_the_step_keeps_unusable_records_aside_and_the_manifest_has_all_its_files(made: Path) -> None:
    aside = rows(made.parent / "instructions.bad.jsonl")
    assert [(one["source"], one["record"], one["reason"]) for one in aside] == [
        ("nectar", 5, "there is no `source.0`"),
        ("nectar", 6, "not JSON: Expecting property name enclosed in double quotes (character 2)"),
    ]
    manifest = json.loads((made.parent / "instructions.jsonl.manifest.json").read_text())
    beside = [made.parent / f"instructions.{name}" for name in ("bad.jsonl", "funnel.csv", "funnel.md")]
    assert manifest["files"] == {str(path): digest_of(path) for path in beside}
    assert manifest["counts"]["funnel"]["kept"] == {"(all)": 6, "nectar": 4, "dsp": 2}
    assert set(manifest["inputs"]) == {"nectar", "dsp/dsp-1.csv", "dsp/dsp-2.csv", "published"}


def test_benchmarks_are_read_and_are_inputs_only_where_their_prompts_are_kept_out(tmp_path: Path) -> None:
    bench = rows(ROOT / "janus_recipes/rehearsal/pool/bench.jsonl")[0]
    plain = load_recipe(recipe_of(tmp_path))
    files = recipe_of(tmp_path, contamination={"words": 8})
    compared = load_recipe(files)
    (tmp_path / "dsp-2.csv").write_text(f'text\n"{bench["instruction"].upper()}"\nd2\n')
    out = tmp_path / "made/instructions.jsonl"
    make_instructions(compared, out)
    manifest = json.loads((tmp_path / "made/instructions.jsonl.manifest.json").read_text())
    assert manifest["counts"]["funnel"]["before_filter"]["dsp"] == 3
    assert manifest["counts"]["funnel"]["after_contamination"]["dsp"] == 2
    pool = "janus_recipes/rehearsal/pool/bench.jsonl"
    assert pool in instruction_pools(compared) and pool not in instruction_pools(plain)
    assert pool in {one["path"] for one in manifest["inputs"].values()}


def test_what_decides_the_instructions_re_runs_the_step_and_a_licence_does_not(tmp_path: Path) -> None:
    def decides(*overlays: str) -> str:
        return instructions_spec(load_recipe(recipe_of(tmp_path, *overlays)))

    assert decides("collection: {sources: {dsp: {licence: MIT}}}") == decides()
    assert decides("benchmarks: {multifaceted: {sources: {koala: {quota: 1}}}}") == decides()
    assert decides("collection: {instructions: {per_source: 2}}") != decides()
    assert decides("collection: {sources: {dsp: {where: {a: b}}}}") != decides()
