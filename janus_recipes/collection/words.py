"""What counts as a word when instructions are compared with each other and with bench prompts.

Case, punctuation, white space and Unicode's compatible forms (full-width letters, ligatures) make no difference. In
scripts that are written without spaces each character is a word. A text without any word (`?!`, an emoji) is compared
by its pieces between spaces, so that two such texts are not taken for one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import accumulate

# Thai and Lao, Burmese, Khmer, kana, Han.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Vowel signs and accents that stand after their letter: without them `\w` would end a Hindi word at its first vowel.
_MARKS = "".join(chr(code) for code in range(0x10000) if unicodedata.category(chr(code)).startswith("M"))
_WORD = re.compile(rf"[^\W{_UNSPACED}]+(?:[{_MARKS}]+[^\W{_UNSPACED}]*)*|(?=\w)[{_UNSPACED}][{_MARKS}]*")


def words_of(text: str) -> list[str]:
    """The words of a text in order, in the form in which they are compared. Empty only when the text is blank."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(plain) or plain.split()


def runs_of(words: Sequence[str], length: int) -> list[str]:
    """Each run of `length` words in a row, joined by spaces, in order. A shorter text is one run by itself."""
    whole = " ".join(words)
    if len(words) <= length:
        return [whole]
    ends = list(accumulate(len(word) + 1 for word in words))  # each one past the space after the word
    starts = [0, *ends]
    return [whole[start : end - 1] for start, end in zip(starts, ends[length - 1 :], strict=False)]
