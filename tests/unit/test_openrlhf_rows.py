"""What a reward model reads: the answer always, the prompt's beginning where there is room."""

from __future__ import annotations

import re
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.training.reward_rows import RowCounts, check_frame, fitting_rows, shortened_pair

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


def test_a_cut_question_is_measured_as_it_is_written_without_the_space_before_it() -> None:
    def tokens(messages: Turns) -> int:
        # As in byte-level BPE, a word after a space is one token here; without one, each of its letters is.
        question = messages[-2]["content"]
        return sum(1 if word[0] == " " else len(word) for word in re.findall(r" ?[a-z]+", question))

    pair = [turns("one two three four", answer) for answer in ("x", "y")]
    # " two three four" is 3 tokens and " four" 1, but they are written without the space, as 5 and 4 tokens.
    assert shortened_pair(pair, lambda messages: tokens(messages) <= 3) == [turns("our", one) for one in ("x", "y")]
    for limit in range(1, 7):
        cut = shortened_pair(pair, lambda messages, limit=limit: tokens(messages) <= limit)
        assert cut is not None and max(map(tokens, cut)) <= limit


def test_a_question_that_ends_with_spaces_is_not_cut_down_to_nothing() -> None:
    assert shortened_pair([turns("a b  ", "c d"), turns("a b  ", "c")], in_words(2)) is None
    assert shortened_pair([turns("a b  ", "c d"), turns("a b  ", "c")], in_words(3)) == [
        turns("b", "c d"),
        turns("b", "c"),
    ]


class Letters:
    """A tokenizer with a token for each letter, and one for its end token: what check_frame asks of one."""

    bos_token_id, eos_token, eos_token_id = None, "$", ord("$")

    def apply_chat_template(self, messages: Turns, *, chat_template: str, tokenize: bool) -> str:
        return "".join(one["content"] + (chat_template if one["role"] == "assistant" else "") for one in messages)

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": list(map(ord, text))}


def test_a_template_that_writes_something_after_the_end_token_is_refused() -> None:
    check_frame(Letters(), "$")
    with pytest.raises(StepError, match=re.escape(r"does not end an answer with the tokenizer's end token '$'")):
        check_frame(Letters(), "$\n")  # OpenRLHF would train at the end token, and a scorer read at the line end
