"""Answers that best-of-n selected are rows of their own, and what only the paper ran is shown as not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.best_of import Answers
from janus_recipes.records import Status, row_of
from janus_recipes.reporting.make import judged_answers
from janus_recipes.reporting.published import PublishedTable, read_published
from janus_recipes.reporting.render import MINUS, html_of, markdown_of
from janus_recipes.reporting.table import BuiltTable, build_table
from tests.tables import BENCH, BOTH, COLUMNS, JUDGE, PAPER, PUBLISHED, csv_of, judged, recipe

BEST = "best-of-64"
ANSWERS = {
    ("janus-7b", "multifaceted"): judged(3, swapped=2),
    ("janus-7b", f"multifaceted.{BEST}"): judged(5, swapped=2),
}
HOLE = {"i-a/0/0/0": Status.REFUSED}
TABLE11 = PublishedTable(
    source="Table 11",
    judge="gpt-4-0125-preview",
    condition="multifaceted",
    columns=[*COLUMNS, "Average"],
    rows={"janus-7b": [4.41, 4.36, 4.14]},
    selections={BEST: {"janus-7b": [4.41, 4.42, 4.28]}},
)


def table_of(published: PublishedTable | None = TABLE11, **more: Any) -> BuiltTable:
    """One model, its single answers and the best of 64."""
    spec = recipe(models=("janus-7b",), **more)
    table = spec.tables["table2"].model_copy(update={"selections": ["single", BEST]})
    return build_table("table2", spec.model_copy(update={"tables": {"table2": table}}), BENCH, ANSWERS, published)


def test_selected_answers_are_rows_of_their_own_and_the_models_name_stays_plain(tmp_path: Path) -> None:
    rows = [r for r in csv_of(table_of(), tmp_path) if r["benchmark"] == "Average" and r["metric"] == "rubric_score"]
    told = [(r["model"], r["selection"], r["value"], r["published"]) for r in rows]
    # i-b's three instances of eight have one point less: 3 - 3/8, 5 - 3/8. The paper's figure is that of the same row.
    assert told == [("janus-7b", "single", "2.6250", "4.1400"), ("janus-7b", BEST, "4.6250", "4.2800")]
    assert len({r["model"] for r in csv_of(table_of(), tmp_path)}) == 1


def test_the_best_is_compared_with_the_single_answer_of_the_same_instances(tmp_path: Path) -> None:
    best, *controls = table_of().comparisons
    assert (best.kind, best.model, best.selection, best.against) == (
        "selected_minus_single",
        "janus-7b",
        BEST,
        "single",
    )
    assert best.difference == (2.0, (2.0, 2.0), 8)
    assert [(one.kind, one.selection) for one in controls] == [
        ("own_minus_swapped", "single"),
        ("own_minus_swapped", BEST),
    ]
    for page in (markdown_of(table_of()), html_of(table_of())):
        assert f"janus-7b: {BEST} {MINUS} single" in page
        assert "multifaceted" in page and BEST in page


def test_what_is_missing_is_told_of_the_selection_that_lacks_it() -> None:
    answers = {**ANSWERS, ("janus-7b", f"multifaceted.{BEST}"): judged(5, swapped=2, holes=HOLE)}
    spec = recipe(models=("janus-7b",))
    table = spec.tables["table2"].model_copy(update={"selections": ["single", BEST]})
    holed = build_table("table2", spec.model_copy(update={"tables": {"table2": table}}), BENCH, answers, None)
    assert f"janus-7b (multifaceted, {BEST}): {COLUMNS[0]} 5 of 6: 1 left out (1 refused)" in markdown_of(holed)


def test_models_are_compared_under_the_same_selection_only() -> None:
    spec = recipe()
    table = spec.tables["table2"].model_copy(update={"selections": ["single", BEST]})
    spec = spec.model_copy(update={"tables": {"table2": table}})
    answers = {(model, file): judged(4) for model in ("mistral-7b-v0.2", "janus-7b") for _, file in ANSWERS}
    found = [
        (one.kind, one.model, one.selection, one.against)
        for one in build_table("table2", spec, BENCH, answers, None).comparisons
    ]
    assert found == [
        ("selected_minus_single", "mistral-7b-v0.2", BEST, "single"),
        ("trained_minus_base", "janus-7b", "single", "mistral-7b-v0.2"),
        ("trained_minus_base", "janus-7b", BEST, "mistral-7b-v0.2"),
        ("selected_minus_single", "janus-7b", BEST, "single"),
    ]


def test_a_table_without_selections_has_no_column_for_them_on_its_pages() -> None:
    table = build_table("table2", recipe(), BENCH, BOTH, PUBLISHED)
    assert "Selection" not in markdown_of(table) and "selection" not in html_of(table)
    assert "| Selection" in markdown_of(table_of()) and "system message, selection" in html_of(table_of())


@pytest.mark.parametrize("selection", ["single", BEST, "of.two"])
def test_whose_verdicts_a_file_has_is_read_from_its_name(selection: str, tmp_path: Path) -> None:
    answers = Answers("janus-7b", "multifaceted", selection)
    paths = []
    for rubrics in ("own", "swapped"):
        path = tmp_path / "janus-7b" / f"{answers.file}.{rubrics}.jsonl"
        path.parent.mkdir(exist_ok=True)
        write_jsonl(path, map(row_of, judged(4).own))
        asked = {"model": JUDGE, "first_answer_at": "2026-11-20", "last_answer_at": "2026-11-20"}
        manifest_of(path).write_text(json.dumps({"asked": asked}))
        paths.append(path)
    found = judged_answers(paths)
    assert list(found) == [("janus-7b", answers.file)] and found["janus-7b", answers.file].swapped is not None


def test_the_papers_best_of_64_stands_beside_ours_and_nothing_else() -> None:
    table11 = read_published(PAPER, "table11")
    assert table11.figure("janus-star-7b", "multifaceted", "Average") == 4.14
    assert table11.figure("janus-star-7b", "multifaceted", "Average", BEST) == 4.28
    assert table11.figure("janus-star-7b", "multifaceted", "Average", "best-of-8") is None
    assert [(one.model, one.selection) for one in table11.answers()] == [
        ("janus-star-7b", "single"),
        ("janus-star-7b", BEST),
        ("janus-dpo-7b", "single"),
        ("janus-dpo-7b", BEST),
    ]


def test_a_selections_row_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "published.yaml"
    file.write_text("t: {source: T, judge: j, condition: none, columns: [A], rows: {}, selections: {s: {m: [1, 2]}}}")
    with pytest.raises(RecipeError, match=r"selections\.s\.m has 2 figures for 1 columns"):
        read_published(file, "t")


def test_what_only_the_paper_ran_is_shown_as_not_run_and_counted_as_nothing(tmp_path: Path) -> None:
    paper = PUBLISHED.model_copy(
        update={
            "columns": [*COLUMNS, "Average", "MT-Bench"],
            "rows": {"gpt-4-0613": [4.25, 4.18, 4.10, 9.2], "janus-7b": [4.43, 4.41, 4.17, 7.7]},
        }
    )
    table = build_table("table2", recipe(), BENCH, BOTH, paper)
    assert table.columns == (*COLUMNS, "Average", "MT-Bench")
    rows = {(r["model"], r["benchmark"]): r for r in csv_of(table, tmp_path) if r["metric"] == "rubric_score"}
    column, row = rows["janus-7b", "MT-Bench"], rows["gpt-4-0613", "Average"]
    for cell, published in ((column, "7.7000"), (row, "4.1000")):
        assert (cell["judge"], cell["value"], cell["published"], cell["difference"]) == ("not run", "", published, "")
        assert (cell["n_expected"], cell["n_used"], cell["n_left_out"]) == ("0", "0", "0")
    # The Average of our own row stands where it stood, with its instances.
    assert (rows["janus-7b", "Average"]["value"], rows["janus-7b", "Average"]["n_used"]) == ("4.6250", "8")
    markdown, page = markdown_of(table), html_of(table)
    (ours,) = (line for line in markdown.splitlines() if line.startswith("| gpt-4-0613") and "| ours" in line)
    assert ours.count("not run") == 4
    (ours,) = (line for line in markdown.splitlines() if line.startswith("| janus-7b") and "| ours" in line)
    assert ours.count("not run") == 1 and "4.62" in ours
    # The base has a row of its own without the column; gpt-4 four cells; janus-7b one.
    assert page.count("<small>not run</small>") == 6
    assert not any("gpt-4-0613" in (one.model, one.against) for one in table.comparisons)


def test_a_condition_that_only_the_paper_ran_is_not_run_either() -> None:
    paper = PublishedTable(
        source="Table 8",
        judge="gpt",
        benchmark="Average",
        columns=["none", "multifaceted"],
        rows={"janus-7b": [3.9, 4.2]},
    )
    table = build_table("table2", recipe(models=("janus-7b",)), BENCH, BOTH, paper)
    lines = [
        (line.condition, line.is_run, line.average.published) for line in table.lines if line.metric == "rubric_score"
    ]
    assert lines == [("multifaceted", True, 4.2), ("none", False, 3.9)]
