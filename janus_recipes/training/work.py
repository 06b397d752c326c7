"""A training's work folder: what may be continued there, and the finished model's way out of it. Any engine's.

Checkpoints live in a work folder that no rule declares: Snakemake deletes a failed job's outputs, and a checkpoint must
outlive its job. The folder goes when the model's manifest is written.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from janus_recipes.files import Json, digest_of, digest_of_text, stamp_of, write_json

STARTED_FROM = "started_from.json"

CLOCK = "clock.json"
"""The wall time of the starts that have ended, and when the one under way began."""


def origin_of(config: Path, datasets: Sequence[Path], start: str) -> Json:
    """What decides a training, to tell one from another: configuration, data, and the files of a local `start`."""
    return {
        "config": digest_of(config),
        "datasets": [digest_of(dataset) for dataset in datasets],
        "base": digest_of_text("\n".join(stamp_of(start))),
    }


def begin(work: Path, origin: Json) -> None:
    """Empty `work` unless it was begun by the very same training: its checkpoints and its log are then another's.

    What is thrown away, and why, is said in the job's log: days of training may be among it.
    """
    started_from = work / STARTED_FROM
    before: Json = json.loads(started_from.read_text(encoding="utf-8")) if started_from.exists() else {}
    if before == origin:
        return
    if before:
        differs = ", ".join(sorted(key for key in before.keys() | origin.keys() if before.get(key) != origin.get(key)))
        print(
            f"{work}: begins anew and deletes the checkpoints there, which are of a training with another {differs}",
            file=sys.stderr,
            flush=True,
        )
    shutil.rmtree(work, ignore_errors=True)
    write_json(started_from, origin)


@contextlib.contextmanager
def timed(work: Path, log: Path) -> Iterator[Callable[[], float]]:
    """Gives the wall time of a training so far, in seconds: of all its starts, the one that the block is included.

    A start that was killed wrote no end: it is taken to have lasted until its last line in `log`.
    """
    clock, before, began = work / CLOCK, seconds_before(work, log), time.monotonic()

    def spent() -> float:
        return round(before + time.monotonic() - began, 1)

    write_json(clock, {"seconds": before, "began": time.time()})
    try:
        yield spent
    finally:
        with contextlib.suppress(OSError):  # a full disk: what ended the training matters more
            write_json(clock, {"seconds": spent(), "began": None})


def seconds_before(work: Path, log: Path) -> float:
    """The wall time of the starts before this one."""
    if not (work / CLOCK).exists():
        return 0.0
    kept = json.loads((work / CLOCK).read_text(encoding="utf-8"))
    seconds, began = float(kept["seconds"]), kept["began"]
    if began is not None and log.exists():
        seconds += max(0.0, log.stat().st_mtime - began)
    return seconds


def move_model(files: Iterable[Path], out: Path) -> None:
    """Put a model's files into the folder `out`, all or none. What was there is replaced."""
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for file in files:
        link_or_copy(file, half / file.name)
    shutil.rmtree(out, ignore_errors=True)
    half.replace(out)


def link_or_copy(file: Path, target: Path) -> None:
    """The same file under a second name: 14 GB of weights need no copy, unless `target` is on another disk."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)
