"""Find the marks in a judge's text, and tell which of them may be somebody else's words.

A judge quotes: the answer that it judges, which may hold a mark to cheat with, or the form that it was asked to keep
to. What stands in a quotation, in code, in a tag or in a table, or after "the answer says", is not its verdict.
All of it takes linear time, whatever the text.
"""

from __future__ import annotations

import re

FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
TAG = re.compile(
    r"<(/?)(?:response|response_[ab]|answer|reference_answer|instruction|quote|blockquote|q|code|pre|think|thinking)>",
    re.IGNORECASE,
)
COMMENT = re.compile(r"<!--|-->")
QUOTE = re.compile(
    r'["\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}«»「」]'
)
CLOSES = {
    '"': '"',
    "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "\N{DOUBLE LOW-9 QUOTATION MARK}": "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}",
    "«": "»",
    "「": "」",
}
"""What ends a quotation, by what begins it."""

# What "the answer" does with a text of its own, or has a judge do with it.
_STATES = (
    r"says?|said|saying|reads?|writes?|wrote|written|states?|stated|claims?|claimed|contains?|includes?|quotes?"
    r"|inserts?|appends?|adds?|prints|printed|outputs|returns|returned|demands|demanded|demanding"
)
_BIDS = (
    r"(?:ask|tell|instruct|order|want|beg|command|urge|request|attempt|try)(?:s|ed|ing)?|told|tries|tried|bids|begged"
    r"|begging"
)
_PUTS = "output|answer|give|write|print|return|say|reply|respond"
SAID = re.compile(
    rf"\b(?:{_STATES}|(?:ends?|ended|ending|closes?|begins?|starts?) (?:with|in|on|by)"
    r"|(?:ends?|ended|ending) with the words|(?:line|sentence|text|mark) is|last (?:words?|lines?) (?:are|is|were|was)"
    rf"|(?:{_BIDS})\b[^\n.,;]{{0,50}}(?:\bto (?:{_PUTS})\b[^\n.,;]{{0,20}}|:[^\n.,;]{{0,30}}))[\s:*_]*\Z",
    re.IGNORECASE,
)
SAID_WITHIN = 80
"""Characters before a mark in which "the answer says" is looked for."""


def may_be_quoted(text: str, at: int) -> str | None:
    """Why what begins at `at` may be another's words, or None where nothing speaks for it."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if line.lstrip().startswith((">", "|")):
        return "it stands in a block quote or a table"
    if line.startswith(("    ", "\t")) or len(FENCE.findall(text, 0, at)) % 2 or line.count("`") % 2:
        return "it stands in code"
    if _is_tagged(text, at):
        return "it stands in a tag that is open"
    if _is_in_quotation_marks(text, at):
        return "it stands in quotation marks"
    if SAID.search(text, max(0, at - SAID_WITHIN), at):
        return "it is told as what somebody else says"
    return None


def _is_tagged(text: str, at: int) -> bool:
    depth = 0
    for tag in TAG.finditer(text, 0, at):
        depth = max(0, depth - 1) if tag[1] else depth + 1
    comments = [one[0] for one in COMMENT.finditer(text, 0, at)]
    return depth > 0 or comments[-1:] == ["<!--"]


def _is_in_quotation_marks(text: str, at: int) -> bool:
    """Whether a quotation that began on the same line is open. Inches (`a 5" screen`) open none."""
    closed_by = ""
    for found in QUOTE.finditer(text, text.rfind("\n", 0, at) + 1, at):
        if closed_by:
            closed_by = "" if found[0] in closed_by else closed_by
        elif not (found[0] == '"' and text[found.start() - 1 : found.start()].isdigit()):
            closed_by = CLOSES.get(found[0], "")
    return bool(closed_by)
