"""What every test may rely on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Workers and the engines that they start share few cores: torch's threads would wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts a job in the background lets it ignore Ctrl-C, and children inherit that: tests send real ones.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that workers end together; one makes the rehearsal while others need none of it.

    Slurm's tests mostly wait, so one worker begins them while the others compute.
    """
    items.sort(key=lambda item: _ORDER.index(_place(item.path)))


_ORDER = (
    *("test_rehearsal.py", "test_slurm.py", "contract"),
    *("test_kill_training.py", "test_kill_short_stages.py", "test_misbehaving_provider.py", "e2e", "browser", "unit"),
)


def _place(path: Path) -> str:
    return path.name if path.name in _ORDER else path.relative_to(TESTS).parts[0]
