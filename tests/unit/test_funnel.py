"""The step from pools to instructions, with its reports: files in, files out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.collection.make_instructions import make_instructions
from janus_recipes.collection.pool_files import input_files
from janus_recipes.errors import StepError
from janus_recipes.files import digest_of
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.load import load_recipe
from janus_recipes.workflow.files import instruction_pools
from janus_recipes.workflow.specs import instructions_spec

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
    make_instructions(load_recipe(recipe_of(tmp_path)), out, tmp_path / "work")
    return out


def test_the_funnel_stands_beside_the_papers_figures_in_a_csv(made: Path) -> None:
    with (made.parent / "instructions.funnel.csv").open() as table:
        found = {
            (one["step"], one["source"], one["origin"]): (one["instructions"], one["paper"])
            for one in csv.DictReader(table)
        }
    # nectar: six records, one of them broken; another has no inner source. It is listed last, so it keeps n0.
    # dsp: four records in two files, three of them unique to it; one of those carries a system message.
    assert found["records", "nectar", "(all)"] == ("6", "")
    assert found["bad", "nectar", "(all)"] == ("1", "")
    assert found["instructions", "(all)", "(all)"] == ("9", "1270000")
    assert found["unshared", "dsp", "(all)"] == ("3", "")
    assert found["sampled", "(all)", "(all)"] == ("6", "62000")
    assert found["before_filter", "nectar", "sharegpt"] == ("4", "")
    assert found["before_filter", "nectar", "-"] == ("1", "")
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
        ("nectar", 6, "not JSON: Expecting property name enclosed in double quotes (character 2)"),
    ]
    manifest = json.loads((made.parent / "instructions.jsonl.manifest.json").read_text())
    folder = made.parents[1]
    beside = [made.parent / f"instructions.{name}" for name in ("bad.jsonl", "funnel.csv", "funnel.md")]
    assert manifest["files"] == {str(path): digest_of(path) for path in beside}
    assert manifest["counts"]["funnel"]["kept"] == {"(all)": 6, "nectar": 4, "dsp": 2}
    assert set(manifest["inputs"]) == {"nectar", *(f"dsp:{folder}/dsp-{n}.csv" for n in (1, 2)), "published"}


def test_benchmarks_are_read_and_are_inputs_only_where_their_prompts_are_kept_out(tmp_path: Path) -> None:
    bench = rows(ROOT / "janus_recipes/rehearsal/pool/bench.jsonl")[0]
    plain = load_recipe(recipe_of(tmp_path))
    files = recipe_of(tmp_path, contamination={"words": 8})
    compared = load_recipe(files)
    (tmp_path / "dsp-2.csv").write_text(f'text\n"{bench["instruction"].upper()}"\nd2\n')
    out = tmp_path / "made/instructions.jsonl"
    make_instructions(compared, out, tmp_path / "work")
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


def test_the_manifest_says_all_that_the_recipe_does_of_the_pools_and_their_sampling(made: Path, tmp_path: Path) -> None:
    section = json.loads((made.parent / "instructions.jsonl.manifest.json").read_text())["section"]
    recipe = load_recipe(recipe_of(tmp_path))
    assert set(section) == {"seed", "sources", "sampling"}
    assert section["seed"] == recipe.seed
    assert section["sources"]["nectar"] == recipe.collection.sources["nectar"].model_dump(mode="json")
    assert section["sampling"]["before_filter"] == 8


def test_the_files_of_one_pool_in_several_folders_are_all_inputs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_text("")
    found = input_files({"mine": Located(path=f"{tmp_path}/*/x.jsonl"), "other": Located(path="y.jsonl")})
    assert list(found.values()) == [tmp_path / "one/x.jsonl", tmp_path / "two/x.jsonl", Path("y.jsonl")]


def test_sources_that_give_no_instruction_are_all_named_with_what_became_of_their_records(tmp_path: Path) -> None:
    wrong = "collection: {sources: {dsp: {where: {n: d}, path: DSP}, nectar: {where: {kind: x}}}}"
    (tmp_path / "n.csv").write_text("text,n\nd1,x\nd2,y\nd3,z\n")
    files = recipe_of(tmp_path, wrong.replace("DSP", f"{tmp_path}/n.csv"))
    # nectar: five records without the key `kind`, and a broken line; half of its records may be bad.
    with pytest.raises(StepError) as told:
        make_instructions(load_recipe(files), tmp_path / "made/instructions.jsonl", tmp_path / "work")
    assert "source nectar: 6 records read, 1 of them bad, 5 not wanted by `where`" in str(told.value)
    assert "source dsp: 3 records read, 0 of them bad, 3 not wanted by `where`" in str(told.value)
    assert rows(tmp_path / "work/bad.jsonl")[0]["record"] == 6


def test_a_pool_with_too_much_dirt_leaves_all_of_it_in_a_file_that_no_rule_deletes(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{broken\n" * 9)
    files = recipe_of(tmp_path, f"collection: {{sources: {{nectar: {{path: {tmp_path}/bad.jsonl}}}}}}")
    out, left = tmp_path / "made/instructions.jsonl", tmp_path / "work/bad.jsonl"
    with pytest.raises(StepError, match=f"9 of 9 records .*All 9 records that cannot be used: {left}"):
        make_instructions(load_recipe(files), out, left.parent)
    assert [one["record"] for one in rows(left)] == list(range(1, 10))
    assert not out.parent.exists()
    make_instructions(load_recipe(recipe_of(tmp_path)), out, left.parent)
    assert not left.exists()  # the dirt of a run that is done lies beside its instructions


def test_a_report_without_removals_says_so(tmp_path: Path) -> None:
    files = recipe_of(tmp_path, exclude_pattern=None)
    (tmp_path / "dsp-1.csv").write_text("text\nd1\n")
    make_instructions(load_recipe(files), tmp_path / "instructions.jsonl", tmp_path / "work")
    assert "## What the steps removed: a few of each\n\nNothing.\n" in (tmp_path / "instructions.funnel.md").read_text()
