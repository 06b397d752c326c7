"""`janus overlap` tells what whole pools have in common, by source and with examples, and changes nothing."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
import yaml

from janus_recipes.collection.overlap import SHOWN, Finding, findings, pool_of
from janus_recipes.commands.overlap import overlap
from janus_recipes.errors import StepError, UsageError
from janus_recipes.recipe.collection import Contamination, NearDuplicates

LINE = "one two three four five six seven eight nine ten eleven"
ASKED = "How do I plant a pear tree next to my old stone wall?"  # 13 words
A = [LINE, "Hello", "Hello", "Hello", f"Dear all, {ASKED} Please."]
B = ["Hello", f"{LINE} twelve", "HELLO!", ASKED.upper(), "of its own"]


def found_in(a: list[str], b: list[str]) -> list[Finding]:
    pools = {"a": pool_of(a), "b": pool_of(b)}
    return findings(pools, {"bench": [ASKED]}, NearDuplicates(), Contamination())


def test_every_kind_of_overlap_is_counted_once_by_source_with_an_example() -> None:
    # a has three different instructions and "Hello" twice more; b has five. LINE has 9 runs of three words, 9 of the 10
    # of b's longer one. The bench prompt's 11 runs are 11 of 14 in a's letter, which is no near-duplicate: 0.79.
    counted = [(one.source, one.what, one.other, one.count, one.of) for one in found_in(A, B)]
    assert counted == [
        ("a", "repeated in", "a", 2, 3),
        ("a", "also in", "b", 1, 3),
        ("a", "shared words", "bench", 1, 3),
        ("b", "also in", "a", 1, 5),
        ("b", "near-duplicate in", "a", 2, 5),
        ("b", "same text", "bench", 1, 5),
    ]
    examples = {(one.source, one.what): sorted(one.examples) for one in found_in(A, B)}
    assert examples["b", "near-duplicate in"] == ["HELLO! ~ Hello", f"{LINE} twelve ~ {LINE}"]
    assert examples["a", "repeated in"] == ["Hello"]


def test_the_order_of_a_pool_does_not_matter() -> None:
    chance = random.Random(3)
    shuffled = [chance.sample(pool, len(pool)) for pool in (A, B)]
    assert found_in(*shuffled) == found_in(A, B)


def test_a_prompt_of_several_benchmarks_counts_for_each() -> None:
    prompts = {"one": [ASKED], "two": ["Hello", ASKED.upper()], "three": [f"{ASKED} Now."]}
    pools = {"a": pool_of([f"Dear all, {ASKED} Please.", ASKED])}
    counted = {(one.what, one.other): one.count for one in findings(pools, prompts, NearDuplicates(), Contamination())}
    # The 13 words stand in all three benchmarks' prompts; as a whole text in two of them.
    shared = {("shared words", name): 1 for name in ("one", "two")} | {("shared words", "three"): 2}
    assert counted == {**shared, ("same text", "one"): 1, ("same text", "two"): 1}


def test_pools_without_anything_in_common_have_no_findings() -> None:
    assert found_in(["one thing"], ["another"]) == []
    assert found_in([], []) == []


def test_a_few_examples_stand_for_many() -> None:
    many = [f"instruction number {n}" for n in range(20)]
    [first, _] = found_in(many, many)
    assert (first.what, first.count, len(first.examples)) == ("also in", 20, SHOWN)


@pytest.fixture
def recipe(tmp_path: Path) -> list[Path]:
    """The rehearsal with two pools and one bench prompt of our own."""
    for name, texts in {"a": A, "b": B, "bench": [ASKED]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"q": text}) + "\n" for text in texts))
    located = {name: {"path": str(tmp_path / f"{name}.jsonl"), "field": "q"} for name in ("a", "b", "bench")}
    koala = located.pop("bench") | {"where": None}
    others = dict.fromkeys(("self-instruct", "mt-bench", "flask", "alpaca-eval"))
    overlay = {
        "collection": {"sources": {"pool": None, **located}, "instructions": {"top_up_from": None}},
        "benchmarks": {"multifaceted": {"sources": {**others, "koala": koala}}},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), path]


def test_the_command_writes_a_table_for_programs(recipe: list[Path], tmp_path: Path) -> None:
    overlap(recipe, tmp_path / "report.csv")
    rows = list(csv.DictReader((tmp_path / "report.csv").open(encoding="utf-8")))
    assert [(row["source"], row["finding"], row["with"], row["instructions"]) for row in rows] == [
        ("a", "repeated in", "a", "2"),
        ("a", "also in", "b", "1"),
        ("a", "shared words", "multifaceted/koala", "1"),
        ("b", "also in", "a", "1"),
        ("b", "near-duplicate in", "a", "2"),
        ("b", "same text", "multifaceted/koala", "1"),
    ]
    manifest = json.loads((tmp_path / "report.csv.manifest.json").read_text())
    assert sorted(manifest["inputs"]) == ["a", "b", "multifaceted/koala"]
    assert manifest["counts"]["a"]["records"] == 5


def test_the_command_writes_a_page_for_people_about_the_sources_they_name(recipe: list[Path], tmp_path: Path) -> None:
    overlap(recipe, tmp_path / "report.md", source=["b"], benchmark="multifaceted")
    page = (tmp_path / "report.md").read_text()
    assert "REHEARSAL" in page and "Nothing was removed" in page
    assert f"- {LINE} twelve" not in page  # what it resembles stands in a
    assert "## b: same text multifaceted/koala" in page and ASKED.upper() in page


def test_pools_of_which_nothing_is_read_are_no_good_news(recipe: list[Path], tmp_path: Path) -> None:
    for name in ("a", "bench"):
        (tmp_path / f"{name}.jsonl").write_text("")
    with pytest.raises(StepError, match=r"source a: 0 records read.*source multifaceted/koala: 0 records read"):
        overlap(recipe, tmp_path / "report.md")


def test_a_name_that_the_recipe_lacks_is_named_with_the_nearest(recipe: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no benchmark multifacetd.*multifaceted"):
        overlap(recipe, tmp_path / "report.md", benchmark="multifacetd")
    with pytest.raises(UsageError, match=r"report\.txt.*\.csv or \.md"):
        overlap(recipe, tmp_path / "report.txt")
