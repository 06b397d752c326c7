"""Dialogues that are written as one text with a mark before each turn, as HH-RLHF's are: `\\n\\nHuman: `.

They become messages, so that the one chat template renders them (contract 3).
"""

from __future__ import annotations

import re
from functools import cache

from janus_recipes.llm.chat import Message


class NotADialogue(Exception):
    """A text has no turns, has text before the first one, or its turns do not alternate from the user's on."""


def turns_of(text: str, user_mark: str, assistant_mark: str) -> tuple[Message, ...]:
    """The turns of a dialogue, the user's first, with the white space around them taken off. Raises NotADialogue.

    White space at a mark's end is not looked for: a turn without words ends with the bare mark. At the very beginning
    of the text, neither is that at the mark's start.
    """
    before = leading_space(user_mark)
    marks = list(turn_mark(user_mark, assistant_mark).finditer(text := before + text.lstrip()))
    if not marks or marks[0].start():
        raise NotADialogue
    if any((mark.lastgroup == "user") == number % 2 for number, mark in enumerate(marks)):
        raise NotADialogue
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    said = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return tuple(Message("assistant" if number % 2 else "user", words) for number, words in enumerate(said))


@cache
def turn_mark(user: str, assistant: str) -> re.Pattern[str]:
    """What matches a mark; its group `user` or `assistant` says whose turn begins."""
    both = leading_space(user) if leading_space(user) == leading_space(assistant) else ""  # first, so it is fast
    rest = {"user": user.rstrip()[len(both) :], "assistant": assistant.rstrip()[len(both) :]}
    words = "|".join(f"(?P<{role}>{re.escape(mark)})" for role, mark in rest.items())
    return re.compile(f"{re.escape(both)}(?:{words})")


def leading_space(mark: str) -> str:
    """The white space that a mark begins with: mostly the empty line before a turn."""
    return mark[: len(mark) - len(mark.lstrip())]
