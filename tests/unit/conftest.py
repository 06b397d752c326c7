"""What several unit tests share."""

from __future__ import annotations

import pytest

from janus_recipes.llm import limits, tries
from tests.scripted import KEY


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key to ask with, and little waiting before trying again."""
    monkeypatch.setenv("TEACHER_KEY", KEY)
    monkeypatch.setattr(tries, "BACKOFF_S", 0.01)
    monkeypatch.setattr(limits, "PROBE_S", 0.01)
    monkeypatch.setattr(limits, "LIMITED_S", 0.01)
    monkeypatch.setattr(limits, "LIMITED_MOST_S", 0.05)
