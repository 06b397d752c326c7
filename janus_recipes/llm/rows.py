"""What stands in the ledger for a request: a finished row, or the next thing to ask for it.

This is the one place that says what a row's status is, for answers that arrive now and for those of earlier runs alike,
so a restart continues exactly where it was, the count of re-asks included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any, Generic, TypeVar

from janus_recipes.llm.canonical import Frame
from janus_recipes.llm.chat import AnswerFormat, ChatRequest, Reply, Unparsed, address_in, frame_of, nth_attempt
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.records import Asked, Status

T = TypeVar("T")


def _nothing(row: Asked[Any]) -> None:
    """Rows that need not differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be asked next for a row. `number` counts the row's attempts from 0."""

    request: ChatRequest
    address: str
    number: int


@dataclass(frozen=True)
class Rows(Generic[T]):
    """How requests become rows: `parse` reads an answer's text or raises Unparsed, at most `re_asks` times over."""

    provider: Provider
    ledger: Ledger
    parse: Callable[[str], T]
    re_asks: int
    rejected: dict[str, tuple[Status, str]] = field(default_factory=dict)
    """Status and reason of what the endpoint rejected in this run, by address. Never stored: a later run asks again."""
    on_read: Callable[[Reply, Sequence[str]], None] | None = None
    """Told each answer that is read, also those that were asked again, with the checks that it fails."""
    check: Callable[[Asked[T]], None] = _nothing
    """Raises Unparsed for an ok row that may not stand beside the others (`repeats.py`): it is asked again, too."""

    def standing(self, request: ChatRequest) -> Asked[T] | Step:
        """The row of a request where it is settled, else what to ask next, which no other process has answered yet."""
        found = self.standing_since(request)
        if isinstance(found, Step) and self.ledger.refresh():
            found = self.standing_since(request)
        return found if isinstance(found, Step) else found[0]

    def standing_since(self, request: ChatRequest) -> tuple[Asked[T], str] | Step:
        """The row of a request with when its answer was given (ISO, UTC; empty without one), else what to ask next."""
        raw = at = ""
        for number in range(self.re_asks + 1):
            attempt = nth_attempt(request, number)
            address = address_in(self._frame(attempt.sampling, attempt.sample, attempt.answer), attempt)
            if address in self.rejected:
                status, reason = self.rejected[address]
                return Asked(request.id, status, None, raw, number + 1, reason), ""
            reply = self.ledger.get(address)
            if reply is None:
                return Step(attempt, address, number)
            row, failed = self._row(request.id, reply, number + 1)
            raw, at = reply.text, reply.at
            if self.on_read is not None:
                self.on_read(reply, failed)
            if row.status is not Status.UNPARSED:
                break
        return row, at

    @cached_property
    def _frame(self) -> Callable[[Sampling, int, AnswerFormat | None], Frame]:
        """`frame_of`, worked out once for the many requests that share it: a third of the time of looking one up."""
        return lru_cache(maxsize=256)(partial(frame_of, self.provider))

    def _row(self, id: str, reply: Reply, attempts: int) -> tuple[Asked[T], Sequence[str]]:
        """What an answer makes of its row, and the checks that it fails."""
        if reply.refused or reply.finish_reason == "content_filter":
            return Asked(id, Status.REFUSED, None, reply.text, attempts, "the model or the provider declined"), ()
        if reply.finish_reason == "length":
            # Not asked again: the same limit would cut the next answer too, at full price.
            return Asked(id, Status.TRUNCATED, None, reply.text, attempts, "cut at the token limit"), ()
        if not reply.text and reply.finish_reason in ("tool_calls", "function_call"):
            return Asked(id, Status.UNPARSED, None, "", attempts, "a tool was called instead of an answer"), ()
        try:
            row = Asked(id, Status.OK, self.parse(reply.text), reply.text, attempts)
            self.check(row)
        except Unparsed as error:
            return Asked(id, Status.UNPARSED, None, reply.text, attempts, str(error)), error.checks
        return row, ()
