"""The finished rehearsal, made once in the project's own folder: where it is finished already, this takes seconds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from janus_recipes.locking import held
from tests.e2e.workshop import BIN, PROFILE, ROOT, Workshop, copy_project


@pytest.fixture(scope="session")
def rehearsal() -> Workshop:
    """The project itself with its rehearsal finished, by the code that is there now."""
    with held(ROOT / ".snakemake" / "tests.lock", wait_s=2400, what="the rehearsal of the tests"):
        if is_stale(ROOT / "results/rehearsal/tables/table2.csv"):
            shutil.rmtree(ROOT / "results/rehearsal", ignore_errors=True)
        done = subprocess.run([BIN / "snakemake", *PROFILE], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return Workshop(ROOT)


def is_stale(table: Path) -> bool:
    """Whether code or prompts are newer than a table: Snakemake watches the recipe, not the package."""
    code = [
        file for folder in ("janus_recipes", "prompts") for file in (ROOT / folder).rglob("*.[pjy]*") if file.is_file()
    ]
    newest = max(file.stat().st_mtime for file in code if "__pycache__" not in file.parts)
    return table.exists() and newest > table.stat().st_mtime


@pytest.fixture
def copy(rehearsal: Workshop, tmp_path: Path) -> Workshop:
    """A copy with the finished rehearsal, to change."""
    return copy_project(tmp_path, with_results=True)


@pytest.fixture
def clean_copy(tmp_path: Path) -> Workshop:
    """A copy as a clone would be: nothing is made yet."""
    return copy_project(tmp_path, with_results=False)
