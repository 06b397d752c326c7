"""What a reward model reads: the answer always, the prompt's beginning where there is room."""

from __future__ import annotations

from typing import Any

from janus_recipes.training.reward_rows import RowCounts, fitting_rows, shortened_pair

Turns = list[dict[str, str]]


def turns(*texts: str, system: str = "") -> Turns:
    """A dialogue whose last turn is the answer."""
    roles = ["user", "assistant"] * len(texts)
    head = [{"role": "system", "content": system}] if system else []
    return head + [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]


def in_words(limit: int) -> Any:
    """Whether a conversation has at most so many words, the template's marks not counted."""
    return lambda messages: sum(len(one["content"].split()) for one in messages) <= limit


def texts(messages: Turns) -> list[str]:
    return [one["content"] for one in messages]


def test_the_oldest_turns_go_first_and_the_system_message_stays() -> None:
    pair = [turns("a b", "c d", "e f", answer, system="s") for answer in ("g h", "i")]
    # 1 + 2 + 2 + 2 + 2 = 9 words; without the first question and its answer 5.
    assert shortened_pair(pair, in_words(5)) == [turns("e f", answer, system="s") for answer in ("g h", "i")]


def test_then_the_beginning_of_the_last_question_and_as_little_as_it_takes() -> None:
    pair = [turns("old", "older", "one two three four", answer, system="s t") for answer in ("x y", "z")]
    # 2 of the system message and 2 of the longer answer leave room for 3 of 7 words; both sides are cut alike.
    assert shortened_pair(pair, in_words(7)) == [
        turns("two three four", answer, system="s t") for answer in ("x y", "z")
    ]


def test_an_answer_is_never_cut_so_a_pair_without_room_for_it_is_left_out() -> None:
    pair = [turns("one two", "a b c d e"), turns("one two", "a")]
    assert shortened_pair(pair, in_words(5)) is None  # 5 words of answer, and no word to ask
    assert shortened_pair(pair, in_words(6)) == [turns("two", "a b c d e"), turns("two", "a")]


def test_pairs_that_are_cut_or_left_out_are_counted_and_the_others_pass_untouched() -> None:
    rows = [
        {"id": "short", "chosen": turns("q", "a"), "rejected": turns("q", "b")},
        {"id": "long prompt", "chosen": turns("q r s t", "a"), "rejected": turns("q r s t", "b c")},
        {"id": "long answer", "chosen": turns("q", "a"), "rejected": turns("q", "b c d e")},
    ]
    counts = RowCounts()
    kept = list(fitting_rows(rows, in_words(4), counts))
    assert (counts.rows, counts.cut, counts.dropped) == (3, 1, 1)
    assert kept[0] == rows[0]
    # "b c" needs two of the four words, so the prompt keeps its last two on both sides.
    assert [texts(kept[1][side]) for side in ("chosen", "rejected")] == [["s t", "a"], ["s t", "b c"]]


def test_an_empty_question_that_does_not_fit_is_left_out_not_a_crash() -> None:
    assert shortened_pair([turns("", "a b"), turns("", "a")], in_words(1)) is None
