"""How many sentences a text surely has: for a check whose false alarm would pay for another answer.

    sentences_in("Wants figures, e.g. 3.5 kg. No more than that.")        # 2

An end of a sentence is counted only where nothing else is likely: after a full stop, a question or an exclamation mark
that a new sentence visibly follows. Abbreviations, initials, list numbers, ellipses, quoted exclamations, or a line
without a mark are none, so the true number is seldom lower and often higher. Scripts with full stops of their own
(Chinese, Japanese, Hindi, Arabic, Urdu) are counted by these; Thai, which has none, is one sentence.
"""

from __future__ import annotations

import re

_CLOSING = "\"'”\u2019»\u203a)\\]」』\uff09】》*_"
_OPENING = "\"'“\u2018„«\u2039(\\[「『\uff08【《*_¿¡"
_MARKS = ".!?…।॥؟\u06d4"
_FULL_WIDTH = "。\uff01\uff1f｡"
_END = re.compile(
    rf"(?P<mark>[{_MARKS}]+|[{_FULL_WIDTH}]+)(?P<closing>[{_CLOSING}]*)(?P<space>\s*)(?P<opening>[{_OPENING}]*)"
)
_WORD_BEFORE = re.compile(r"[^\s\"'“\u2018„«(\[/*_]+\Z")

LONGEST_ABBREVIATION = 12
"""Characters that are looked at before a full stop."""

_ABBREVIATIONS = """
al approx assn bros ca capt cf co col corp dept dr e.g eds eg esp est etc excl gen gov hon i.e ie inc incl jr lt ltd
messrs mr mrs ms mt mts mx pres prof rep resp rev sen sgt sr st univ viz vs
bspw bzw evtl ggf inkl sog usw vgl
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
"""Words whose full stop need not end the sentence although a capital follows. (Before a number none is counted.)"""


def sentences_in(text: str) -> int:
    """The number of sentences that a text has at least; 0 for a blank one. Linear in the text's length."""
    if not text.strip():
        return 0
    body = text.rstrip()
    return 1 + sum(_ends_a_sentence(body, end) for end in _END.finditer(body))


def _ends_a_sentence(text: str, end: re.Match[str]) -> bool:
    """Whether another sentence surely begins after a mark."""
    after = text[end.end() : end.end() + 1]
    if not after or after.islower() or not after.isalpha():
        return False
    if end["mark"][0] in _FULL_WIDTH:
        return not end["closing"] or bool(end["space"])  # a quotation's own mark: its sentence may go on
    if not end["space"] or "…" in end["mark"] or ".." in end["mark"]:
        return False
    if "." in end["mark"]:
        return not _may_be_abbreviated(text[max(0, end.start() - LONGEST_ABBREVIATION) : end.start()])
    return not end["closing"]  # "Why?" The quotation may stand in the middle of a sentence


def _may_be_abbreviated(before: str) -> bool:
    """Whether the full stop after these characters may be a word's own: e.g., Dr., J. R., Ph.D., U.S., 2."""
    found = _WORD_BEFORE.search(before)
    word = found[0].lower() if found else ""
    return len(word) <= 1 or word in ABBREVIATIONS or "." in word or (word.isdigit() and len(word) <= 2)
