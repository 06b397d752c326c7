"""What a figure does not stand on is counted, named and marked."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.records import Status
from janus_recipes.reporting.render import html_of, markdown_of
from janus_recipes.reporting.table import JudgedAnswers, build_table
from tests.tables import BENCH, BOTH, JUDGE, PUBLISHED, built, csv_of, judged, line_of, recipe, rows


def test_cells_with_holes_are_marked_and_the_statuses_listed() -> None:
    holes = {"i-a/0/2/1": Status.UNPARSED, "i-a/0/3/1": Status.REFUSED, "i-b/2/0/0": Status.REFUSED}
    table = built({**BOTH, ("janus-7b", "multifaceted"): judged(5, holes=holes)})
    # Left out: i-a/0 (unparsed first) and i-b/2. Left: 5, 5, 4, 4 -> 4.5, and the second column is whole.
    average = line_of(table, "janus-7b").average
    assert (average.counts.n_expected, average.counts.n_used, average.counts.n_left_out) == (8, 6, 2)
    markdown = markdown_of(table)
    assert re.search(r"janus-7b .*\| +4\.50† \| +5\.00 \| +4\.67† \|", markdown)
    assert "mf-AlpacaEval 4 of 6: 2 left out (1 unparsed, 1 refused)" in markdown
    page = html_of(table)
    assert 'title="4 of 6: 2 left out (1 unparsed, 1 refused)">†</abbr>' in page and "6 of 8" in page
    assert "†" not in markdown_of(built()) + html_of(built())


def test_instances_that_the_bench_lacks_are_counted_as_missing(tmp_path: Path) -> None:
    # i-b/2 (refused by the teacher, say) is not in the bench; i-a/0 and i-a/1 lack a verdict: 3 of 6 are out.
    holes = {"i-a/0/2/1": Status.MISSING, "i-a/1/0/0": Status.UNPARSED}
    there = {pair: judged(score, holes=holes) for pair, score in zip(BOTH, (2, 5), strict=True)}
    gone = {
        pair: replace(one, own=[v for v in one.own if not v.id.startswith("i-b/2/")]) for pair, one in there.items()
    }
    bench = [one for one in BENCH if one.id != "i-b/2"]
    table = build_table("table2", recipe(), bench, gone, PUBLISHED)
    found = [r for r in csv_of(table, tmp_path) if r["model"] == "janus-7b"]
    assert [(r["n_expected"], r["n_used"], r["n_left_out"]) for r in found] == [
        ("6", "3", "3"),
        ("2", "2", "0"),
        ("8", "5", "3"),
    ]
    # Left in the first column: i-a/2 with 5, i-b/0 and i-b/1 with 4.
    assert found[0]["value"] == "4.3333"
    markdown, page = markdown_of(table), html_of(table)
    assert "mf-AlpacaEval 3 of 6: 3 left out (1 unparsed, 2 missing)" in markdown
    assert re.search(r"janus-7b .*\| +4\.33† \| +5\.00 \| +4\.60† \|", markdown)
    for text in (markdown, page):
        assert "of 7 instances of 3 instructions" in text and "5 of 8" in text
        assert re.search("The bench lacks 1 of the recipe(&#39;|')s 8 instances", text)
    assert "The bench lacks" not in markdown_of(built()) + html_of(built())
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        (compared,) = csv.DictReader(lines)
    assert (compared["n_expected"], compared["n_used"], compared["n_left_out"]) == ("8", "5", "3")


def test_a_column_of_which_the_bench_has_nothing_is_a_hole_and_not_a_shorter_table(tmp_path: Path) -> None:
    bench = [one for one in BENCH if one.instruction_id != "i-c"]
    there = {"janus-7b": rows({one.id: 4 for one in bench})}
    only = {(model, "multifaceted"): JudgedAnswers(own, None, JUDGE, "2026-11-20") for model, own in there.items()}
    table = build_table("table2", recipe(models=("janus-7b",)), bench, only, PUBLISHED)
    koala = csv_of(table, tmp_path)[1]
    found = [koala[k] for k in ("benchmark", "value", "n_expected", "n_used", "n_left_out")]
    assert found == ["mf-Koala", "", "2", "0", "2"]


def test_a_bench_of_another_recipe_is_refused() -> None:
    more = [*BENCH, replace(BENCH[-1], id="i-c/2")]
    with pytest.raises(StepError, match="3 of mf-Koala, more than this recipe asks for"):
        build_table("table2", recipe(), more, BOTH, PUBLISHED)
    other = [replace(one, benchmark="mf-FLASK") for one in BENCH]
    with pytest.raises(StepError, match="8 of mf-FLASK, more than this recipe asks for"):
        build_table("table2", recipe(), other, BOTH, PUBLISHED)


def test_an_instance_averaged_over_the_rest_is_used_and_still_marked() -> None:
    holed = judged(5, holes={"i-a/0/2/1": Status.UNPARSED})
    table = built({**BOTH, ("janus-7b", "multifaceted"): holed}, missing_verdicts="average_rest")
    assert line_of(table, "janus-7b").average.counts.n_used == 8
    assert "8 of 8: 1 averaged over fewer verdicts (1 unparsed)" in markdown_of(table)
