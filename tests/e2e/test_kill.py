"""Ctrl-C and kill -9 in the long stages, then the same command: it goes on and ends in the same tables."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.stopping import every_stop, no_orphan_is_left, wait_until
from tests.e2e.workshop import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def ledger_rows(folder: Path, model: str) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.glob(f"results/rehearsal/ledger/{model}*/*"))


@every_stop
def test_a_collection_stopped_while_asking_asks_no_answered_question_again(
    clean_copy: Workshop, rehearsal: Workshop, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    folder = clean_copy.folder
    first = clean_copy.start("collection")
    wait_until(lambda: ledger_rows(folder, "microworld-teacher") > 700, first, "700 answers")
    stop(first)
    no_orphan_is_left(folder)
    kept = ledger_rows(folder, "microworld-teacher")
    clean_copy.run("collection")
    counted = [asked_in(folder, name) for name in ("preferences", "system_messages", "responses")]
    # Every question once: a row's own, and those of rows that had to be asked again because they repeated another.
    assert sum(one["asked"] for one in counted) + kept == sum(one["rows"] + one["re_asked"] for one in counted)
    for name in ("instructions", "preferences", "system_messages", "responses"):
        path = f"results/rehearsal/collection/{name}.jsonl"
        assert (folder / path).read_bytes() == (rehearsal.folder / path).read_bytes()


def asked_in(folder: Path, name: str) -> dict[str, int]:
    counted: dict[str, int] = json.loads(
        (folder / f"results/rehearsal/collection/{name}.jsonl.manifest.json").read_text()
    )["asked"]
    return counted


@every_stop
def test_judging_goes_on_after_a_kill_and_ends_in_the_same_bytes(
    copy: Workshop, rehearsal: Workshop, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    results, table = copy.folder / "results/rehearsal", "results/rehearsal/tables/table2.csv"
    for made in ("verdicts/multifaceted/mistral-7b-v0.2", "verdicts/multifaceted/janus-7b", "tables"):
        shutil.rmtree(results / made)
    for ledger in results.glob("ledger/microworld-judge*"):
        shutil.rmtree(ledger)
    judging = copy.start(table)
    wait_until(lambda: ledger_rows(copy.folder, "microworld-judge") > 300, judging, "300 verdicts")
    stop(judging)
    no_orphan_is_left(copy.folder)
    copy.run(table)
    for file in ("table2.csv", "table2.comparisons.csv"):
        path = f"results/rehearsal/tables/{file}"
        assert (copy.folder / path).read_bytes() == (rehearsal.folder / path).read_bytes()
