"""The load that every client meets: the same questions, latencies and faults, and the best schedule there is for them.

Latency and fault are a function of a request's number and of how often it was sent, so neither the order of asking nor
the client changes them. Only the standard library is used: peers run this in an environment of their own.
"""

from __future__ import annotations

import heapq
import json
import math
import random
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

IN_FLIGHT = 100
"""Requests in flight, of every client."""

MEDIAN_S, SIGMA, CAP_S = 0.5, 0.8, 10.0
"""Latency: log-normal, cut at the cap."""

World = Literal["slow", "instant", "faulty"]
"""slow: log-normal latency. instant: none. faulty: as slow, and some requests fail."""
WORLDS: tuple[World, ...] = get_args(World)

MISSING = 100
"""Of the questions about a large ledger, the last ones, which it has no answer to."""

Outcome = Literal["whole", "malformed", "rate limited", "server error", "dropped"]
FAULTS: tuple[tuple[Outcome, float], ...] = (
    ("malformed", 0.05),
    ("rate limited", 0.05),
    ("server error", 0.03),
    ("dropped", 0.01),
)
"""Shares of the tries that go wrong in the faulty world."""

ANSWER = json.dumps({"answer": "a careful answer that names each step in order so that a reader can check it " * 6})
MALFORMED = ANSWER[: len(ANSWER) // 2]
PROMPT_TOKENS, COMPLETION_TOKENS = 30, 110

_NUMBER = re.compile(rb"ITEM-(\d+)")


class Fate(NamedTuple):
    """What one try comes to: seconds until it is answered, and how."""

    latency_s: float
    outcome: Outcome


def prompt(number: int) -> str:
    """The question with this number."""
    return f"Answer as JSON with one field, answer. The question is ITEM-{number}: how is bread baked?"


def number_in(body: bytes) -> int | None:
    """The number of the question that a request's body asks; None for what is no question (a client's own probes)."""
    found = _NUMBER.search(body)
    return int(found[1]) if found else None


def fate(world: World, number: int, attempt: int) -> Fate:
    """What the `attempt`-th sending (from 0) of a question comes to."""
    if world == "instant":
        return Fate(0.0, "whole")
    draw = random.Random(f"{number}/{attempt}")
    latency_s = min(CAP_S, MEDIAN_S * math.exp(SIGMA * draw.gauss(0, 1)))
    if world == "faulty":
        left = draw.random()
        for outcome, share in FAULTS:
            if left < share:
                return Fate(0.0 if outcome == "rate limited" else latency_s, outcome)
            left -= share
    return Fate(latency_s, "whole")


def latencies(requests: int) -> list[float]:
    """Seconds that each of the first `requests` questions takes in the slow world."""
    return [fate("slow", number, 0).latency_s for number in range(requests)]


def greedy_s(seconds: Iterable[float], in_flight: int) -> float:
    """Seconds until all is answered when each free place at once takes the next request, without any overhead."""
    ends: list[float] = []
    for one in seconds:
        began = heapq.heappop(ends) if len(ends) >= in_flight else 0.0
        heapq.heappush(ends, began + one)
    return max(ends, default=0.0)


def is_whole(text: str | None) -> bool:
    """Whether an answer is the JSON that was asked for."""
    try:
        return bool(json.loads(text or "")["answer"])
    except (ValueError, LookupError, TypeError):
        return False
