"""Lay out a data set as the hub takes it: its rows as Parquet, its card as README.md (`hub/upload.py` uploads it)."""

from __future__ import annotations

import shutil
from pathlib import Path

from huggingface_hub import DatasetCard

from janus_recipes.datasets.cards import PARQUET
from janus_recipes.datasets.lineage import read_manifest
from janus_recipes.datasets.parquet import write_parquet
from janus_recipes.errors import StepError
from janus_recipes.hub.upload import CARD, Upload, refuse_changed, refuse_unfinished
from janus_recipes.manifest import manifest_of


def prepare(rows: Path, card: Path, folder: Path) -> Upload:
    """Lay out in `folder`, which is emptied first, what is uploaded.

    Raises StepError where rows or card are missing, or where one was changed after the other was made from it.
    """
    refuse_unfinished(card, rows, manifest_of(rows))
    digest = read_manifest(manifest_of(rows))["sha256"]
    refuse_changed(rows, digest)
    if read_manifest(manifest_of(card))["inputs"]["rows"]["sha256"] != digest:
        raise StepError(f"{card} describes other rows than those of {rows}: make it again with `snakemake {card}`")
    shutil.rmtree(folder, ignore_errors=True)
    count = write_parquet(rows, folder / PARQUET)
    text = card.read_text(encoding="utf-8")
    DatasetCard(text)  # the front matter is read here as the hub will read it
    (folder / CARD).write_text(text, encoding="utf-8")
    return Upload(folder, "dataset", f"{count:,} rows")
