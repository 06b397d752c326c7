"""`janus check` calls a cell what it is: in agreement, different, not to be told, or not to be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from janus_recipes.cli import app
from janus_recipes.errors import JanusError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import Status
from janus_recipes.reporting.agreement import CheckedTable, Finding, SameOrder, check_table
from janus_recipes.reporting.agreement_text import text_of
from janus_recipes.reporting.render import write_table
from janus_recipes.reporting.table import CSV_COLUMNS, build_table
from janus_recipes.workflow.specs import table_spec
from tests.tables import BENCH, BOTH, JUDGE, PUBLISHED, built, judged, recipe

PAPERS = "gpt-4-0125-preview"
CELL = {
    **{"model": "janus-7b", "condition": "multifaceted", "selection": "single", "benchmark": "Average"},
    **{"metric": "rubric_score", "judge": PAPERS, "value": 4.17, "ci_low": 4.12, "ci_high": 4.22},
    **{"n_expected": 921, "n_used": 921, "n_left_out": 0, "published": 4.17, "n_partial": 0},
}


def table_of(folder: Path, *cells: dict[str, Any]) -> Path:
    """A table's CSV with these cells, each `CELL` but for what is given; by the paper's judge with the difference."""
    rows = []
    for given in cells:
        cell = {**CELL, **given}
        comparable = cell["judge"] == PAPERS and "" not in (cell["value"], cell["published"])
        cell["difference"] = f"{cell['value'] - cell['published']:.4f}" if comparable else ""
        rows.append(",".join(str(cell[name]) for name in CSV_COLUMNS))
    path = folder / "table2.csv"
    path.write_text("\n".join([",".join(CSV_COLUMNS), *rows]) + "\n")
    return path


def checked(folder: Path, *cells: dict[str, Any], tolerance: float = 0.1) -> CheckedTable:
    return check_table(table_of(folder, *cells), tolerance)


def finding(folder: Path, tolerance: float = 0.1, **cell: Any) -> Finding:
    return checked(folder, cell, tolerance=tolerance).cells[0].finding


@pytest.mark.parametrize(
    ("value", "low", "high", "what"),
    [
        (4.27, 4.22, 4.32, Finding.AGREES),  # 4.27 - 4.17 is 0.09999999999999964 or, rounded, 0.1: within
        (4.07, 4.02, 4.12, Finding.AGREES),
        (4.30, 4.26, 4.34, Finding.UNCLEAR),  # 0.13 above, but the interval begins 0.09 above
        (4.04, 4.00, 4.08, Finding.UNCLEAR),
        (4.40, 4.28, 4.52, Finding.DIFFERS),  # begins 0.11 above
        (3.94, 3.82, 4.06, Finding.DIFFERS),  # ends 0.11 below
        (4.90, "", "", Finding.UNCLEAR),  # one instruction: no interval, so nothing is beyond chance
        (4.20, "", "", Finding.AGREES),
    ],
)
def test_a_cell_agrees_within_the_tolerance_and_differs_beyond_it_and_its_interval(
    value: float, low: Any, high: Any, what: Finding, tmp_path: Path
) -> None:
    assert finding(tmp_path, value=value, ci_low=low, ci_high=high) == what


@pytest.mark.parametrize(
    ("value", "n_used", "what"),
    [
        (4.17, 920, Finding.AGREES),  # the one left out moves the mean by less than 4/921
        (4.17, 821, Finding.HOLE),  # 100 of 921 as 1 instead of 4.17: 0.34 lower
        (3.00, 820, Finding.DIFFERS),  # 101 of 921 as 5 instead of 3: 0.22 higher, and still 0.95 below
        (3.00, 100, Finding.HOLE),  # all others as 5: above the published figure
        ("", 0, Finding.HOLE),
    ],
)
def test_holes_matter_as_far_as_they_could_change_the_finding(
    value: Any, n_used: int, what: Finding, tmp_path: Path
) -> None:
    ends = {} if value == "" else {"ci_low": value - 0.05, "ci_high": value + 0.05}
    hole = {"value": value, "n_used": n_used, "n_left_out": 921 - n_used}
    assert finding(tmp_path, **hole, **ends) == what


@pytest.mark.parametrize(
    ("value", "n_used", "n_partial", "what"),
    [
        (4.17, 921, 5, Finding.AGREES),  # were all five 5 instead of 1: 20 points of 921, 0.02
        (4.17, 921, 100, Finding.HOLE),  # 400 points of 921: 0.43
        (4.17, 820, 1, Finding.HOLE),  # left out and partial ones together
        (3.00, 921, 25, Finding.DIFFERS),  # 100 points: 0.11 higher, and still 0.95 below
        (4.90, 921, 921, Finding.HOLE),
        (1.00, 921, 1, Finding.DIFFERS),  # none below 1
    ],
)
def test_instances_averaged_over_the_verdicts_they_have_matter_as_far_as_the_rest_could(
    value: float, n_used: int, n_partial: int, what: Finding, tmp_path: Path
) -> None:
    partial = {"n_used": n_used, "n_left_out": 921 - n_used, "n_partial": n_partial}
    cell = {"value": value, "ci_low": value - 0.05, "ci_high": value + 0.05, **partial}
    assert finding(tmp_path, **cell) == what
    assert f"| {value:.2f}† |" in text_of(checked(tmp_path, cell))


def test_what_lacks_of_partial_instances_is_no_more_than_all_are_from_the_scales_end(tmp_path: Path) -> None:
    # Thirteen of 921 by 4 points each would be 0.056: 0.05 below could be 0.006 above, or 0.106 below and beyond the
    # tolerance. But no mean is below 1, so all of them can take 0.04 away at most: 0.09 below.
    cell = {"value": 1.04, "ci_low": 1.0, "ci_high": 1.08, "published": 1.09, "n_partial": 13}
    assert finding(tmp_path, **cell) == Finding.AGREES


def test_a_table_of_partial_instances_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    # Of each instance one of eight verdicts is there.
    lost = {f"{one.id}/{k}/{run}": Status.REFUSED for one in BENCH for k in range(4) for run in range(2) if k or run}
    answers = {**BOTH, ("janus-7b", "multifaceted"): judged(5, holes=lost)}
    ours = PUBLISHED.model_copy(update={"judge": JUDGE, "rows": {**PUBLISHED.rows, "janus-7b": [4.5, 5.0, 4.6]}})
    write_table(build_table("table2", recipe(missing_verdicts="average_rest"), BENCH, answers, ours), tmp_path)
    found = check_table(tmp_path / "table2.csv", 0.5)
    janus = [cell for cell in found.cells if (cell.model, cell.metric) == ("janus-7b", "rubric_score")]
    assert [(cell.n_used, cell.n_partial) for cell in janus] == [(6, 6), (2, 2), (8, 8)]
    assert {cell.finding for cell in janus} == {Finding.HOLE}


def test_an_interval_that_ends_at_the_tolerance_reaches_into_it(tmp_path: Path) -> None:
    cell = {"published": 1.0, "value": 1.3, "ci_low": 1.1, "ci_high": 1.5}
    assert finding(tmp_path, **cell) == Finding.UNCLEAR
    assert finding(tmp_path, **{**cell, "ci_low": 1.1001}) == Finding.DIFFERS


def test_holes_in_scores_of_an_unknown_range_could_change_anything(tmp_path: Path) -> None:
    assert finding(tmp_path, metric="elo", n_used=920, n_left_out=1) == Finding.HOLE


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ({"judge": "another-judge"}, Finding.OTHER_JUDGE),
        ({"judge": f"{PAPERS} (rehearsal)"}, Finding.REHEARSAL),
        ({"judge": "not run", "value": "", "n_expected": 0, "n_used": 0}, Finding.NOT_RUN),
        ({"judge": "not run (rehearsal)", "value": "", "n_expected": 0, "n_used": 0}, Finding.NOT_RUN),
        ({"published": ""}, Finding.NOT_PUBLISHED),
    ],
)
def test_what_cannot_be_compared_says_why(cell: dict[str, Any], what: Finding, tmp_path: Path) -> None:
    assert finding(tmp_path, **cell) == what


def test_a_written_table_is_read_back_as_it_was_built(tmp_path: Path) -> None:
    write_table(built(), tmp_path)
    # Two models of three columns, by another judge than the paper's; the swapped control is of nothing published.
    counts = check_table(tmp_path / "table2.csv", 0.1).counts
    assert counts == {Finding.OTHER_JUDGE: 6, Finding.NOT_PUBLISHED: 3}
    write_table(built(rehearsal=True), tmp_path)
    assert check_table(tmp_path / "table2.csv", 0.1).counts == {Finding.REHEARSAL: 6, Finding.NOT_PUBLISHED: 3}
    ours = build_table("table2", recipe(), BENCH, BOTH, PUBLISHED.model_copy(update={"judge": JUDGE}))
    write_table(ours, tmp_path)
    # janus-7b: 4.5, 5 and 4.625 beside 4.43, 4.41 and 4.17; Koala's single instruction shows no spread.
    janus = [cell for cell in check_table(tmp_path / "table2.csv", 0.1).cells if cell.model == "janus-7b"]
    assert [cell.finding for cell in janus[:3]] == [Finding.AGREES, Finding.UNCLEAR, Finding.UNCLEAR]


def test_the_order_of_models_is_told_of_another_judge_too(tmp_path: Path) -> None:
    published = {"a": 4.0, "b": 3.0, "c": 2.0, "d": 2.0}
    ours = {"a": 3.0, "b": 3.5, "c": 1.0, "d": 1.5}
    cells = [{"model": m, "value": ours[m], "published": published[m], "judge": "another"} for m in ours]
    found = checked(tmp_path, *cells)
    # Of six pairs c and d are no pair in the paper; a and b have changed places; the other four stand as there.
    assert found.orders == [SameOrder("Average", "another", 4, 5)]
    assert "order of Average by another: the paper's in 4 of 5 pairs" in text_of(found)
    assert not checked(tmp_path, *({**cell, "judge": "another (rehearsal)"} for cell in cells)).orders


def test_scores_of_two_judges_are_not_put_into_one_order(tmp_path: Path) -> None:
    found = checked(tmp_path, {"model": "a", "judge": "one"}, {"model": "b", "judge": "another", "published": 3.0})
    assert not found.orders


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *map(str, arguments), "--recipe", "recipes/janus.yaml"])
    if isinstance(done.exception, JanusError):
        return done.exception.exit_code, str(done.exception)
    return done.exit_code, done.output


def test_the_exit_code_is_1_where_a_cell_differs_and_only_there(workplace: Path) -> None:
    differing = {"value": 3.9, "ci_low": 3.85, "ci_high": 3.95}
    assert run(table_of(workplace, {}, {"n_used": 100}, {"judge": "another"}), "--tolerance", 0.1)[0] == 0
    code, told = run(table_of(workplace, {}, differing), "--tolerance", 0.1)
    assert code == 1 and "compared: 1 agrees, 1 differs" in told
    assert run(table_of(workplace, {}, differing), "--tolerance", 0.3)[0] == 0


def test_a_table_of_the_recipe_is_found_and_judged_by_its_own_tolerance(workplace: Path) -> None:
    tables = workplace / "results" / "janus" / "tables"
    tables.mkdir(parents=True)
    stated = load_recipe([Path("recipes/janus.yaml")]).tables["table2"].tolerance
    assert stated is not None
    table_of(tables, {"value": 4.17 + stated, "ci_low": 4.17, "ci_high": 4.17 + 2 * stated})
    code, told = run("table2")
    assert code == 0 and f"tolerance {stated:g}" in told and "1 agrees" in told


def test_json_has_every_cell_and_what_it_is(workplace: Path) -> None:
    _, told = run(table_of(workplace, {}, {"published": ""}), "--tolerance", 0.1, "--json")
    (table,) = json.loads(told)
    assert (table["table"], table["tolerance"]) == ("table2", 0.1)
    assert table["counts"] == {"agrees": 1, "not published": 1}
    assert [cell["finding"] for cell in table["cells"]] == ["agrees", "not published"]
    assert table["cells"][0]["difference"] == 0.0


def test_all_that_is_missing_is_told_at_once(workplace: Path) -> None:
    code, told = run("table2", "no-such/table2.csv")
    assert code == 2
    assert "results/janus/tables/table2.csv: not there" in told and "no-such/table2.csv: not there" in told
    code, told = run("tabel2")
    assert code == 2 and "did you mean table2?" in told


def test_another_csv_is_not_taken_for_a_tables(tmp_path: Path, workplace: Path) -> None:
    write_table(built(), tmp_path)
    code, told = run(tmp_path / "table2.comparisons.csv", "--tolerance", 0.1)
    assert code == 2 and "no CSV of a table, or one of an older version: it has no column metric, value" in told
    (tmp_path / "bad.csv").write_bytes(b"model,\xff\n")
    code, told = run(tmp_path / "bad.csv", "--tolerance", 0.1)
    assert code == 2 and "bad.csv: no CSV of a table: it is not UTF-8" in told
    torn = table_of(tmp_path, {}, {"value": "4.1x", "published": ""})
    code, told = run(torn, "--tolerance", 0.1)
    assert code == 2 and f"{torn}:3: no row of a table's CSV" in told


def test_a_csv_kept_under_another_name_needs_a_tolerance(workplace: Path) -> None:
    kept = table_of(workplace, {}).rename(workplace / "kept.csv")
    code, told = run(kept)
    assert code == 2 and "kept.csv: the recipe states no tolerance for a table kept: give --tolerance" in told
    assert run(kept, "--tolerance", 0.1)[0] == 0


def test_another_tolerance_builds_no_table_anew() -> None:
    before = recipe()
    stated = before.tables["table2"].model_copy(update={"tolerance": 0.1})
    assert table_spec(before, "table2") == table_spec(
        before.model_copy(update={"tables": {"table2": stated}}), "table2"
    )
