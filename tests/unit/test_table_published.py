"""The paper's figures stand beside ours, and are subtracted only where that means something."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from janus_recipes.errors import RecipeError
from janus_recipes.reporting.published import read_published
from tests.tables import PAPER, PUBLISHED, built, csv_of, judged


def test_the_papers_figure_stands_beside_ours(tmp_path: Path) -> None:
    found = csv_of(built(), tmp_path)
    own = [r["published"] for r in found if r["metric"] == "rubric_score"]
    assert own == ["2.8000", "2.4500", "2.2300", "4.4300", "4.4100", "4.1700"]
    assert {r["published"] for r in found if r["metric"] != "rubric_score"} == {""}


def test_no_difference_between_scores_of_different_judges(tmp_path: Path) -> None:
    assert {r["difference"] for r in csv_of(built(), tmp_path)} == {""}


def test_the_difference_is_filled_when_the_judge_is_the_papers(tmp_path: Path) -> None:
    same = {("janus-7b", "multifaceted"): judged(5, judge=PUBLISHED.judge)}
    found = csv_of(built(same, models=("janus-7b",)), tmp_path)
    # 4.5 - 4.43, 5 - 4.41, 4.625 - 4.17
    assert [r["difference"] for r in found if r["model"] == "janus-7b"] == ["0.0700", "0.5900", "0.4550"]
    assert "+0.46" in (tmp_path / "table2.md").read_text() and "+0.46" in (tmp_path / "table2.html").read_text()


def test_no_difference_in_a_rehearsal_even_with_the_papers_judge(tmp_path: Path) -> None:
    same = {("janus-7b", "multifaceted"): judged(5, judge=PUBLISHED.judge)}
    found = csv_of(built(same, models=("janus-7b",), rehearsal=True), tmp_path)
    assert {r["difference"] for r in found} == {""} and {r["published"] for r in found} != {""}


def test_a_figure_of_another_condition_model_or_column_is_not_taken() -> None:
    assert PUBLISHED.figure("janus-7b", "multifaceted", "Average") == 4.17
    assert PUBLISHED.figure("janus-7b", "none", "Average") is None
    assert PUBLISHED.figure("janus-8b", "multifaceted", "Average") is None
    assert PUBLISHED.figure("janus-7b", "multifaceted", "mf-FLASK") is None


def test_the_papers_columns_may_be_conditions_instead() -> None:
    table8 = read_published(PAPER, "table8")
    assert table8.figure("janus-7b", "none", "Average") == 3.877
    assert table8.figure("janus-7b", "multifaceted", "Average") == 4.171
    assert table8.figure("janus-7b", "none", "mf-Koala") is None
    assert table8.figure("janus-7b", "default", "Average") is None


def test_every_table_of_the_papers_figures_can_stand_beside_ours() -> None:
    tables = {key: one for key, one in yaml.safe_load(PAPER.read_text()).items() if "columns" in one}
    assert {"table2", "table8", "table10", "table11"} <= tables.keys()  # the rest is of the Collection, of people, ...
    for key in tables:
        assert read_published(PAPER, key).judge == "gpt-4-0125-preview"


def test_a_published_table_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    shared = "source: Table 2, judge: j, columns: [a, b]"
    path.write_text(
        f"table2: {{{shared}, condition: none, rows: {{janus-7b: [1.0]}}}}\ntable8: {{{shared}, rows: {{}}}}"
    )
    with pytest.raises(RecipeError, match=r"table2: .*rows\.janus-7b has 1 figures for 2 columns"):
        read_published(path, "table2")
    with pytest.raises(RecipeError, match=r"table8: .*either condition or benchmark"):
        read_published(path, "table8")
    with pytest.raises(RecipeError, match="no table 'table3'; it has table2, table8"):
        read_published(path, "table3")
    with pytest.raises(RecipeError, match=r"nowhere\.yaml"):
        read_published(tmp_path / "nowhere.yaml", "table2")
