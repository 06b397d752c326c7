"""What a recipe may say of tables and rankings."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def overlay(tmp_path: Path, text: str) -> list[Path]:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return [Path("recipes/janus.yaml"), file]


def test_a_misspelt_model_in_a_comparison_is_told_on_either_side(tmp_path: Path) -> None:
    text = """\
tables:
  table2:
    compare: {janus-7: [janus-star-7b]}
rankings:
  held-out:
    compare:
      janus-rm-7b: [janus-rm-stage1-7b, janus-rm-7]
"""
    with pytest.raises(RecipeError) as caught:
        load_recipe(overlay(tmp_path, text))
    told = [problem.rpartition("mine.yaml:")[2] for problem in caught.value.problems]
    assert told == [
        "3: tables.table2.compare.janus-7: janus-7 is not under models (did you mean janus-7b?)",
        "7: rankings.held-out.compare.janus-rm-7b.1: janus-rm-7 is not under models (did you mean janus-rm-7b?)",
    ]


def test_a_reward_model_in_a_table_of_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="janus-rm-7b is a reward model, which writes no answers: name it under rank"):
        load_recipe(overlay(tmp_path, "tables: {table2: {models: [janus-7b, janus-rm-7b]}}"))


def test_a_table_of_fewer_models_may_keep_the_comparisons_of_the_recipe_below(tmp_path: Path) -> None:
    recipe = load_recipe(overlay(tmp_path, "tables: {table2: {models: [janus-7b]}}"))
    assert recipe.tables["table2"].compare == {
        "janus-7b": ["janus-star-7b", "mistral-7b-instruct-v0.2"],
        "janus-dpo-7b": ["janus-star-7b"],
    }


def test_a_tolerance_without_figures_to_hold_ours_against_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"tables.table2.tolerance: nothing to hold ours against"):
        load_recipe(overlay(tmp_path, "tables: {table2: {published: null}}"))
    assert load_recipe(overlay(tmp_path, "tables: {table2: {published: null, tolerance: null}}"))
