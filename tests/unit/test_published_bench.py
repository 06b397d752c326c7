"""A published bench is loaded as it is, or the step says what is wrong; what people excluded is left out."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from janus_recipes.benchmarks.assemble import Assembled
from janus_recipes.benchmarks.excluded import Exclusion, instance_digest, read_excluded, without_excluded
from janus_recipes.benchmarks.expected import (
    NOTED,
    NOTED_INSTRUCTIONS,
    expected_by_column,
    expected_instructions,
    instructions_without,
    without,
)
from janus_recipes.benchmarks.published import LoadedBench, load_bench
from janus_recipes.cli import app
from janus_recipes.commands.answer_analyses import answered_bench
from janus_recipes.commands.win_rates import build
from janus_recipes.errors import RecipeError, StepError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.nodes import asking_nodes, instances_at_most
from janus_recipes.recipe.answer_analysis import AnswerAnalysis
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.published_bench import PublishedBench, PublishedFields
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, instruction_id, read_bench
from janus_recipes.win_rates.compare import EQUAL_ANSWERS
from janus_recipes.workflow.specs import assembling_spec, published_spec

ROOT = Path(__file__).parents[2]
RECIPES = [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")]
AUTHORS_DIMENSIONS = ("style", "background_knowledge", "informativeness", "harmlessness")


def record(prompt: str, system: str, source: str = "koala", **changes: Any) -> dict[str, Any]:
    """A record in the form of the authors' release; the text is ours."""
    scores = {str(score): f"worth {score}" for score in range(1, 6)}
    made = {
        "source": source,
        "preference_set": [
            {"dimension": one, "subdimension": "s", "preference": f"prefers {one}", "description": "Described."}
            for one in AUTHORS_DIMENSIONS
        ],
        "system": system,
        "prompt": prompt,
        "reference_answer": f"The answer to {prompt} as {system} wants it.",
        "rubrics": [{"criteria": f"Is it {one}?", "score_descriptions": scores} for one in AUTHORS_DIMENSIONS],
    }
    return {**made, **changes}


RECORDS = [
    record("Bake bread.", "A baker speaks."),
    record("Bake bread.", "A chemist speaks."),
    record("Bake bread.", "A poet speaks."),
    record("Name a river.", "A child speaks.", source="Alpha-nlg (art)"),
]
COLUMNS = {"koala": "mf-Koala"}


def written(folder: Path, records: list[dict[str, Any]]) -> str:
    path = folder / "bench.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return str(path)


def loaded(folder: Path, records: list[dict[str, Any]], **spec: Any) -> LoadedBench:
    given = {"instances": len(records), "columns": COLUMNS, "other_column": "mf-FLASK", **spec}
    return load_bench("multifaceted", PublishedBench(path=written(folder, records), **given))


def test_each_record_becomes_an_instance_with_its_column_and_four_rubrics(tmp_path: Path) -> None:
    bench = loaded(tmp_path, RECORDS)
    assert sorted(one.id for one in bench.instances) == sorted(
        [f"{instruction_id('Bake bread.')}/{n}" for n in range(3)] + [f"{instruction_id('Name a river.')}/0"]
    )
    assert [one.benchmark for one in bench.instances if one.instruction == "Name a river."] == ["mf-FLASK"]
    assert bench.sources == {"koala": 3, "Alpha-nlg (art)": 1}
    for one in bench.instances:
        assert tuple(rubric.dimension for rubric in one.rubrics) == DIMENSIONS
        assert one.rubrics[1].criteria == "Is it background_knowledge?"
        assert one.rubrics[1].scores[4] == "worth 5"
        assert [preference.dimension for preference in one.preferences] == list(DIMENSIONS)


def test_the_order_of_the_file_and_of_the_dimensions_in_a_record_decide_nothing(tmp_path: Path) -> None:
    shuffled = [
        {**one, "rubrics": one["rubrics"][::-1], "preference_set": one["preference_set"][::-1]} for one in RECORDS
    ]
    random.Random(3).shuffle(shuffled)
    assert loaded(tmp_path, shuffled).instances == loaded(tmp_path, RECORDS).instances


def test_a_file_without_preferences_is_loaded_by_the_order_of_its_rubrics(tmp_path: Path) -> None:
    older = [
        {"rubric": one["rubrics"], **{k: v for k, v in one.items() if k[:3] not in ("pre", "rub")}} for one in RECORDS
    ]
    bench = loaded(tmp_path, older, fields=PublishedFields(rubrics="rubric", preferences=""))
    assert {one.preferences for one in bench.instances} == {()}
    assert [one.dimension for one in bench.instances[0].rubrics] == list(DIMENSIONS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference_answer": " "}, "`reference_answer` is empty or no text"),
        ({"rubrics": []}, "`rubrics` has 0 rubrics, one for each of the four dimensions is needed"),
        ({"rubrics": [{"criteria": "c", "score_descriptions": {"1": "one"}}] * 4}, "there is no `2`"),
        ({"preference_set": []}, "`preference_set` has not one preference for each of Style"),
    ],
)
def test_a_record_that_lacks_a_part_is_named_with_what_it_lacks(
    tmp_path: Path, changes: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(StepError, match=f"1 records cannot be read: record 5: {message}"):
        loaded(tmp_path, [*RECORDS, record("Draw.", "A painter speaks.", **changes)])


def test_a_wrong_field_name_stops_with_the_names_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"there is no `system_message`.*A record has: preference_set, .*system"):
        loaded(tmp_path, RECORDS, fields=PublishedFields(system_message="system_message"))


def test_another_number_of_instances_than_the_recipe_says_stops(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="4 instances are there, 921 should be"):
        loaded(tmp_path, RECORDS, instances=921)


def test_a_source_without_a_column_and_a_column_without_a_source_stop_with_the_sources_that_are_there(
    tmp_path: Path,
) -> None:
    with pytest.raises(StepError, match=r"some sources have no column; there are: Alpha-nlg \(art\) \(1\)"):
        loaded(tmp_path, RECORDS, other_column=None)
    with pytest.raises(StepError, match=r"no instance has the source 'Koala' \(did you mean koala\?\)"):
        loaded(tmp_path, RECORDS, columns={"Koala": "mf-Koala"})


def test_the_same_instance_twice_stops(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"a prompt has the same system message twice: 'Bake bread.'"):
        loaded(tmp_path, [*RECORDS, RECORDS[0]])


def test_an_excluded_instance_is_gone_and_its_column_expects_one_less(tmp_path: Path) -> None:
    bench = loaded(tmp_path, RECORDS).instances
    columns = {one.id: one.benchmark for one in bench}
    baker = next(one.id for one in bench if one.system_message == "A baker speaks.")
    left = without_excluded(bench, {baker: Exclusion("bad reference")}, columns, "x.jsonl")
    assert baker not in {one.id for one in left} and len(left) == 3
    # Three of Koala and one of FLASK were there; one of Koala's is gone.
    assert without({"mf-Koala": 3, "mf-FLASK": 1}, columns, [baker]) == {"mf-Koala": 2, "mf-FLASK": 1}


def test_an_instruction_is_expected_until_people_exclude_all_its_instances() -> None:
    # Four instructions are asked for; three were found, with two instances each.
    items = [f"{one}/{n}" for one in ("i-1", "i-2", "i-3") for n in (0, 1)]
    assert instructions_without(4, items, ["i-1/0"]) == 4
    assert instructions_without(4, items, ["i-1/0", "i-1/1", "i-2/1"]) == 3


def test_an_exclusion_of_texts_that_were_made_anew_since_is_refused(tmp_path: Path) -> None:
    bench = loaded(tmp_path, RECORDS).instances
    ids = {one.id for one in bench}
    excluded = {bench[0].id: Exclusion("bad reference", instance_digest(bench[0]))}
    assert without_excluded(bench, excluded, ids, "x.jsonl") == bench[1:]
    anew = [replace(bench[0], reference_answer="A better one."), *bench[1:]]
    with pytest.raises(StepError, match=f"x.jsonl: 1 of 1 instances have other texts .* {bench[0].id} first"):
        without_excluded(anew, excluded, ids, "x.jsonl")
    renamed = [replace(one, benchmark="another column") for one in bench]  # which is no text that people judged
    assert without_excluded(renamed, excluded, ids, "x.jsonl") == renamed[1:]


def test_what_people_excluded_is_counted_by_their_reason_whatever_else_is_wrong_with_it() -> None:
    report = Assembled({"i-1/0": "no rubric", "i-2/0": "no rubric"})
    report.exclude({"i-1/0": "bad reference"})
    assert report.left_out == {"excluded: bad reference": 1, "no rubric": 1}


def test_an_excluded_id_that_is_not_in_the_bench_is_named_with_the_file(tmp_path: Path) -> None:
    bench = loaded(tmp_path, RECORDS).instances
    with pytest.raises(StepError, match=r"x.jsonl: 1 of 1 ids are not in this bench, i-000000000000/0 first"):
        without_excluded(bench, {"i-000000000000/0": Exclusion("bad")}, {one.id for one in bench}, "x.jsonl")


def test_a_file_of_exclusions_of_another_form_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "i-1/0", "reason": "bad"}\n{"id": "i-1/1"}\n')
    with pytest.raises(StepError, match=r"x.jsonl:2: a row is"):
        read_excluded(str(path))
    assert read_excluded(None) == {}


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rehearsal whose bench is a published file, one instance of which people found bad."""
    excluded = tmp_path / "excluded.jsonl"
    excluded.write_text(json.dumps({"id": f"{instruction_id('Name a river.')}/0", "reason": "bad reference"}) + "\n")
    published = {"path": written(tmp_path, RECORDS), "instances": 4, "columns": COLUMNS, "other_column": "mf-FLASK"}
    bench = {"published": published, "excluded": str(excluded)}
    path = tmp_path / "overlay.yaml"
    path.write_text(json.dumps({"name": "loaded", "benchmarks": {"multifaceted": bench}}))
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return path


def test_nothing_is_asked_for_a_published_bench_and_tables_expect_what_it_has(overlay: Path) -> None:
    recipe = load_recipe([*RECIPES, overlay])
    nodes = [node.name for node in asking_nodes(recipe)]
    assert [name for name in nodes if name.startswith("multifaceted.")] == []
    assert any("judge" in name for name in nodes)
    assert instances_at_most(recipe, "multifaceted") == 4
    with pytest.raises(StepError, match="make the bench multifaceted again"):
        expected_by_column(recipe, "multifaceted")
    out = Path("results/loaded/bench/multifaceted/bench.jsonl")
    options = [part for path in (*RECIPES, overlay) for part in ("--recipe", str(path))]
    result = CliRunner().invoke(app, ["bench", "load", "multifaceted", *options, "--out", str(out)])
    assert result.exit_code == 0, result.output
    counts = json.loads(out.with_name("bench.jsonl.manifest.json").read_text())["counts"]
    assert counts["left_out"] == {"excluded: bad reference": 1}
    assert [one.benchmark for one in read_bench(out)] == ["mf-Koala"] * 3
    assert expected_by_column(recipe, "multifaceted") == {"mf-Koala": 3, "mf-FLASK": 0}
    # Of two instructions one has no instance left.
    assert expected_instructions(recipe, "multifaceted") == 1
    # Of a bench elsewhere its own manifest tells, whatever lies in the usual place.
    elsewhere = Path("copy", "bench.jsonl")
    elsewhere.parent.mkdir()
    manifest_of(elsewhere).write_text(json.dumps({"counts": {NOTED: {"mf-Koala": 4}, NOTED_INSTRUCTIONS: 5}}))
    assert expected_by_column(recipe, "multifaceted", elsewhere) == {"mf-Koala": 4}
    assert expected_instructions(recipe, "multifaceted", elsewhere) == 5
    with pytest.raises(StepError, match=r"nowhere.* make the bench multifaceted again"):
        expected_by_column(recipe, "multifaceted", Path("nowhere/bench.jsonl"))
    figure = AnswerAnalysis(table=next(iter(recipe.tables)), models=["janus-7b"])
    answers = Path("answers/multifaceted/janus-7b/multifaceted.jsonl")
    write_jsonl(answers, [])
    elsewhere.write_bytes(out.read_bytes())
    looked_at = answered_bench(recipe, figure, elsewhere, [answers])
    assert (looked_at.n_expected, looked_at.n_expected_instructions) == (4, 5)
    page = Path("page/gains.csv")
    build("gains", verdicts_on(recipe, page.with_suffix("")), [*RECIPES, overlay], elsewhere, page)
    counts = json.loads(manifest_of(page).read_text())["counts"]
    assert (counts["instances"], counts["expected"]) == (3, 4)


def verdicts_on(recipe: Recipe, folder: Path) -> list[Path]:
    """Files without a verdict for each pair of the page of win rates."""
    files = [folder / first / f"{second}.jsonl" for first, second in recipe.win_rates["gains"].pairs]
    asked = {"model": "m", "first_answer_at": None, "last_answer_at": None}
    for path in files:
        write_jsonl(path, [])
        manifest_of(path).write_text(json.dumps({"asked": asked, "notes": {EQUAL_ANSWERS: []}}))
    return files


def test_an_edit_of_a_licence_or_of_where_a_prompt_came_from_makes_no_bench_anew() -> None:
    recipe = load_recipe(RECIPES)
    bench = recipe.benchmarks["multifaceted"]
    first, source = next(iter(bench.sources.items()))

    def spec(**edit: Any) -> str:
        sources = {**bench.sources, first: source.model_copy(update=edit)}
        edited = {"multifaceted": bench.model_copy(update={"sources": sources})}
        return assembling_spec(recipe.model_copy(update={"benchmarks": edited}), "multifaceted")

    assert spec(licence="CC-BY-4.0") == spec() == spec(path="elsewhere.jsonl")
    assert len({spec(), spec(column="other"), spec(quota=source.quota + 1)}) == 3

    def loading(**edit: Any) -> str:
        edited = bench.model_copy(update={"published": PublishedBench(path="bench.jsonl", **edit)})
        return published_spec(recipe.model_copy(update={"benchmarks": {"multifaceted": edited}}), "multifaceted")

    assert loading(licence="CC-BY-4.0") == loading() != loading(instances=4)


def test_a_recipe_whose_file_of_exclusions_is_not_there_is_refused(overlay: Path) -> None:
    Path("excluded.jsonl").unlink()
    with pytest.raises(RecipeError, match=r"benchmarks.multifaceted.excluded: there is no file .*excluded.jsonl"):
        load_recipe([*RECIPES, overlay])
