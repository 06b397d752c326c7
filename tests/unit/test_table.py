"""A table's figures are the right means, in the promised columns and order."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from janus_recipes.records import Status
from janus_recipes.reporting.render import write_table
from janus_recipes.reporting.table import CSV_COLUMNS, build_table, comparison_rows
from tests.tables import BENCH, BOTH, COLUMNS, JUDGE, PUBLISHED, built, csv_of, judged, line_of, recipe


def test_the_average_is_over_instances_not_over_columns() -> None:
    cells = line_of(built(), "janus-7b").cells
    # mf-AlpacaEval: three of 5 and three of 4; mf-Koala: two of 5; all: (3*5 + 3*4 + 2*5)/8 = 37/8, not (4.5 + 5)/2.
    assert [cell.benchmark for cell in cells] == [*COLUMNS, "Average"]
    assert [cell.estimate.value for cell in cells] == [4.5, 5.0, 4.625]
    assert [cell.counts.n_expected for cell in cells] == [6, 2, 8]


def test_the_csv_has_exactly_the_promised_columns_and_the_recipes_order(tmp_path: Path) -> None:
    found = csv_of(built(), tmp_path)
    assert tuple(found[0]) == CSV_COLUMNS
    assert ",".join(CSV_COLUMNS) == (
        "model,condition,selection,benchmark,metric,judge,value,ci_low,ci_high,"
        "n_expected,n_used,n_left_out,published,difference,n_partial"
    )
    metrics = [("mistral-7b-v0.2", "rubric_score"), ("janus-7b", "rubric_score"), ("janus-7b", "swapped_rubric_score")]
    assert [(r["model"], r["metric"], r["benchmark"]) for r in found] == [
        (*metric, column) for metric in metrics for column in (*COLUMNS, "Average")
    ]
    assert {(r["condition"], r["selection"], r["judge"]) for r in found} == {("multifaceted", "single", JUDGE)}


def test_columns_stand_as_the_paper_prints_them_and_others_after() -> None:
    # The recipe names mf-Koala first, as it keeps a prompt that both benchmarks have.
    assert built().columns == ("mf-AlpacaEval", "mf-Koala", "Average")
    koala_only = PUBLISHED.model_copy(update={"columns": ["mf-Koala"], "rows": {}})
    assert build_table("table2", recipe(), BENCH, BOTH, koala_only).columns == ("mf-Koala", "mf-AlpacaEval", "Average")
    assert build_table("table2", recipe(), BENCH, BOTH, None).columns == ("mf-Koala", "mf-AlpacaEval", "Average")


def test_models_stand_in_the_order_of_the_recipes_table() -> None:
    turned = ("janus-7b", "mistral-7b-v0.2")
    assert [line.model for line in built(models=turned).lines] == ["janus-7b", "janus-7b", "mistral-7b-v0.2"]


def test_what_there_is_none_of_is_an_empty_cell_and_not_nan(tmp_path: Path) -> None:
    # Every answer to i-c failed: its column has no mean. The first column has one instruction with verdicts left.
    lost = {row.id: Status.MISSING for row in BOTH["janus-7b", "multifaceted"].own if not row.id.startswith("i-a")}
    answers = {**BOTH, ("janus-7b", "multifaceted"): judged(5, holes=lost)}
    found = {r["benchmark"]: r for r in csv_of(built(answers), tmp_path) if r["model"] == "janus-7b"}
    koala, alpaca = found["mf-Koala"], found["mf-AlpacaEval"]
    assert [koala[k] for k in ("value", "ci_low", "ci_high", "n_expected", "n_used", "n_left_out")] == [
        "",
        "",
        "",
        "2",
        "0",
        "2",
    ]
    assert [alpaca[k] for k in ("value", "ci_low", "ci_high", "n_used")] == ["5.0000", "", "", "3"]
    for file in tmp_path.iterdir():
        assert not re.search(r"\b(nan|NaN|None)\b", file.read_text()), file


def test_each_csv_row_of_a_rehearsal_says_so_beside_its_judge(tmp_path: Path) -> None:
    real, rehearsed = (csv_of(built(rehearsal=rehearsal), tmp_path) for rehearsal in (False, True))
    assert {row["judge"] for row in rehearsed} == {f"{row['judge']} (rehearsal)" for row in real}
    assert all("rehearsal" in row[6] for row in comparison_rows(built(rehearsal=True)))


def test_the_same_verdicts_in_another_order_write_the_same_bytes(tmp_path: Path) -> None:
    turned = {pair: replace(one, own=list(reversed(one.own))) for pair, one in BOTH.items()}
    write_table(built(), tmp_path / "one")
    write_table(built(turned), tmp_path / "two")
    files = sorted((tmp_path / "one").iterdir())
    names = ["table2.comparisons.csv", "table2.csv", "table2.html", "table2.md", "table2.reliability.csv"]
    assert [file.name for file in files] == names
    assert all(file.read_bytes() == (tmp_path / "two" / file.name).read_bytes() for file in files)
