"""Rows that must differ from each other: which of them repeat an earlier one, and are asked again.

    differ = MustDiffer("unique", keys=lambda message: [normalised(message)])
    answers = ask(requests, provider, ledger, parse, re_asks=2, differ=differ)

The rows are walked in their order, and each takes the first of its answers that no row before it has. So which rows
repeat follows from the answers and the order of the rows alone, not from which answer came first (contract 7). Only a
walk knows it. Between two walks questions are asked at any order, by what the last walk has found.

Rows are ordered by content. So when a sample grows, a new row may come before an old one that says the same: then the
old one is asked again. No other row changes, and the answer that it had stays in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, TypeVar

from janus_recipes.llm.chat import Unparsed
from janus_recipes.records import Asked

T = TypeVar("T")

DIGEST_BYTES = 12
"""Enough that no two of a million different keys ever have the same digest."""


@dataclass(frozen=True)
class MustDiffer(Generic[T]):
    """Values that must differ. Two clash where one of their `keys` is the same.

    `check` is the check's name in the recipe. Compared are rows whose ids have the same `group`, which must follow each
    other: only one group's keys are held in memory, some 200 bytes each.
    """

    check: str
    keys: Callable[[T], Iterable[str]]
    group: Callable[[str], str] = lambda id: ""


class Repeats(Generic[T]):
    """What one walk after the other finds. Without a rule nothing repeats."""

    def __init__(self, rule: MustDiffer[T] | None) -> None:
        self._rule = rule
        self.begin()

    def begin(self) -> None:
        """Forget everything: a walk begins at the first row."""
        self._group = ""
        self._first: dict[bytes, str] = {}
        self._found: dict[tuple[str, int], str] = {}

    def check_in_order(self, row: Asked[T]) -> None:
        """Raises Unparsed where an ok row repeats an earlier one. Call it row by row, in their order."""
        if self._rule is None or row.value is None:
            return
        self._enter(self._rule.group(row.id))
        keys = [_digest(key) for key in self._rule.keys(row.value)]
        other = next((self._first[key] for key in keys if key in self._first), None)
        if other is None:
            self._first |= dict.fromkeys(keys, row.id)
        else:
            self._found[row.id, row.attempts] = other
            raise self._repeats(other)

    def check_known(self, row: Asked[T]) -> None:
        """The same at any time and in any order, as far as the last walk has found it."""
        other = self._found.get((row.id, row.attempts))
        if other is not None:
            raise self._repeats(other)

    def _enter(self, group: str) -> None:
        if group != self._group:
            self._group = group
            self._first.clear()

    def _repeats(self, other: str) -> Unparsed:
        check = "" if self._rule is None else self._rule.check
        return Unparsed(f"{check}: repeats {other}", [check])


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
