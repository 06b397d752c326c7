"""Read the mark of MT-Bench's single-answer judge: `Rating: [[7]]`, a number from 1 to 10, 8.5 among them.

As with our own mark (`judging/verdict.py`): right, or `Unparsed`. Never a 1 because a matrix `[[1]]` is in the answer.
"""

from __future__ import annotations

import re

from janus_recipes.judging.marks import may_be_quoted
from janus_recipes.llm.chat import Unparsed

LOWEST, HIGHEST = 1.0, 10.0

_MARK = re.compile(r"\[\[([^\[\]\n]{1,20})\]\]")
_NUMBER = re.compile(r"\s*([0-9]{1,2}(?:\.[0-9]{1,2})?)\s*")
# The word leads straight into the mark: "Rating: [[7]]", "I would rate it a [[7]]", "rate the assistant's answer as
# follows: [[7]]". Not "scores = [[7]]", which is code, nor "rates it low because np.array([[7]])".
_JUDGED = (
    r"(?:[\s*_]{1,4}(?:the|this|its|it|ai|assistants?(?:['\N{RIGHT SINGLE QUOTATION MARK}]s)?|answer|response)\b){1,4}"
    r"[\s*_]{1,4}as\b"
)
_INTRODUCED = re.compile(
    r"\b(?:rat(?:e|es|ed|ing)|scor(?:e|es|ed|ing))(?![^\W_])"
    rf"(?:{_JUDGED})?(?:[\s*_:]{{1,4}}(?:is|of|as|at|it|this|a|an|follows)\b){{0,3}}[\s*_:]{{0,8}}\Z",
    re.IGNORECASE,
)
# A rating without the brackets, which another one may be meant beside: "Rating: 9", "**Rating**: 4/10".
_PLAIN = re.compile(r"\bratings?[*_ ]{0,8}:[*_ ]{0,8}(\d+(?:\.\d+)?)", re.IGNORECASE)
_WITHIN = 100
"""Characters before a mark in which it must be called a rating."""


def parse_rating(text: str) -> float:
    """The rating that the judge gives, 1 to 10. Text may follow it; marks that repeat it may precede it.

    Raises:
        Unparsed: no rating, several that disagree, one off the scale, or one that may be quoted.
    """
    marks = [mark for mark in _MARK.finditer(text) if re.search(r"\d", mark[1])]
    if not marks:
        raise Unparsed("no rating [[n]]")
    found = {mark[1]: _NUMBER.fullmatch(mark[1]) for mark in marks}
    if odd := [written for written, number in found.items() if number is None]:
        raise Unparsed(f"not a number from 1 to 10: [[{odd[0]}]]")
    ratings = {float(number[1]) for number in found.values() if number}
    if len(ratings) > 1:
        raise Unparsed(f"ratings that disagree: {', '.join(map(str, sorted(ratings)))}")
    (rating,) = ratings
    if not LOWEST <= rating <= HIGHEST:
        raise Unparsed(f"a rating off the scale from 1 to 10: {rating:g}")
    last = marks[-1]
    if why := may_be_quoted(text, last.start()):
        raise Unparsed(f"the rating may be the answer's, not the judge's: {why}")
    if not _INTRODUCED.search(text, max(0, last.start() - _WITHIN), last.start()) and text.strip() != last[0]:
        raise Unparsed(f"[[{last[1]}]] is not called a rating: it may be something else")
    if other := next((plain[1] for plain in _PLAIN.finditer(text) if float(plain[1]) != rating), None):
        raise Unparsed(f"ratings that disagree: {other} and {rating:g}")
    return rating
