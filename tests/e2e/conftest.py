"""The finished rehearsal, made once in the project's own folder: where it is finished already, this takes seconds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.workshop import BIN, PROFILE, ROOT, Workshop, copy_project


@pytest.fixture(scope="session")
def rehearsal() -> Workshop:
    """The project itself with its rehearsal finished."""
    done = subprocess.run([BIN / "snakemake", *PROFILE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Workshop(ROOT)


@pytest.fixture
def copy(rehearsal: Workshop, tmp_path: Path) -> Workshop:
    """A copy with the finished rehearsal, to change."""
    return copy_project(tmp_path, with_results=True)


@pytest.fixture
def clean_copy(tmp_path: Path) -> Workshop:
    """A copy as a clone would be: nothing is made yet."""
    return copy_project(tmp_path, with_results=False)
