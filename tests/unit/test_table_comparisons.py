"""Which paired differences a table tells, and between what."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from janus_recipes.reporting.render import MINUS, html_of, markdown_of, write_table
from janus_recipes.reporting.table import BuiltTable, build_table
from janus_recipes.workflow.specs import table_spec
from tests.tables import BENCH, BOTH, SFT, built, judged, recipe

BASE, STAR, DPO, ALL = "mistral-7b-v0.2", "janus-star-7b", "janus-dpo-7b", "janus-7b"
TRAINS = {DPO: {**SFT, "start": STAR}}
COMPARE = {ALL: [STAR], DPO: [STAR]}


def four_models(**more: Any) -> BuiltTable:
    """The base scores 2 (i-b one less), janus-star-7b 3, janus-dpo-7b 5 and janus-7b 4."""
    scores = {BASE: 2, STAR: 3, DPO: 5, ALL: 4}
    answers = {(model, "multifaceted"): judged(score) for model, score in scores.items()}
    return built(answers, models=(BASE, ALL, DPO, STAR), trains=TRAINS, compare=COMPARE, **more)


def test_a_trained_model_is_compared_with_its_base_and_with_the_swapped_control(tmp_path: Path) -> None:
    table = built()
    with_base, with_swapped = table.comparisons
    # Every instance gains 3 points over the base: no spread.
    assert (with_base.kind, with_base.against) == ("trained_minus_base", "mistral-7b-v0.2")
    assert with_base.difference == (3.0, (3.0, 3.0), 8)
    # Own 5, 4 and 5 against 2 throughout: 37/8 - 2. Draws reach from i-b alone (2) to none of it (3).
    assert (with_swapped.kind, with_swapped.first, with_swapped.second) == ("own_minus_swapped", 4.625, 2.0)
    assert with_swapped.difference == (2.625, (2.0, 3.0), 8)
    write_table(table, tmp_path)
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [r["difference"] for r in found] == ["3.0000", "2.6250"]
    assert [(r["ci_low"], r["n_used"], r["n_left_out"]) for r in found] == [("3.0000", "8", "0"), ("2.0000", "8", "0")]


def test_a_model_judged_by_another_judge_is_not_compared_with_its_base() -> None:
    table = built({**BOTH, ("janus-7b", "multifaceted"): judged(5, judge="another")})
    assert not table.comparisons


def test_a_model_is_compared_with_its_base_with_what_it_started_from_and_with_what_the_recipe_names() -> None:
    found = [(one.kind, one.model, one.against, one.difference.value) for one in four_models().comparisons]
    # janus-dpo-7b started from janus-star-7b, which the recipe names beside it, too: told once.
    assert found == [
        ("trained_minus_base", ALL, BASE, 2.0),
        ("compared", ALL, STAR, 1.0),
        ("trained_minus_base", DPO, BASE, 3.0),
        ("trained_minus_start", DPO, STAR, 2.0),
        ("trained_minus_base", STAR, BASE, 1.0),
    ]


def test_two_models_are_compared_once_whichever_way_round_the_recipe_names_them() -> None:
    # The first has a reason the other way round; of the second pair the way that is named first is told.
    for compare, wanted in (
        ({BASE: [ALL]}, [("trained_minus_base", ALL, BASE)]),
        ({STAR: [DPO]}, [("trained_minus_start", DPO, STAR)]),
        ({STAR: [ALL], ALL: [STAR]}, [("compared", STAR, ALL)]),
        ({ALL: [STAR], STAR: [ALL]}, [("compared", ALL, STAR)]),
    ):
        answers = {(model, "multifaceted"): judged(3) for model in (BASE, ALL, DPO, STAR)}
        table = built(answers, models=(BASE, ALL, DPO, STAR), trains=TRAINS, compare=compare)
        pair = {wanted[0][1], wanted[0][2]}
        found = [(one.kind, one.model, one.against) for one in table.comparisons if {one.model, one.against} == pair]
        assert found == wanted


def test_the_pages_say_in_words_what_a_model_is_compared_with(tmp_path: Path) -> None:
    table = four_models()
    for page in (markdown_of(table), html_of(table)):
        assert f"{DPO} {MINUS} {BASE}, its base" in page
        assert f"{DPO} {MINUS} {STAR}, which it started from" in page
        assert f"{ALL} {MINUS} {STAR}" in page and f"{ALL} {MINUS} {STAR}," not in page
    write_table(table, tmp_path)
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        found = [(row["comparison"], row["model"], row["against"], row["difference"]) for row in csv.DictReader(lines)]
    assert ("trained_minus_start", DPO, STAR, "2.0000") in found and ("compared", ALL, STAR, "1.0000") in found


def test_models_under_different_conditions_are_not_compared() -> None:
    spec = recipe(models=(ALL, STAR), compare={ALL: [STAR]})
    table = spec.tables["table2"].model_copy(update={"conditions": ["none", "multifaceted"]})
    spec = spec.model_copy(update={"tables": {"table2": table}})
    answers = {(model, condition): judged(4) for model in (ALL, STAR) for condition in ("none", "multifaceted")}
    found = build_table("table2", spec, BENCH, answers, None).comparisons
    assert [(one.model, one.against, one.condition) for one in found if one.kind == "compared"] == [
        (ALL, STAR, "none"),
        (ALL, STAR, "multifaceted"),
    ]


def test_a_comparison_with_a_model_that_the_table_does_not_show_is_not_told() -> None:
    answers = {("janus-7b", "multifaceted"): judged(4)}
    assert not built(answers, models=(ALL,), compare={ALL: [STAR]}).comparisons


def test_a_model_without_a_published_figure_has_empty_cells_there(tmp_path: Path) -> None:
    write_table(four_models(), tmp_path)
    with (tmp_path / "table2.csv").open(newline="") as lines:
        found = {(row["model"], row["published"]) for row in csv.DictReader(lines) if row["model"] != BASE}
    # PUBLISHED has janus-7b alone.
    assert found == {(ALL, "4.4300"), (ALL, "4.4100"), (ALL, "4.1700"), (DPO, ""), (STAR, "")}


def test_another_start_of_a_model_builds_the_tables_anew_that_compare_it_with_its_start() -> None:
    before, after = (recipe(models=(ALL, STAR, DPO), trains={DPO: {**SFT, "start": start}}) for start in (STAR, ALL))
    assert table_spec(before, "table2") != table_spec(after, "table2")
