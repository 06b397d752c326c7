"""Counting sentences: never more than there are, so that no good answer is asked for again."""

from __future__ import annotations

import time

import pytest

from janus_recipes.collection.sentences import sentences_in


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        (" \n", 0),
        ("Short words", 1),
        ("Short words.", 1),
        ("One. Two.", 2),
        ("One. Two. Three.", 3),
        ("One! Two? Three", 3),
        ("Wants it short. And clear.\nAlso kind.", 3),
        ("It ends here.) The rest follows. Done.", 3),
        ("She likes **bold words.** They help. A lot.", 3),
        ('He says "go." Then he leaves. That is all.', 3),
        ("Ends in 1990. Then all is new. Good.", 3),
        ("Ist das klar? Äpfel sind gut. Über alles.", 3),
        ("¿Por qué? ¡Por eso! Ya está.", 3),
        ("Коротко. Ясно. Тепло.", 3),
    ],
)
def test_plain_sentences_are_counted(text: str, sentences: int) -> None:
    assert sentences_in(text) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Wants examples, e.g. Monet or van Gogh.",
        "Wants rigour, i.e. Proofs.",
        "Talks like Dr. Watson to Mr. Holmes of St. Mary Mead.",
        "Quotes J. R. R. Tolkien and C. S. Lewis.",
        "Has a Ph.D. From the U.S. East Coast, at 5 p.m. Eastern time.",
        "Uses pi as 3.14159 and version 2.0.1 of it.",
        "Numbers as in No. 5, Fig. 2 and p. 31.",
        "Waits... Then speaks.",
        "Waits… Then speaks.",
        "A tone that asks why? and never tires",
        'Opens with "Why?" The way a child would',
        'Wants "Wow!" Moments',
        "Shops at Yahoo! and reads Wait! what?",
        "Cites vs. Them, al. And co. Inc. As they are",
        "Likes Node.js, example.com/A.B and end.Next",
        "1. Short 2. Clear",
        "Lines\nwithout\nmarks",
        "Big cats, etc. The end",
        "Plan B. Then",
    ],
)
def test_where_a_full_stop_may_mean_something_else_no_sentence_is_counted(text: str) -> None:
    assert sentences_in(text) == 1


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("简短。清楚。友好。", 3),
        ("简短\uff01清楚吗\uff1f", 2),
        ("喜欢“为什么\uff1f”这样的开头。", 1),  # the question mark is the quotation's own
        ("短く。「はい。」と言う。丁寧に。", 3),
        ("छोटा। साफ। अच्छा।", 3),
        ("جملة واضحة. هل هذا جيد؟ نعم", 3),
        ("짧게. 친절하게. 분명하게.", 3),
        ("สั้นและชัดเจน อบอุ่น", 1),
    ],
)
def test_scripts_with_full_stops_of_their_own_are_counted_by_these(text: str, sentences: int) -> None:
    assert sentences_in(text) == sentences


@pytest.mark.parametrize(
    "text", ["." * 200_000, ". " * 100_000, '."' * 100_000 + "A", " " * 200_000 + "A", "a." * 99_999]
)
def test_a_teacher_that_runs_on_takes_no_longer_than_another(text: str) -> None:
    started = time.monotonic()
    sentences_in(text)
    assert time.monotonic() - started < 2
