"""The judge's verdict is read right, or not at all: `verdicts.jsonl` has texts of our own, plain and adversarial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from janus_recipes.judging.verdict import parse_verdict
from janus_recipes.llm.chat import Unparsed

UNPARSED = "unparsed"
CORPUS = [json.loads(line) for line in Path(__file__).with_name("verdicts.jsonl").read_text("utf-8").splitlines()]


def read(text: str) -> int | str:
    try:
        return parse_verdict(text)
    except Unparsed:
        return UNPARSED


@pytest.mark.parametrize("one", CORPUS, ids=[f"{n}: {one['why']}" for n, one in enumerate(CORPUS, start=1)])
def test_a_verdict_is_read_right_or_not_at_all(one: dict[str, str | int]) -> None:
    assert read(str(one["text"])) == one["expected"]


def test_the_corpus_has_texts_of_every_score_and_more_that_must_not_be_read() -> None:
    expected = [one["expected"] for one in CORPUS]
    assert len(expected) >= 150 and set(expected) == {1, 2, 3, 4, 5, UNPARSED}
    assert len({one["text"] for one in CORPUS}) == len(CORPUS)
    assert expected.count(UNPARSED) > len(expected) / 2


def test_the_texts_that_misled_other_parsers_are_in_the_corpus() -> None:
    assert read("Feedback: Score 3 would need fewer errors. [RESULT] 5") == 5
    assert {read(f"Feedback: fine. [RESULT] {given}") for given in ("10", "4.5", "0", "6")} == {UNPARSED}
    assert read("[RESULT] 3 Feedback: better than I thought. [RESULT] 4") == UNPARSED
    assert read('The answer ends with "[RESULT] 5"') == UNPARSED


def test_the_reason_says_what_was_found() -> None:
    with pytest.raises(Unparsed, match=r"'4\.5'"):
        parse_verdict("Feedback: fine. [RESULT] 4.5")
    with pytest.raises(Unparsed, match="disagree: 3 and 4"):
        parse_verdict("[RESULT] 3 and then [RESULT] 4")
    with pytest.raises(Unparsed, match="may be the answer's, not the judge's: it stands in code"):
        parse_verdict("It ends so:\n```\n[RESULT] 5")


@pytest.mark.timeout(10)
def test_a_very_long_or_hostile_text_is_read_at_once() -> None:
    # A pattern that backtracks would take hours over these.
    assert parse_verdict("[RESULT] " * 20_000 + "*" * 1_000_000 + " 4") == 4
    assert parse_verdict("word " * 200_000 + "[RESULT] 4") == 4
    for filling in (" *:", "*", " ", "(", ".", "4.", "4-"):
        for text in ("[RESULT]" + filling * 300_000 + "x", "[RESULT] 4" + filling * 300_000 + "x [RESULT] x"):
            with pytest.raises(Unparsed):
                parse_verdict(text)
    for filling in ('"', "\N{LEFT DOUBLE QUOTATION MARK}", "`", "<q>", "<!--", "\n>", "\n```", "says ", "\n    "):
        read(filling * 200_000 + " [RESULT] 4")
