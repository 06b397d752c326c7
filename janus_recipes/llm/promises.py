"""What a recipe's batches under way may still cost, as a step that asks live sees it while others submit batches."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from janus_recipes.llm.batches.state import committed_by

PROMISES_EVERY_S = 3.0
"""How often a step that asks live looks at what batches under way may cost, whatever it knows of them."""

CHANGES_EVERY_S = 0.2
"""How often it looks whether their folders have changed since, which costs a `stat` a model."""


class Promises:
    """What a recipe's batches under way may cost. Each look reads a small file a batch, so it is taken where a folder
    of batches has changed, and now and then: on NFS a change may be seen late."""

    def __init__(self, ledger: Path, recipe: str) -> None:
        self._ledger, self._recipe = ledger, recipe
        self._usd = self._look_at = self._stat_at = 0.0
        self._changed_at: dict[str, int] = {}

    def usd(self, now: bool = False) -> float:
        """Dollars at most, as of `now` or of the last look."""
        at = time.monotonic()
        if now or at >= self._look_at or self._changed(at):
            self._changed_at = self._times()  # before the look: what changes during it is looked at again
            self._usd, self._look_at = committed_by(self._ledger, self._recipe), at + PROMISES_EVERY_S
        return self._usd

    def _changed(self, at: float) -> bool:
        if at < self._stat_at:
            return False
        self._stat_at = at + CHANGES_EVERY_S
        return self._times() != self._changed_at

    def _times(self) -> dict[str, int]:
        """When each model's folder of batches changed last: a batch that begins or ends is a file that comes or goes.

        One that goes while this looks is one that has changed.
        """
        times: dict[str, int] = {}
        with suppress(FileNotFoundError):
            for folder in os.scandir(self._ledger / ".batches"):
                times[folder.name] = folder.stat().st_mtime_ns
        return times
