"""Find instructions that carry a system message already (paper, appendix A.1), by the recipe's regular expression.

    carrying_system_message({"i-1": "You are a cook. What is roux?"}, recipe.collection.instructions)

The expression is matched by the Rust regex crate, through polars: it never goes back over a text, so a prompt of a
million characters takes milliseconds whatever the expression. Python's own engine took seconds on 16,000.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from janus_recipes.recipe.collection import InstructionSampling

FIRST_SENTENCE = re.compile(r"[^.\n]*")


def carrying_system_message(texts: Mapping[str, str], spec: InstructionSampling) -> dict[str, str]:
    """The ids of the texts that match the recipe's `exclude_pattern`, each with the words that do."""
    if spec.exclude_pattern is None:
        return {}
    import polars  # only here: it takes a while to load

    searched = texts.values() if spec.exclude_looks_in == "whole_text" else map(first_sentence, texts.values())
    pattern = f"(?i){spec.exclude_pattern}" if spec.exclude_ignores_case else spec.exclude_pattern
    matched = polars.Series(searched, dtype=polars.String).str.extract(pattern, 0)
    return {one: words for one, words in zip(texts, matched, strict=True) if words is not None}


def first_sentence(text: str) -> str:
    """A text up to its first dot or line end. What the paper prints in front of its expression confines it to that."""
    found = FIRST_SENTENCE.match(text)
    return found[0] if found else ""


def pattern_problem(pattern: str) -> str | None:
    """Why the engine does not take an expression; None: it does."""
    import polars

    try:
        polars.Series([""]).str.contains(pattern)
    except polars.exceptions.PolarsError as problem:
        said = str(problem).partition("\n\nThis error occurred")[0]
        return said.rpartition("error: ")[2]
    return None
