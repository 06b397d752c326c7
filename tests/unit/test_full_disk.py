"""A disk that is full or read-only while a model is asked: what was answered is kept, and what is lost is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from janus_recipes.llm.budget import spent_by
from tests.scripted import Said, asked, provider_at, questions, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")

COUNT = 60
IN_FLIGHT = 8

CHILD = """
import os, resource, signal, sys
from pathlib import Path
from janus_recipes.errors import StepError
from janus_recipes.llm.ask import ask
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Prices
from tests.scripted import provider_at, questions
url, folder, most = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
if most:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
elif os.geteuid() == 0:
    os.seteuid(65534)  # nobody: permissions mean nothing to root, whom a container's user often is
provider = provider_at(url, prices=Prices(input=100_000.0, output=0.0))  # a prompt of 10 tokens: a dollar
try:
    with Ledger.open(folder, "teacher") as ledger, Purse.open(folder, "mine", 1000.0, provider) as purse:
        ask(questions(60), provider, ledger, str, 2, purse=purse)
except StepError as error:
    print(error)
"""


def told_by_child(url: str, folder: Path, file_bytes: int) -> str:
    command = [sys.executable, "-c", CHILD, url, str(folder), str(file_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_is_full_stops_the_run_and_says_what_is_kept_and_what_is_lost(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.05)) as script:
        # A limit on a file's size stands for the full disk. A row of the ledger has some 400 bytes: about 20 fit.
        told = told_by_child(script.base_url, tmp_path, 8000)
        found = re.search(
            r"answers cannot be kept here: File too large\. .*Make room.* run the same command again.*"
            r"\((\d+) answers of this run are kept.*\) (\d+) answers in flight were paid for and could not be kept",
            told,
        )
        assert found is not None, told
        kept, lost = int(found[1]), int(found[2])
        # Nothing new was asked after the first that found no room: the 8 in flight then are lost, or fewer.
        assert kept + lost == script.came.total() < 60 and 1 <= lost <= IN_FLIGHT
        assert spent_by(tmp_path, "mine") == pytest.approx(kept + lost)  # what is lost was paid for all the same
        rows, answers = asked(questions(COUNT), provider_at(script.base_url), tmp_path)
        assert [row.value for row in rows] == [f"re: question {n}" for n in range(COUNT)]
        assert (answers.report.from_ledger, script.came.total()) == (kept, COUNT + lost)


def test_a_ledger_that_may_only_be_read_is_told_before_anything_is_asked() -> None:
    with tempfile.TemporaryDirectory() as made, scripted() as script:
        folder = Path(made)
        asked(questions(2), provider_at(script.base_url), folder)
        for path in folder.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        folder.chmod(0o555)
        told = told_by_child(script.base_url, folder, 0)
        assert "cannot be" in told and "Permission denied. Nothing more was asked" in told
        assert script.came.total() == 2
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
