"""Table 8: each model without and with the system message, and what the message brings it."""

from __future__ import annotations

from pathlib import Path

from janus_recipes.reporting.published import PublishedTable, read_published
from janus_recipes.reporting.render import MINUS, html_of, markdown_of
from janus_recipes.reporting.table import BuiltTable, build_table
from tests.tables import BENCH, PAPER, judged, recipe

BASE, ALL = "mistral-7b-v0.2", "janus-7b"
SCORES = {(BASE, "none"): 2, (BASE, "multifaceted"): 2, (ALL, "none"): 3, (ALL, "multifaceted"): 5}


def table8(published: PublishedTable | None = None) -> BuiltTable:
    """The base scores 2 either way (i-b one less), janus-7b 3 without and 5 with the message."""
    made = recipe()
    table = made.tables["table2"].model_copy(update={"conditions": ["none", "multifaceted"]})
    made = made.model_copy(update={"tables": {"table2": table}})
    return build_table("table2", made, BENCH, {pair: judged(score) for pair, score in SCORES.items()}, published)


def test_a_model_is_compared_with_itself_without_the_system_message() -> None:
    found = [one for one in table8().comparisons if one.kind == "with_minus_without_message"]
    assert [(one.model, one.condition, one.against) for one in found] == [
        (BASE, "multifaceted", "none"),
        (ALL, "multifaceted", "none"),
    ]
    # Every instance of janus-7b gains two points by the message, none of the base's any: no spread.
    assert [one.difference for one in found] == [(0.0, (0.0, 0.0), 8), (2.0, (2.0, 2.0), 8)]


def test_the_pages_say_so_in_words() -> None:
    label = f"janus-7b: with {MINUS} without a system message"
    assert label in markdown_of(table8()) and label in html_of(table8())


def test_the_papers_figures_stand_beside_both_conditions() -> None:
    lines = table8(read_published(Path(PAPER), "table8")).lines
    beside = {(line.model, line.condition): line.average.published for line in lines}
    assert beside[BASE, "none"] == 1.012 and beside[BASE, "multifaceted"] == 2.227
    assert beside[ALL, "none"] == 3.877 and beside[ALL, "multifaceted"] == 4.171
    # Those that this table does not run are there as well.
    assert beside["gpt-4-turbo-0125", "none"] == 4.061
