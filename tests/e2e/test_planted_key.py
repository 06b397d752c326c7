"""A key that is planted in the environment is in no file that a run leaves: results, ledger, logs, Snakemake's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from janus_recipes.recipe.schema import Faults
from janus_recipes.rehearsal.server import serving
from tests.e2e.workshop import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KEY = "planted-Zq83hf02LmXw"
FAULTS = Faults(server_error=0.1, rate_limited=0.1, retry_after_s=0.01, malformed=0.1)
OVERLAY = """
name: planted
providers:
  teacher: {{kind: {kind}, model: {model}, base_url: "{base_url}", key_env: LETTERBOX}}
collection:
  instructions: {{per_source: 12, before_filter: 12}}
"""


@pytest.mark.parametrize("kind", ["openai", "openai-batch"])
def test_a_planted_key_is_in_no_artefact_of_a_run(
    clean_copy: Workshop, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("LETTERBOX", KEY)
    with serving(FAULTS) as world:
        answering = OVERLAY.format(kind=kind, model="teacher", base_url=world.base_url)
        overlay = clean_copy.write("planted.yaml", answering)
        clean_copy.run("collection", overlays=(overlay,))
        assert world.stats().requests > 100, "the key was never sent"
    # Another model, which nobody has been asked yet, and nobody listens any more: errors are where keys are told.
    clean_copy.write("planted.yaml", answering.replace("model: teacher", "model: silent"))
    assert clean_copy.start("collection", overlays=(overlay,)).wait() != 0
    assert "then run the same command again" in clean_copy.printed()
    assert files_with(KEY.encode(), clean_copy.folder) == []


def files_with(secret: bytes, folder: Path) -> list[str]:
    """The files below a folder that hold a secret, the engines' environments apart."""
    found = []
    for here, below, files in os.walk(folder):
        below[:] = [name for name in below if name != ".envs"]
        found += [name for name in files if secret in (Path(here) / name).read_bytes()]
    return found


def test_the_search_would_find_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_text(f"Authorization: Bearer {KEY}")
    assert files_with(KEY.encode(), tmp_path) == ["log"]
