"""Read the rubric judge's verdict: an integer from 1 to 5 after the result mark (paper, appendix J).

    Feedback: (the judge's reasons) [RESULT] 4

Given the judge's own text, never the prompt: the prompt shows the mark too, and a score would be read where none was
given. Where a text can be read in two ways it is `Unparsed`, and the judge is asked again: a hole that is counted does
less harm than a wrong number that is not. `after_the_mark` serves every judge that answers in this form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from janus_recipes.judging.marks import may_be_quoted
from janus_recipes.llm.chat import Unparsed

MARK = re.compile(r"\[RESULT\]", re.IGNORECASE)

# Between the mark and the result: markdown emphasis that closes or opens, and a colon. No character fits two
# neighbouring parts of these patterns, so that a text of a million asterisks takes no longer than any other.
_LEAD = r"[\s*_]*(?:[:\N{FULLWIDTH COLON}][\s*_]*)?"
_TAIL = r"[\s*_]*(?:[.\N{IDEOGRAPHIC FULL STOP}][\s*_]*)?"

# After an earlier mark: as much of its line as a result may stand in.
_LINE = re.compile(rf"{_LEAD}([^\n]{{0,80}})")

_SCORE = "[1-5]"

# The form itself is no number: "(1 to 5)", "between 1 and 5".
_FORM = re.compile(r"\b1 *(?:to|and|or|-|\N{EN DASH}) *5\b|\b1, *2, *3, *4,? *(?:or|and|,) *5\b")

# Any number after an earlier mark, whole: "4.5" and "10" are then seen to differ from every verdict. \d has the digits
# of all scripts, and an underscore is emphasis.
_NUMBER = re.compile(
    r"(?<![^\W_])(\d+(?:[.,/-]\d+)*|(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)(?![^\W_]))", re.IGNORECASE
)
_WORDS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}


def parse_verdict(text: str) -> int:
    """The score that the judge gives, 1 to 5.

    The last result mark and the score after it must end the text; only markdown and a full stop may follow. An earlier
    mark may be there without a number on its line (the format, repeated), or with the same number.

    Raises:
        Unparsed: in every other case; it says what was found.
    """
    verdict, earlier = after_the_mark(text, _SCORE, "a lone integer from 1 to 5")
    for number in named_after(earlier, _FORM, _NUMBER):
        if _WORDS.get(number.lower(), number) != verdict:
            raise Unparsed(f"results that disagree: {number} and {verdict}")
    return int(verdict)


def after_the_mark(text: str, result: str, what: str) -> tuple[str, list[str]]:
    """What stands after the last mark and ends the text, and the texts after each of the marks before it.

    `result` is the pattern of a result, without groups; `what` names one for the reader of an error.

    Raises:
        Unparsed: there is no mark, something else follows the last one, or it may be quoted.
    """
    text = _unwrapped(text)
    marks = list(MARK.finditer(text))
    if not marks:
        raise Unparsed("no [RESULT] mark")
    last = text[marks[-1].end() :]
    pattern = rf"{_LEAD}(?:\(\s*({result})\s*\)|\[\s*({result})\s*\]|({result})){_TAIL}"
    found = re.fullmatch(pattern, last)
    if found is None:
        raise Unparsed(f"not {what} after the last [RESULT]: {last.strip()[:40]!r}")
    if why := may_be_quoted(text, marks[-1].start()):
        raise Unparsed(f"the last [RESULT] may be the answer's, not the judge's: {why}")
    starts = [mark.start() for mark in marks]
    earlier = [text[mark.end() : start] for mark, start in zip(marks[:-1], starts[1:], strict=True)]
    return next(group for group in found.groups() if group), earlier


def named_after(earlier: Iterable[str], form: re.Pattern[str], result: re.Pattern[str]) -> Iterator[str]:
    """Everything like a result on the line that follows each of the earlier marks; `form` is what names none.

    Blanks, line ends, emphasis and a colon may stand before that line, as before the verdict itself.
    """
    for text in earlier:
        line = _LINE.match(text)
        assert line is not None  # it matches the empty text, too
        yield from (found[1] for found in result.finditer(form.sub(" ", line[1])))


def _unwrapped(text: str) -> str:
    """Without the quotation marks around all of it, in which the prompt shows the form; as it is with any inside."""
    inner = text.strip()
    wrapped = len(inner) > 1 and inner[0] == inner[-1] == '"' and inner[1:].lower().startswith("feedback:")
    return inner[1:-1] if wrapped and '"' not in inner[1:-1] else text
