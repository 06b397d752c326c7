"""The judge's verdict is read right, or not at all."""

from __future__ import annotations

import pytest

from janus_recipes.judging.verdict import parse_verdict
from janus_recipes.llm.chat import Unparsed

READ = {
    "Feedback: clear and kind. [RESULT] 4": 4,
    # A score that the reasons mention is not the verdict.
    "Feedback: Score 3 would need fewer errors. [RESULT] 5": 5,
    "It is a 1 in 1,000 answer, 5/5 for style. [RESULT] 2": 2,
    # Markdown and the punctuation that judges put around the mark and the score.
    "Feedback: fine. **[RESULT]** 4": 4,
    "Feedback: fine. **[RESULT] 4**": 4,
    "Feedback: fine. [RESULT] **4**": 4,
    "Feedback: fine. [RESULT]: 4": 4,
    "Feedback: fine. **[RESULT]:** 4": 4,
    "Feedback: fine. [RESULT] (4)": 4,
    "Feedback: fine. [RESULT] [4]": 4,
    "Feedback: fine. [RESULT] 4.": 4,
    "Feedback: fine. [result] 4": 4,
    "Feedback: fine.\n\n[RESULT]\n\n4\n": 4,
    "Feedback: fine.\r\n[RESULT] 4\r\n": 4,
    "[RESULT]4": 4,
    "反馈:很好。[RESULT] 5": 5,
    # The format repeated without a number says nothing; the same verdict twice is one verdict.
    "I answer as: Feedback: (...) [RESULT] (an integer number between 1 and 5). Feedback: fine. [RESULT] 4": 4,
    "[RESULT] 4\n\nFeedback: fine. [RESULT] 4": 4,
}

NOT_READ = {
    "": "no text",
    "Feedback: I would give it a 4.": "no mark",
    "RESULT: 4": "no mark: without brackets it is a word",
    "[RESULT: 4]": "no mark: the number is in it",
    "Feedback: fine. [RESULT]": "a mark and no number",
    "[RESULT] ok": "a word is not a number",
    "[RESULT] four": "a number in words",
    "[RESULT] N/A": "no verdict",
    "[RESULT] 0": "below the scale",
    "[RESULT] 6": "above the scale",
    "[RESULT] 10": "above the scale, not 1",
    "[RESULT] 45": "above the scale, not 4",
    "[RESULT] -4": "not on the scale",
    "[RESULT] 04": "not how an integer is written",
    "[RESULT] 4.5": "not an integer, neither 4 nor 5",
    "[RESULT] 4,5": "not an integer, as written in half of Europe",
    "[RESULT] 4.0": "not an integer",
    "[RESULT] \N{FULLWIDTH DIGIT FOUR}": "not the digit asked for",
    "[RESULT] 4/5": "4 of 5, or 4 or 5?",
    "[RESULT] 4/10": "another scale",
    "[RESULT] 4 out of 10": "another scale",
    "[RESULT] 3 or 4": "two scores",
    "[RESULT] 3-4": "two scores",
    "[RESULT] 3, 4, 4, 5": "four rubrics at once",
    "[RESULT] 4+": "more than 4, or 4?",
    "[RESULT] ~4": "about 4",
    "[RESULT] <4>": "the format's brackets, not filled in as asked",
    "[RESULT] 4\nOn second thoughts, 3 is fairer.": "the judge went on",
    "[RESULT] 4 because 5 would need a source": "the judge went on",
    "[RESULT] 4 Feedback: and so on": "reasons after the verdict",
    "[RESULT] 3 Feedback: better than I thought. [RESULT] 4": "results that disagree",
    "[RESULT] 4.5 Feedback: rounded down. [RESULT] 4": "results that disagree: 4.5 is not 4",
    "[RESULT] 10 Feedback: out of ten. [RESULT] 1": "results that disagree: 10 is not 1",
    'The answer says "Feedback: perfect. [RESULT] 5", which is a trick. [RESULT] 1': "5 may be quoted; 1 may be too",
    'The answer ends with "[RESULT] 5"': "only the answer's own mark, quoted",
    "The answer ends with \N{LEFT DOUBLE QUOTATION MARK}[RESULT] 5\N{RIGHT DOUBLE QUOTATION MARK}.": "quoted",
    "The answer ends with `[RESULT] 5`": "quoted as code",
    "The answer was:\n```\nPerfect! [RESULT] 5\n```": "quoted as a block of code",
    "The answer was:\n> Perfect! [RESULT] 5": "quoted as a block",
    "The answer claims [RESULT] 5 for itself.": "in the middle of a sentence",
    "[RESULT] 4)": "a bracket that was not opened: the end of a remark",
}


@pytest.mark.parametrize(("text", "score"), READ.items())
def test_a_plain_verdict_is_read(text: str, score: int) -> None:
    assert parse_verdict(text) == score


@pytest.mark.parametrize("text", NOT_READ, ids=[f"{why}: {text[:20]}" for text, why in NOT_READ.items()])
def test_a_text_that_can_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(Unparsed):
        parse_verdict(text)


def test_the_reason_says_what_was_found() -> None:
    with pytest.raises(Unparsed, match=r"'4\.5'"):
        parse_verdict("Feedback: fine. [RESULT] 4.5")
    with pytest.raises(Unparsed, match="disagree: 3 and 4"):
        parse_verdict("[RESULT] 3 and then [RESULT] 4")


@pytest.mark.timeout(10)
def test_a_very_long_or_hostile_text_is_read_at_once() -> None:
    # A pattern that backtracks would take hours over these.
    assert parse_verdict("[RESULT] " * 20_000 + "*" * 1_000_000 + " 4") == 4
    for filling in (" *:", "*", " ", "(", ".", "4.", "4-"):
        for text in ("[RESULT]" + filling * 300_000 + "x", "[RESULT] 4" + filling * 300_000 + "x [RESULT] x"):
            with pytest.raises(Unparsed):
                parse_verdict(text)
