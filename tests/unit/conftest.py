"""What several unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.llm import limits, tries
from tests.scripted import KEY

ROOT = Path(__file__).parents[2]


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key to ask with, and little waiting before trying again."""
    monkeypatch.setenv("TEACHER_KEY", KEY)
    monkeypatch.setattr(tries, "BACKOFF_S", 0.01)
    monkeypatch.setattr(limits, "PROBE_S", 0.01)
    monkeypatch.setattr(limits, "LIMITED_S", 0.01)
    monkeypatch.setattr(limits, "LIMITED_MOST_S", 0.05)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's recipes and prompts, where nothing is made yet."""
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
