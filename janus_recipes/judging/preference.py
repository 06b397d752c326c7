"""Read the pairwise judge's verdict: A, B or TIE after the result mark (`prompts/compare.j2`).

    Feedback: (the judge's reasons) [RESULT] B

A and B are the places of the answers in the prompt, not models: `win_rates/outcomes.py` knows who stood where. The
rules are those of `judging/verdict.py`: what can be read in two ways is `Unparsed`.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from janus_recipes.judging.verdict import after_the_mark, named_after
from janus_recipes.llm.chat import Unparsed

Preferred = Literal["A", "B", "TIE"]

_RESULT = "(?:(?i:response|answer) +)?[AB]|(?i:tie)"

# The forms that name nothing: "A | B | TIE", "(A, B or TIE)".
_FORM = re.compile(r"\bA *([|/,]) *B(?: *\1 *|,? +or +)(?i:tie)\b")

# What an earlier mark names. An underscore is emphasis.
_NAMED = re.compile(r"(?<![^\W_])([AB]|(?i:tie))(?![^\W_])")


def parse_preference(text: str) -> Preferred:
    """Which answer the judge prefers, by its place in the prompt.

    Raises:
        Unparsed: anything but one clear result at the end of the text; it says what was found.
    """
    result, earlier = after_the_mark(text, _RESULT, "a lone A, B or TIE")
    preferred = result.split()[-1].upper()
    for other in named_after(earlier, _FORM, _NAMED):
        if other.upper() != preferred:
            raise Unparsed(f"results that disagree: {other} and {preferred}")
    return cast(Preferred, preferred)
