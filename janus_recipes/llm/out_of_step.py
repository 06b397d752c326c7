"""Keep two processes that ask the same questions from paying for each of them twice.

The later one catches up with the earlier one and would then walk beside it: both would always ask the same questions at
the same moment, and neither would ever find the other's answer in the ledger. So, while another process is seen
writing answers of the same model, questions are taken at random out of many. What both have in flight is then rarely
the same, and what the other has answered meanwhile is found before it is asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeVar

from janus_recipes.llm.ledger import Ledger

T = TypeVar("T")

HELD_BACK = 10_000
"""Requests to choose from, some 30 MB: with 100 in flight on either side 1 in 100 is paid twice."""

BREATHE_EVERY = 64
"""Requests that are held back before arrived answers are let in again."""


def out_of_step(waiting: Iterator[T | None], ledger: Ledger, most: int = HELD_BACK) -> Iterator[T | None]:
    """What `waiting` gives, each once: in its order as long as this process asks alone, else at random.

    None is yielded now and then while nothing is ready. The order decides no answer, so it needs no seed.
    """
    held: list[T] = []
    for request in waiting:
        if request is None or not (held or ledger.shared):
            yield request
            continue
        held.append(request)
        if len(held) >= most:
            yield _taken(held)
        elif len(held) % BREATHE_EVERY == 0:
            yield None
    while held:
        yield _taken(held)


def _taken(held: list[T]) -> T:
    """One of the list, which no longer has it. The last takes its place: nothing is moved up."""
    number = random.randrange(len(held))
    held[number], held[-1] = held[-1], held[number]
    return held.pop()
