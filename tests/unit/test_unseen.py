"""Which preferences of the bench count as unseen in the Collection, and what is told about the others."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from janus_recipes.benchmarks.unseen import SEEN, TOO_SIMILAR, compare, distribution, unseen_rows
from janus_recipes.cli import app
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Unseen
from janus_recipes.records import DIMENSIONS, Asked, Instruction, Preference, Status, row_of

STYLE, BACKGROUND, *_ = DIMENSIONS


def preference_set(**descriptions: str) -> tuple[Preference, ...]:
    """A set whose descriptions are these, by the first word of the dimension; the others are of one word each."""
    given = {name: descriptions.get(name.split()[0].lower(), f"{name.split()[0]}only") for name in DIMENSIONS}
    return tuple(Preference(name, "sub", f"name of {name}", given[name]) for name in DIMENSIONS)


COLLECTION = [
    preference_set(style="Answers in verse, with rhymes.", background="b", informativeness="i", harmlessness="h"),
    preference_set(style="s", background="Knows all of chemistry.", informativeness="j", harmlessness="k"),
]


def test_a_set_with_the_same_four_preferences_but_for_case_and_punctuation_is_seen() -> None:
    same = preference_set(style="answers in  VERSE with rhymes", background="B", informativeness="I", harmlessness="h")
    # One description of another set: a new combination of preferences of which each is there.
    mixed = preference_set(style="s", background="b", informativeness="i", harmlessness="h")
    assert compare({"same": same, "mixed": mixed}, COLLECTION, Unseen()).seen == {"same": SEEN}


def test_by_preference_a_set_with_one_known_preference_is_seen() -> None:
    sets = {"known": preference_set(background="knows all of Chemistry"), "new": preference_set(background="physics")}
    assert compare(sets, COLLECTION, Unseen(compare="preference")).seen == {"known": SEEN}


def test_a_description_too_like_one_of_the_same_dimension_is_left_out_with_the_nearest_named() -> None:
    near = preference_set(style="Answers in verse without rhymes")  # 4 of 5 + 5 words in common: 0.8
    found = compare({"a/0": near}, COLLECTION, Unseen(max_rouge_l=0.8))
    assert found.seen == {"a/0": TOO_SIMILAR}
    nearest = found.nearest["a/0"]
    assert (nearest.dimension, nearest.rouge_l) == (STYLE, 0.8)
    assert nearest.in_collection == "answers in verse with rhymes"
    assert compare({"a/0": near}, COLLECTION, Unseen(max_rouge_l=0.81)).seen == {}


def test_descriptions_in_other_scripts_are_compared_by_their_words() -> None:
    there = [preference_set(style="답변은 짧게 한다", background="他喜欢简短", informativeness="कम शब्दों में")]
    other = {"background": "我在海里", "informativeness": "समुद्र ठंडा है", "harmlessness": "ทะเล"}
    sets = {
        "near": preference_set(style="답변은 길게 한다", **other),
        "far": preference_set(style="바다는 넓다", **other),
    }
    found = compare({**sets, "same": there[0]}, there, Unseen(max_rouge_l=0.6))
    assert found.seen == {"near": TOO_SIMILAR, "same": SEEN}
    # 2 of 3 + 3 words in common. Without their words all of these descriptions were alike.
    assert [round(found.nearest[name].rouge_l, 3) for name in ("near", "far")] == [0.667, 0]


def test_the_same_description_in_another_dimension_does_not_count() -> None:
    moved = preference_set(style="Knows all of chemistry.", background="Answers in verse, with rhymes.")
    found = compare({"a/0": moved}, COLLECTION, Unseen(max_rouge_l=0.5))
    assert found.seen == {}
    assert found.nearest["a/0"].rouge_l == 0


def test_the_order_of_the_collection_does_not_change_what_is_named() -> None:
    two = [preference_set(style="one x"), preference_set(style="one y")]
    other = {"background": "q", "informativeness": "q", "harmlessness": "q"}
    sets = {"a/0": preference_set(style="one z", **other)}  # 2/4 with either
    spec = Unseen(max_rouge_l=1.0)
    assert compare(sets, two, spec).nearest == compare(sets, two[::-1], spec).nearest
    assert compare(sets, two, spec).nearest["a/0"].in_collection == "one x"


def test_every_instance_is_told_with_its_nearest_and_the_most_similar_first() -> None:
    sets = {"a/0": preference_set(style="alone"), "a/1": preference_set(style="Answers in verse, with rhymes!")}
    found = compare(sets, COLLECTION, Unseen(max_rouge_l=0.9))
    assert unseen_rows(sets, found, {**found.seen, "a/0": "no rubric"}) == [
        ["a/1", TOO_SIMILAR, STYLE, "1.0000", "Answers in verse, with rhymes!", "answers in verse with rhymes"],
        ["a/0", "no rubric", STYLE, "0.0000", "alone", ""],
    ]
    assert unseen_rows(sets, compare(sets, COLLECTION, Unseen()), {})[0] == ["a/0", *[""] * 5]  # nothing was compared


def test_the_distribution_of_the_highest_scores() -> None:
    # 0, 0.01, ..., 1: the hundredths themselves.
    assert distribution([k / 100 for k in range(101)]) == {"min": 0, "median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1}
    assert distribution([0.25]) == dict.fromkeys(["min", "median", "p90", "p99", "max"], 0.25)
    assert distribution([]) == {}


def asked(path: Path, values: dict[str, object]) -> str:
    write_jsonl(path, (row_of(Asked(item, Status.OK, value)) for item, value in values.items()))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A bench of one instruction with two sets, of which the Collection has the second."""
    sets = {"i-1/0": preference_set(style="new"), "i-1/1": COLLECTION[0]}
    rubrics = {f"{item}/{k}": {"criteria": "c", "scores": ["1", "2", "3", "4", "5"]} for item in sets for k in range(4)}
    texts = {item: "text" for item in sets}
    write_jsonl(tmp_path / "prompts.jsonl", [row_of(Instruction("i-1", "Do it.", "koala"))])
    collection = {f"i-2/{number}": one for number, one in enumerate(COLLECTION)}
    return {
        "prompts": str(tmp_path / "prompts.jsonl"),
        "preferences": asked(tmp_path / "p", {item: list(map(row_of, one)) for item, one in sets.items()}),
        "system-messages": asked(tmp_path / "m", dict(texts)),
        "references": asked(tmp_path / "a", dict(texts)),
        "rubrics": asked(tmp_path / "u", dict(rubrics)),
        "collection-preferences": asked(tmp_path / "c", {i: list(map(row_of, one)) for i, one in collection.items()}),
    }


def test_the_bench_is_written_with_a_file_of_what_was_left_out(tmp_path: Path, files: dict[str, str]) -> None:
    out = tmp_path / "bench.jsonl"
    options = [word for name, path in {**files, "out": str(out)}.items() for word in (f"--{name}", path)]
    done = CliRunner().invoke(app, ["bench", "assemble", "multifaceted", "--recipe", "recipes/janus.yaml", *options])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["i-1/0"]
    told = list(csv.DictReader((tmp_path / "bench.unseen.csv").open()))
    assert [(one["instance"], one["left_out"], one["rouge_l"]) for one in told] == [
        ("i-1/1", SEEN, "1.0000"),
        ("i-1/0", "", "0.0000"),
    ]
    manifest = json.loads(manifest_of(out).read_text())
    assert manifest["counts"]["left_out"] == {SEEN: 1, "no preference set": 1}  # the recipe asks for three sets
    assert manifest["counts"]["highest_rouge_l"]["median"] == 0.5
    assert list(manifest["files"]) == [str(tmp_path / "bench.unseen.csv")]


def test_an_instruction_of_which_people_excluded_all_is_not_expected(tmp_path: Path, files: dict[str, str]) -> None:
    out, overlay, excluded = (tmp_path / name for name in ("bench.jsonl", "overlay.yaml", "excluded.jsonl"))
    prompts = [Instruction(one, f"Do {one}.", "koala") for one in ("i-1", "i-3")]
    write_jsonl(Path(files["prompts"]), map(row_of, prompts))
    write_jsonl(excluded, ({"id": item, "reason": "bad"} for item in ("i-1/1", "i-3/0", "i-3/1", "i-3/2")))
    overlay.write_text(json.dumps({"benchmarks": {"multifaceted": {"excluded": str(excluded)}}}))
    options = [word for name, path in {**files, "out": str(out)}.items() for word in (f"--{name}", path)]
    recipes = ["--recipe", "recipes/janus.yaml", "--recipe", str(overlay)]
    done = CliRunner().invoke(app, ["bench", "assemble", "multifaceted", *recipes, *options])
    assert done.exit_code == 0, done.output
    counts = json.loads(manifest_of(out).read_text())["counts"]
    # 315 instructions with three instances each: four of these are gone, and with three of them one instruction.
    assert (sum(counts["expected"].values()), counts["expected_instructions"]) == (945 - 4, 314)
