"""How often one request is sent, and how long it waits before it is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from janus_recipes.llm.faults import UNREADABLE, Fault

BACKOFF_S = 1.0
BACKOFF_MOST_S = 60.0
"""The n-th retry waits a random time up to BACKOFF_S * 2**(n - 1) seconds, BACKOFF_MOST_S at most (full jitter)."""

UNREADABLE_MOST = 2
"""Times one request is sent when each time a whole answer came, maybe paid for, that cannot be read."""


@dataclass
class Tries:
    """How often one request was sent, as far as that counts: being told to wait says nothing about a request."""

    failed: int = 0
    unreadable: int = 0

    def count(self, fault: Fault) -> None:
        """One more try that brought no answer."""
        self.failed += fault.code != 429
        self.unreadable += fault.label == UNREADABLE

    def used_up(self, most: int) -> bool:
        """Whether the request is given up."""
        return self.failed >= most or self.unreadable >= UNREADABLE_MOST


def pause_s(number: int, retry_after_s: float | None) -> float:
    """Seconds before the try after the `number`-th: full jitter, on top of what the provider asked for."""
    return (retry_after_s or 0.0) + random.uniform(0, min(BACKOFF_MOST_S, BACKOFF_S * 2 ** (number - 1)))
