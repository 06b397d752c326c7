"""Ctrl-C and SIGTERM while answers are waited for: the first asks to stop, the second stops at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DRAIN_S = 20.0
"""Seconds after which a stop that was asked for is forced; Slurm kills 30 s after its warning."""


@contextmanager
def signals(stop: Callable[[str], None], cancel: Callable[[], object]) -> Iterator[None]:
    """Inside, the first signal calls `stop` with its name; a second one, or DRAIN_S, calls `cancel`.

    Outside the main thread nothing is caught: signals are the main thread's business.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    asked: list[str] = []

    def caught(name: str) -> None:
        if asked:
            cancel()
        asked.append(name)
        stop(name)
        loop.call_later(DRAIN_S, cancel)

    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    for one in before:
        loop.add_signal_handler(one, caught, one.name)
    try:
        yield
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            signal.signal(one, handler)
