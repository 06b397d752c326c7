"""What every test may rely on."""

from __future__ import annotations

import signal

import pytest

# A shell that starts a job in the background lets it ignore Ctrl-C, and children inherit that: tests send real ones.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes go first, so that both workers end together."""
    items.sort(key=lambda item: "e2e" not in item.path.parts)
