"""How many tokens a text has, roughly, where nobody counts them: for limits and budgets, never for figures."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4
"""Of English text, in the tokenizers of all large models."""


def tokens_of(text: str) -> int:
    """About the tokens of a text: four ASCII characters make one, any other character is one of its own.

    Chinese and Japanese text has about one token a character, which four characters a token would take for a quarter.
    """
    plain = len(text) if text.isascii() else sum(character < "\x80" for character in text)
    return -(-plain // CHARACTERS_PER_TOKEN) + len(text) - plain
