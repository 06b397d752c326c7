"""Read the mark of Arena-Hard's pairwise judge: `[[A>B]]`, one of five.

As with our own mark (`judging/verdict.py`): right, or `Unparsed`.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from janus_recipes.judging.marks import may_be_quoted
from janus_recipes.llm.chat import Unparsed

ArenaVerdict = Literal["A>>B", "A>B", "A=B", "B>A", "B>>A"]
"""A much better, better, a tie, and the same for B. A and B are places in the prompt."""

_MARK = re.compile(r"\[\[\s*([AB]\s*[<>=]+\s*[AB])\s*\]\]")
_KNOWN = ("A>>B", "A>B", "A=B", "B>A", "B>>A")


def parse_arena(text: str) -> ArenaVerdict:
    """The judge's verdict. Text may follow it; marks that repeat it may precede it.

    Raises:
        Unparsed: no verdict, several that disagree, one that is none of the five, or one that may be quoted.
    """
    marks = list(_MARK.finditer(text))
    if not marks:
        raise Unparsed("no verdict like [[A>B]]")
    verdicts = {re.sub(r"\s", "", mark[1]) for mark in marks}
    if len(verdicts) > 1:
        raise Unparsed(f"verdicts that disagree: {', '.join(sorted(verdicts))}")
    (verdict,) = verdicts
    if verdict not in _KNOWN:
        raise Unparsed(f"[[{verdict}]] is none of {', '.join(_KNOWN)}")
    if why := may_be_quoted(text, marks[-1].start()):
        raise Unparsed(f"the verdict may be the answer's, not the judge's: {why}")
    return cast(ArenaVerdict, verdict)
