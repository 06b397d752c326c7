"""The marks of MT-Bench's and Arena-Hard's judges are read right, or not at all: also in real judgments."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.judging.arena import parse_arena
from janus_recipes.judging.preference import parse_preference
from janus_recipes.judging.rating import parse_rating
from janus_recipes.llm.chat import Unparsed
from tests.real_pools import NONE_HERE, REAL_POOLS

LEADERBOARDS = (REAL_POOLS or Path()) / "leaderboards"
real = pytest.mark.skipif(not LEADERBOARDS.is_dir(), reason=NONE_HERE)

UNPARSED = "unparsed"


def read(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except Unparsed:
        return UNPARSED


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("Clear and correct. Rating: [[9]]", 9.0),
        ("Rating: [[8.5]].", 8.5),
        ("I would rate it a [[10]]. It could be shorter.", 10.0),
        ("**Rating:** [[1]]", 1.0),
        ("Rating: [[7]] ... so, once more: Rating: [[7]]", 7.0),
        ("[[6]]", 6.0),
        ("See [[Main page]]. Rating: [[4]]", 4.0),  # a link of a wiki is no number
        ("Rating: [[11]]", UNPARSED),
        ("Rating: [[0]]", UNPARSED),
        ("Rating: [[9/10]]", UNPARSED),
        ("Rating: [[7]], or rather a rating of [[8]]", UNPARSED),
        ("Rating: [7]", UNPARSED),
        ("Rating: 7", UNPARSED),
        ("The matrix is [[5]].", UNPARSED),  # not called a rating
        ("The scores array is [[5]], which is right.\nRating: 9", UNPARSED),
        ("I rate it low because np.array([[1]]) has the wrong shape.", UNPARSED),
        ("I rated the films but the code prints [[1]] where a dict is due. Rating: 4/10", UNPARSED),
        ("ratings = [[5]]", UNPARSED),
        ("rate([[5]])", UNPARSED),
        ("Rating: 9. That is, rating [[5]] out of nowhere.", UNPARSED),
        ("Rating: 9, so: rating: [[9]]", 9.0),
        ("I would rate the assistant's response as follows: [[8]]", 8.0),
        ("```\nx = [[5]]\n```\nNo rating is due.", UNPARSED),
        ('The answer ends with "Rating: [[10]]".', UNPARSED),
        ("$ERROR$", UNPARSED),
        ("", UNPARSED),
    ],
)
def test_a_rating_from_1_to_10_is_read_right_or_not_at_all(text: str, rating: float | str) -> None:
    assert read(parse_rating, text) == rating


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("My final verdict is: [[A>>B]]", "A>>B"),
        ("[[B>A]]. B is more concise.", "B>A"),
        ("[[ A = B ]]", "A=B"),
        ("[[A>B]] ... and so: [[A>B]]", "A>B"),
        ("The formula [[B[0], B[1]]] is wrong. Verdict: [[B>>A]]", "B>>A"),
        ("[[A>B]], on second thoughts [[B>A]]", UNPARSED),
        ("[[A>B]], or even [[A>>B]]", UNPARSED),
        ("[[A>>>B]]", UNPARSED),
        ("[[A<B]]", UNPARSED),
        ("[[A>A]]", UNPARSED),
        ("[A>B]", UNPARSED),
        ("A>B", UNPARSED),
        ('Assistant A writes "[[A>>B]]" to cheat.', UNPARSED),
        ("", UNPARSED),
    ],
)
def test_an_arena_verdict_is_read_right_or_not_at_all(text: str, verdict: str) -> None:
    assert read(parse_arena, text) == verdict


@pytest.mark.parametrize(
    ("text", "preferred"),
    [
        ("Feedback: A is warmer. [RESULT] A", "A"),
        ("Feedback: B is warmer. [RESULT] **B**.", "B"),
        ("Feedback: alike. [RESULT] TIE", "TIE"),
        ("Feedback: alike. [RESULT] Tie", "TIE"),
        ("Feedback: A is warmer, B is deeper. [RESULT] Response B", "B"),
        ("Form: [RESULT] A | B | TIE\nFeedback: B is warmer. [RESULT] B", "B"),
        ("Form: [RESULT] (A, B or TIE)\nFeedback: B is warmer. [RESULT] B", "B"),
        ("[RESULT] (A)", "A"),
        ("[RESULT] A | B | TIE", UNPARSED),
        ("[RESULT] A or B", UNPARSED),
        ("[RESULT] C", UNPARSED),
        ("[RESULT] a", UNPARSED),  # an article that was cut short?
        ("[RESULT] AB", UNPARSED),
        ("[RESULT] 4", UNPARSED),
        ("[RESULT] neither", UNPARSED),
        ("[RESULT] A, though B is close", UNPARSED),
        ("[RESULT] A. Feedback: no. [RESULT] B", UNPARSED),
        ("[RESULT] Tie. Feedback: no. [RESULT] B", UNPARSED),
        ("[RESULT]\nA is warmer. Feedback: no. [RESULT]\nB", UNPARSED),
        ("[RESULT] Assistant A. No. [RESULT] B", UNPARSED),
        ("[RESULT] A, since it is warmer. No. [RESULT] B", UNPARSED),
        ("[RESULT] A/B test. No. [RESULT] B", UNPARSED),  # no form: it lacks the tie
        ("[RESULT] _A_. No. [RESULT] _B_", UNPARSED),
        ("[RESULT] A | B | TIE: A. No. [RESULT] B", UNPARSED),
        ("[RESULT] A, B, or TIE\nFeedback: A is warmer, B is deeper. [RESULT] B", "B"),
        ("[RESULT]\nB. Once more: [RESULT] B", "B"),
        ("Response B ends with: [RESULT] B", UNPARSED),
        ('Response B says "prefer me, [RESULT] B', UNPARSED),
        ("A is better.", UNPARSED),
        ("", UNPARSED),
    ],
)
def test_a_preference_is_read_right_or_not_at_all(text: str, preferred: str) -> None:
    assert read(parse_preference, text) == preferred


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(LEADERBOARDS / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


def told(parse: Callable[[str], Any], judgments: Iterable[tuple[str, Any]], none: Any) -> Counter[str]:
    """What became of texts with recorded scores, of which `none` stands for no score."""

    def one(found: Any, score: Any) -> str:
        if found == UNPARSED:
            return "none recorded" if score == none else UNPARSED
        return "right" if found == score else "wrong"

    return Counter(one(read(parse, text), score) for text, score in judgments)


@real
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Not read: three ratings that are not called one ("the assistant's answer: [[10]]"), three in quotation marks.
        ("mt_bench_judgments.routellm", {"right": 316, UNPARSED: 4}),
        ("mt_bench_judgments.dirty_llama3", {"right": 324, UNPARSED: 2, "none recorded": 4}),
    ],
)
def test_real_ratings_are_read_as_recorded_or_have_a_status(name: str, expected: dict[str, int]) -> None:
    assert told(parse_rating, ((row["judgment"], row["score"]) for row in rows(name)), -1) == expected


@real
def test_real_arena_verdicts_are_read_as_recorded_or_have_a_status() -> None:
    games = [game for row in rows("arena_hard_judgment.llama3_kto") for game in row["games"]]
    found = told(parse_arena, ((game["judgment"], game["score"]) for game in games), None)
    # Not read: 8 in quotation marks and 5 in code, where the judged answers' marks would stand, too.
    assert found == {"right": 354, UNPARSED: 13, "none recorded": 19}


@pytest.mark.timeout(10)
def test_very_long_or_hostile_texts_are_read_at_once() -> None:
    for filling in (
        "[",
        "[[",
        "[[1",
        "[[A>",
        "rating ",
        "]]",
        '"',
        "[[5]] ",
        "[[A>B]] ",
        "A | ",
        "1 to ",
        "asks to ",
        "rate it ",
    ):
        for parse in (parse_rating, parse_arena, parse_preference):
            read(parse, filling * 100_000)
            read(parse, f"[RESULT] {filling * 100_000} [RESULT] A Rating: [[5]] [[A>B]]")
