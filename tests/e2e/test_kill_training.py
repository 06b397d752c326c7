"""Ctrl-C and kill -9 in training and in sampling, then the same command: it goes on and ends in the same table."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.stopping import ctrl_c, kill, no_orphan_is_left, wait_until
from tests.e2e.workshop import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOLERANCE = 0.25
"""How far the table of a run killed in training or sampling may lie from the finished one's, in points of score.

Training continues from a checkpoint, and batched arithmetic rounds differently when other answers share a batch.
"""


def test_training_and_sampling_go_on_after_every_stop_and_end_in_the_same_table(copy: Workshop) -> None:
    finished = {row_key(row): row for row in copy.table()}
    work = copy.folder / "work/rehearsal"
    unmake_from_training_on(copy.folder / "results/rehearsal")
    rows = work / "answers/multifaceted/janus-7b/multifaceted/rows.jsonl"
    stop_and_stop_again(copy, "a new checkpoint", partial(last_checkpoint, work))
    stop_and_stop_again(copy, "a newly sampled answer", partial(lines_in, rows))
    assert first_step_of_the_last_start(copy.folder) > 1, "training began anew"

    copy.run()
    after = {row_key(row): row for row in copy.table()}
    assert after.keys() == finished.keys()
    for key, row in after.items():
        assert row["n_used"] == finished[key]["n_used"]
        if key[2] == "Average":
            assert abs(float(row["value"]) - float(finished[key]["value"])) < TOLERANCE, key
    assert not any(work.glob("models/*/out")), "checkpoints of a finished model are left behind"


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


def stop_and_stop_again(copy: Workshop, what: str, done: Callable[[], int]) -> None:
    """Run until more is done than before and kill -9; then the same and Ctrl-C."""
    for stop in (kill, ctrl_c):
        before, run = done(), copy.start()
        wait_until(partial(is_more, done, before), run, what)
        stop(run)
        no_orphan_is_left(copy.folder)


def is_more(done: Callable[[], int], before: int) -> bool:
    return done() > before


def last_checkpoint(work: Path) -> int:
    """The step of the training's last whole checkpoint; 0 before the first."""
    states = work.glob("models/janus-7b/out/checkpoint-*/trainer_state.json")
    return max((int(state.parent.name.split("-")[1]) for state in states), default=0)


def lines_in(rows: Path) -> int:
    return rows.read_bytes().count(b"\n") if rows.exists() else 0


def first_step_of_the_last_start(folder: Path) -> int:
    """The first step that the last start of the training logged."""
    log = (folder / "results/rehearsal/logs/models/janus-7b.log").read_text()
    steps = re.findall(r"(\d+)/\d+ \[", log.replace("\r", "\n"))
    assert steps, log[-2000:]
    return next(int(step) for step in steps if int(step) > 0)


def row_key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["model"], row["condition"], row["benchmark"], row["metric"]
