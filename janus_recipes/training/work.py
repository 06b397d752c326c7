"""A training's work folder: what may be continued there, and the finished model's way out of it. Any engine's.

Checkpoints live in a work folder that no rule declares: Snakemake deletes a failed job's outputs, and a checkpoint must
outlive its job. The folder goes when the model's manifest is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from janus_recipes.files import Json, digest_of, digest_of_text, stamp_of, write_json

STARTED_FROM = "started_from.json"


def origin_of(config: Path, datasets: Sequence[Path], start: str) -> Json:
    """What decides a training, to tell one from another: configuration, data, and the files of a local `start`."""
    return {
        "config": digest_of(config),
        "datasets": [digest_of(dataset) for dataset in datasets],
        "base": digest_of_text("\n".join(stamp_of(start))),
    }


def begin(work: Path, origin: Json) -> None:
    """Empty `work` unless it was begun by the very same training: its checkpoints and its log are then another's."""
    started_from = work / STARTED_FROM
    if not started_from.exists() or json.loads(started_from.read_text(encoding="utf-8")) != origin:
        shutil.rmtree(work, ignore_errors=True)
        write_json(started_from, origin)


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
