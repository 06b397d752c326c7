"""Read the rubric judge's verdict: an integer from 1 to 5 after the result mark (paper, appendix J).

    Feedback: (the judge's reasons) [RESULT] 4

Given the judge's own text, never the prompt: the prompt shows the mark too, and a score would be read where none was
given. Where a text can be read in two ways it is `Unparsed`, and the judge is asked again: a hole that is counted does
less harm than a wrong number that is not.
"""

from __future__ import annotations

import re

from janus_recipes.llm.chat import Unparsed

MARK = re.compile(r"\[RESULT\]", re.IGNORECASE)

# Between the mark and the score: markdown emphasis that closes or opens, and a colon. No character fits two
# neighbouring parts of these patterns, so that a text of a million asterisks takes no longer than any other.
_LEAD = r"[\s*_]*(?::[\s*_]*)?"

# The whole rest of the text. Quotes and backticks are not allowed: `... it ends with "[RESULT] 5"` is the judge quoting
# the answer, not scoring it.
_VERDICT = re.compile(rf"{_LEAD}(?:\(\s*([1-5])\s*\)|\[\s*([1-5])\s*\]|([1-5]))[\s*_]*(?:\.[\s*_]*)?")

# Any number after an earlier mark, whole: "4.5" and "10" are then seen to differ from every verdict.
_NUMBER = re.compile(rf"{_LEAD}(?:[(\[]\s*)?([0-9]+(?:[.,/-][0-9]+)*)")


def parse_verdict(text: str) -> int:
    """The score that the judge gives, 1 to 5.

    The last result mark and the score after it must end the text; only markdown and a full stop may follow. An earlier
    mark may be there without a number (the format, repeated), or with the same number.

    Raises:
        Unparsed: in every other case; it says what was found.
    """
    if _is_block_quoted(text):
        raise Unparsed("a [RESULT] stands in a block quote: it may be the answer's, not the judge's")
    _, *after_marks = MARK.split(text)
    if not after_marks:
        raise Unparsed("no [RESULT] mark")
    *earlier, last = after_marks
    found = _VERDICT.fullmatch(last)
    if found is None:
        raise Unparsed(f"not a lone integer from 1 to 5 after the last [RESULT]: {last.strip()[:40]!r}")
    verdict = next(group for group in found.groups() if group)
    for number in filter(None, map(_NUMBER.match, earlier)):
        if number[1] != verdict:
            raise Unparsed(f"results that disagree: {number[1]} and {verdict}")
    return int(verdict)


def _is_block_quoted(text: str) -> bool:
    """Whether a mark stands on a line that markdown shows as a quotation."""
    return any(line.lstrip().startswith(">") and MARK.search(line) for line in text.split("\n"))
