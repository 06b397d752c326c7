"""Make more instructions out of few, where the rehearsal's training needs more rows than its pool has.

    framings("How do bees find their way home?", 3)

A framing puts a short natural phrase before or after the instruction, or both; nothing in it reads like a system
message ("you are", "imagine"), because such instructions are filtered out of the collection.
"""

from __future__ import annotations

from itertools import product

from janus_recipes.seeding import random_for

_BEFORE = (
    "",
    "Here is my question.",
    "I have been wondering about this.",
    "A quick one for this morning.",
    "My sister asked me this.",
    "Please help me with this.",
    "This came up at work today.",
    "One more thing.",
    "We talked about this over dinner.",
    "For a note to a friend:",
    "I could not find this anywhere.",
)
_AFTER = (
    "",
    "Thanks in advance.",
    "There is no hurry.",
    "A few lines will do.",
    "I would like to pass it on.",
    "Any help is welcome.",
    "It is for my own use.",
    "Many thanks!",
    "I am curious.",
)

MOST_FRAMINGS = len(_BEFORE) * len(_AFTER)
"""The instruction itself and all its framings."""


def framings(text: str, count: int) -> list[str]:
    """The instruction itself and `count - 1` different framings of it, the same ones for the same text.

    `framings(text, 5)` begins with `framings(text, 4)`, so a larger rehearsal keeps the instructions of a smaller one.
    Raises ValueError where `count` is not in 1..MOST_FRAMINGS.
    """
    if not 1 <= count <= MOST_FRAMINGS:
        raise ValueError(f"an instruction has 1 to {MOST_FRAMINGS} framings, not {count}")
    pairs = list(product(_BEFORE, _AFTER))[1:]
    random_for("framings", text.encode("utf-8", "backslashreplace").decode()).shuffle(pairs)
    return [text, *("\n".join(part for part in (before, text, after) if part) for before, after in pairs[: count - 1])]
