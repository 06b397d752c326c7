"""Ctrl-C and kill -9 in training and in sampling, then the same command: it goes on and ends in the same table."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.stopping import every_stop, no_orphan_is_left, wait_until
from tests.e2e.workshop import Workshop
from tests.faults.killed import continued_from

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

TABLE = "results/rehearsal/tables/table2.csv"

OF_ONE_MODEL = """
tables: {table2: {models: [mistral-7b-v0.2, janus-star-7b]}}
"""
"""What has to be made anew is then one model, and nothing that starts from it."""

TOLERANCE = 0.25
"""How far the table of a run killed in training or sampling may lie from the finished one's, in points of score.

Training continues from a checkpoint, and batched arithmetic rounds differently when other answers share a batch.
"""


@every_stop
def test_training_and_sampling_go_on_after_a_stop_and_end_in_the_same_table(
    copy: Workshop, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    overlays = (copy.write("of-one-model.yaml", OF_ONE_MODEL),)
    models = ("mistral-7b-v0.2", "janus-star-7b")
    finished = {row_key(row): row for row in copy.table() if row["model"] in models}
    work = copy.folder / "work/rehearsal"
    unmake_from_training_on(copy.folder / "results/rehearsal")
    training = copy.start(TABLE, overlays=overlays)
    wait_until(partial(last_checkpoint, work), training, "a checkpoint")
    stop(training)
    no_orphan_is_left(copy.folder)
    trained = last_checkpoint(work)
    rows = work / "answers/multifaceted/janus-star-7b/multifaceted/rows.jsonl"
    sampling = copy.start(TABLE, overlays=overlays)
    wait_until(partial(lines_in, rows), sampling, "a sampled answer")
    stop(sampling)
    no_orphan_is_left(copy.folder)
    log = copy.folder / "results/rehearsal/logs/models/janus-star-7b.log"
    assert continued_from(log) >= trained > 0, "training began anew"

    copy.run(TABLE, overlays=overlays)
    after = {row_key(row): row for row in copy.table() if row["model"] in models}
    assert after.keys() == finished.keys()
    for key, row in after.items():
        assert row["n_used"] == finished[key]["n_used"]
        if key[2] == "Average":
            assert abs(float(row["value"]) - float(finished[key]["value"])) < TOLERANCE, key
    assert not any(work.glob("models/*/out")), "checkpoints of a finished model are left behind"


def unmake_from_training_on(results: Path) -> None:
    """Undo the model and what follows from it, the judge's paid answers too, so that each stage has work to do."""
    for made in (
        "models/janus-star-7b/weights",
        "answers/multifaceted/janus-star-7b",
        "verdicts/multifaceted/janus-star-7b",
        "tables",
    ):
        shutil.rmtree(results / made)
    for made in ("manifest.json", "training.csv", "training.svg"):
        (results / "models/janus-star-7b" / made).unlink()
    for ledger in results.glob("ledger/microworld-judge*"):
        shutil.rmtree(ledger)


def last_checkpoint(work: Path) -> int:
    """The step of the training's last whole checkpoint; 0 before the first."""
    states = work.glob("models/janus-star-7b/out/checkpoint-*/trainer_state.json")
    return max((int(state.parent.name.split("-")[1]) for state in states), default=0)


def lines_in(rows: Path) -> int:
    return rows.read_bytes().count(b"\n") if rows.exists() else 0


def row_key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["model"], row["condition"], row["benchmark"], row["metric"]
