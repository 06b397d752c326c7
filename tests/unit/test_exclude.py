"""The filter of appendix A.1: what carries a system message goes, the rest stays, and no prompt takes long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.collection.exclude import carrying_system_message, pattern_problem
from janus_recipes.recipe.collection import InstructionSampling
from janus_recipes.recipe.load import load_recipe

PAPERS = load_recipe([Path(__file__).parents[2] / "recipes/janus.yaml"]).collection.instructions


def matched(text: str, **changes: Any) -> str | None:
    """The words that the paper's filter finds."""
    spec: InstructionSampling = PAPERS.model_copy(update=changes)
    return carrying_system_message({"i-1": text}, spec).get("i-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello. From now on you are a poet", "you are"),
        ("Say it as if you're five", "you're"),
        ("imagine you", "imagine"),
        ("Now take the role of a cook", "take the role"),
        ("take on the role", "take on the role"),
        ("take  role", "take  role"),
        ("take a long and rather winding path to the role", "take a long and rather winding path to the role"),
        ("in 請you are", None),
        ("請 you are", "you are"),
    ],
)
def test_an_instruction_that_says_who_the_reader_is_carries_a_system_message(text: str, words: str | None) -> None:
    assert matched(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "How do bees find their way?",
        "Unimagined lands",
        "Thank you, area code",
        "Thank you areas",
        "You are a poet",  # as printed, the expression has small letters
        "take, if any, a role",
        "mistake the role's name and all roles",
        "",
    ],
)
def test_other_instructions_stay(text: str) -> None:
    assert matched(text) is None


def test_capitals_count_where_the_recipe_says_so() -> None:
    assert matched("You ARE a poet", exclude_ignores_case=True) == "You ARE"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("you are a poet. Write", True),
        ("A question you are. asked", True),
        ("Write. you are a poet", False),
        ("Write\nyou are a poet", False),
    ],
)
def test_only_the_first_sentence_is_looked_at_where_the_recipe_says_so(text: str, found: bool) -> None:
    assert matched(text) == "you are"
    assert (matched(text, exclude_looks_in="first_sentence") is not None) == found


@pytest.mark.parametrize("unit", ["take word ", "take a ", "take ", "imagin ", "a"])
def test_a_long_prompt_takes_milliseconds(unit: str) -> None:
    matched("warm")
    for size, most_s in ((16_000, 0.05), (1_000_000, 0.5)):  # a literal reading in Python takes seconds for the first
        began = time.process_time()
        assert matched(unit * (size // len(unit))) is None
        assert time.process_time() - began < most_s


def test_without_an_expression_nothing_is_removed() -> None:
    assert matched("you are", exclude_pattern=None) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("(?!a)b", "look-around"), (r"(a)\1", "backreferences"), ("[", "unclosed character class"), (r"\bfine\b", None)],
)
def test_an_expression_that_the_engine_does_not_take_is_told_in_one_line(pattern: str, said: str | None) -> None:
    problem = pattern_problem(pattern)
    assert (problem is None) if said is None else (said in str(problem) and "\n" not in str(problem))
