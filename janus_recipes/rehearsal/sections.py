"""Find the tagged sections of a prompt, whatever the texts inside them contain.

A tag stands on a line of its own. Instructions and answers are other people's texts and may hold the same tags, so each
prompt is read from its end, where only the provider's own texts stand.
"""

from __future__ import annotations

from collections.abc import Sequence

PREFERENCE_SET = ("dimensions", "example", "instruction")
SYSTEM_MESSAGE = ("examples", "preferences")
RUBRIC = ("examples", "preference")
JUDGE = ("instruction", "response", "reference_answer", "rubric")
COMPARE = ("instruction", "system_message", "response_a", "response_b", "reference_answer", "rubrics")


def sections_of(prompt: str, names: Sequence[str]) -> dict[str, str] | None:
    """The text of each named section, or None where the prompt is not made of these sections in this order.

    The last closing tag ends a section, and it begins at the first opening tag after the end of the section before
    it. So a section may hold its own tags, and all but the first may hold any tag that the sections after it do not
    use. Lines end at "\\n" (a "\\r" before it is ignored), never at U+2028.
    """
    lines = prompt.split("\n")
    marks = [line.strip() if len(line) < 80 else "" for line in lines]
    ends = _ends(marks, names)
    if ends is None:
        return None
    found: dict[str, str] = {}
    after = 0
    for name, end in zip(names, ends, strict=True):
        try:
            start = marks.index(f"<{name}>", after, end)
        except ValueError:
            return None
        found[name] = "\n".join(lines[start + 1 : end])
        after = end + 1
    return found


def _ends(marks: Sequence[str], names: Sequence[str]) -> list[int] | None:
    """The line of each section's closing tag: the last one before the last opening tag of the section after it."""
    ends: list[int] = []
    before = len(marks)
    for name in reversed(names):
        end = _last(marks, f"</{name}>", before)
        start = _last(marks, f"<{name}>", end)
        if start < 0:
            return None
        ends.insert(0, end)
        before = start
    return ends


def _last(marks: Sequence[str], wanted: str, before: int) -> int:
    """The last line equal to `wanted` above the line `before`, or -1."""
    return next((i for i in range(before - 1, -1, -1) if marks[i] == wanted), -1)
