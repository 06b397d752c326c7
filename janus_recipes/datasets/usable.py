"""Which of the Collection's responses become training rows, and how many do not (contract 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from janus_recipes.records import Asked, Status


@dataclass(frozen=True)
class Usable:
    """Responses' texts by id, and how many rows of their file are left out, by status."""

    texts: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def usable_responses(rows: Iterable[Asked[str]], keep: Collection[str]) -> Usable:
    """The responses whose status is in `keep`.

    A truncated or refused response has no value: its text is the model's raw one. Where that is blank, as when the
    provider itself declined, there is nothing to learn from: left out, as `refused, blank`.
    """
    usable = Usable()
    for row in rows:
        text = row.value if row.status is Status.OK and row.value is not None else row.raw
        if row.status not in keep:
            usable.left_out[str(row.status)] += 1
        elif not text.strip():
            usable.left_out[f"{row.status}, blank"] += 1
        else:
            usable.texts[row.id] = text
    return usable


def by_instruction(items: Iterable[str]) -> dict[str, list[str]]:
    """Items' ids under the ids of their instructions, in an order that does not depend on the input's."""
    found: dict[str, list[str]] = {}
    for item in sorted(items):
        found.setdefault(instruction_of(item), []).append(item)
    return found


def instruction_of(item: str) -> str:
    """The instruction that a set, a system message or a response belongs to."""
    return item.partition("/")[0]
