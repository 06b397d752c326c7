"""Ctrl-C and kill -9 in the long stages, then the same command: it goes on and ends in the same tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.stopping import ctrl_c, kill, no_orphan_is_left, wait_until
from tests.e2e.workshop import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOLERANCE = 0.25
"""How far the table of a run killed in training or sampling may lie from the finished one's, in points of score.

Training continues from a checkpoint, and batched arithmetic rounds differently when other answers share a batch.
"""


def ledger_rows(folder: Path, model: str) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.glob(f"results/rehearsal/ledger/{model}*/*"))


@pytest.mark.parametrize("stop", [kill, ctrl_c], ids=["kill -9", "ctrl-c"])
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
    assert sum(one["asked"] for one in counted) + kept == sum(one["rows"] for one in counted)
    for name in ("instructions", "preferences", "system_messages", "responses"):
        path = f"results/rehearsal/collection/{name}.jsonl"
        assert (folder / path).read_bytes() == (rehearsal.folder / path).read_bytes()


def unmake_from_training_on(results: Path) -> None:
    """Undo the model and what follows from it, the judge's paid answers too, so that each stage has work to do."""
    for made in (
        "models/janus-7b/weights",
        "answers/multifaceted/janus-7b",
        "verdicts/multifaceted/janus-7b",
        "tables",
    ):
        shutil.rmtree(results / made)
    (results / "models/janus-7b/manifest.json").unlink()
    for ledger in results.glob("ledger/microworld-judge*"):
        shutil.rmtree(ledger)


def asked_in(folder: Path, name: str) -> dict[str, int]:
    counted: dict[str, int] = json.loads(
        (folder / f"results/rehearsal/collection/{name}.jsonl.manifest.json").read_text()
    )["asked"]
    return counted


def test_training_and_sampling_go_on_after_a_kill_and_end_in_the_same_table(copy: Workshop) -> None:
    finished = {row_key(row): row for row in copy.table()}
    folder, work = copy.folder, copy.folder / "work/rehearsal"
    unmake_from_training_on(folder / "results/rehearsal")

    training = copy.start()
    wait_until(lambda: any(work.glob("models/janus-7b/out/checkpoint-*/trainer_state.json")), training, "a checkpoint")
    kill(training)
    no_orphan_is_left(folder)

    sampling = copy.start()
    rows = work / "answers/multifaceted/janus-7b/multifaceted/rows.jsonl"
    wait_until(lambda: rows.exists() and rows.stat().st_size > 0, sampling, "a sampled answer")
    assert first_step_after_the_kill(folder) > 1, "training began anew"
    kill(sampling)
    no_orphan_is_left(folder)

    copy.run()
    after = {row_key(row): row for row in copy.table()}
    assert after.keys() == finished.keys()
    for key, row in after.items():
        assert row["n_used"] == finished[key]["n_used"]
        if key[2] == "Average":
            assert abs(float(row["value"]) - float(finished[key]["value"])) < TOLERANCE, key
    assert not any(work.glob("models/*/out")), "checkpoints of a finished model are left behind"


@pytest.mark.parametrize("stop", [kill, ctrl_c], ids=["kill -9", "ctrl-c"])
def test_judging_goes_on_after_a_kill_and_ends_in_the_same_bytes(
    copy: Workshop, rehearsal: Workshop, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    results = copy.folder / "results/rehearsal"
    for made in ("verdicts", "tables"):
        shutil.rmtree(results / made)
    for ledger in results.glob("ledger/microworld-judge*"):
        shutil.rmtree(ledger)
    judging = copy.start()
    wait_until(lambda: ledger_rows(copy.folder, "microworld-judge") > 300, judging, "300 verdicts")
    stop(judging)
    no_orphan_is_left(copy.folder)
    copy.run()
    for table in ("table2.csv", "table2.comparisons.csv"):
        path = f"results/rehearsal/tables/{table}"
        assert (copy.folder / path).read_bytes() == (rehearsal.folder / path).read_bytes()


def first_step_after_the_kill(folder: Path) -> int:
    """The first step that the second start of the training logged."""
    log = (folder / "results/rehearsal/logs/models/janus-7b.log").read_text()
    steps = re.findall(r"(\d+)/\d+ \[", log.replace("\r", "\n"))
    assert steps, log[-2000:]
    return next(int(step) for step in steps if int(step) > 0)


def row_key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["model"], row["condition"], row["benchmark"], row["metric"]
