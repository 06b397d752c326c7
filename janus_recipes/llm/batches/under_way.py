"""Which requests are in a batch under way, and how much more the provider's queue holds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from janus_recipes.llm.batches.state import BatchState

PAUSE_S = 60.0
TRIES = 8
"""A queue that is full of what others submitted is tried again after a pause, doubled each time: four hours in all."""


@dataclass
class BatchUnderWay:
    """One batch at the provider. `done` are the rows that the provider says are through."""

    state: BatchState
    wanted: bool = False
    """Whether this run needs an answer from it; another run's batches are not waited for."""
    done: int = 0


@dataclass
class UnderWay:
    """All batches of a model that are under way, whoever submitted them."""

    batches: dict[str, BatchUnderWay] = field(default_factory=dict)
    _at: dict[bytes, BatchUnderWay] = field(default_factory=dict)

    def add(self, state: BatchState, addresses: Iterable[bytes], wanted: bool = False) -> None:
        """Take note of a batch and of the requests in it."""
        batch = self.batches[state.name] = BatchUnderWay(state, wanted)
        self._at.update((address, batch) for address in addresses)

    def drop(self, name: str) -> None:
        """The batch has ended: its requests may be asked again where they have no answer."""
        batch = self.batches.pop(name)
        self._at = {address: other for address, other in self._at.items() if other is not batch}

    def meets(self, address: bytes) -> bool:
        """Whether a request is under way; its batch is wanted from now on."""
        batch = self._at.get(address)
        if batch is not None:
            batch.wanted = True
        return batch is not None

    @property
    def wanted(self) -> list[BatchUnderWay]:
        """The batches that this run waits for."""
        return [batch for batch in self.batches.values() if batch.wanted]

    @property
    def tokens(self) -> int:
        """Tokens of all prompts under way, as estimated."""
        return sum(batch.state.tokens for batch in self.batches.values())

    def usd_of_others(self, recipe: str) -> float:
        """What the batches that this run waits for cost at most, of those that another recipe submitted."""
        return sum(batch.state.usd_left for batch in self.wanted if batch.state.recipe != recipe)


class Queue:
    """How many tokens the provider lets wait: what the recipe says, or less when a batch was refused for it."""

    def __init__(self, limit: int | None) -> None:
        self.full: Literal["", "queue full", "budget full", "model retired"] = ""
        """Why nothing more is submitted before one of the batches under way has ended."""
        self._limit: float = math.inf if limit is None else limit
        self._refused = 0

    def room(self, under_way: UnderWay, tokens: int) -> float:
        """Tokens that may be added. With nothing under way a request of so many `tokens` always may."""
        return self._limit - under_way.tokens if under_way.batches else max(self._limit, tokens)

    def refused(self, tokens: int, beside: int) -> None:
        """A batch of so many tokens was refused, with those of others `beside` it. The next ones are smaller."""
        if beside:
            self._limit = min(self._limit, beside + tokens - 1)
        else:
            self._limit = min(self._limit, tokens / 2)
            self._refused += 1
        self.full = "queue full"

    def accepted(self) -> None:
        """A batch went through, so there is room again."""
        self._refused, self.full = 0, ""

    def pause_s(self) -> float | None:
        """Seconds to wait before a batch is tried that was refused with nothing beside it; None: no more."""
        return PAUSE_S * 2 ** (self._refused - 1) if self._refused <= TRIES else None
