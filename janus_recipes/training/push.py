"""Lay out a model as the hub takes it: its weights, its card as README.md, its training curve (`hub/upload.py`)."""

from __future__ import annotations

import shutil
from pathlib import Path

from huggingface_hub import ModelCard

from janus_recipes.datasets.lineage import read_manifest
from janus_recipes.errors import StepError
from janus_recipes.files import digest_of
from janus_recipes.hub.upload import CARD, Upload, refuse_changed, refuse_unfinished
from janus_recipes.manifest import manifest_of
from janus_recipes.training.trained import MANIFEST
from janus_recipes.training.work import link_or_copy


def prepare_model(model: Path, card: Path, folder: Path) -> Upload:
    """Lay out in `folder`, which is emptied first, what is uploaded of the model folder `model`.

    Weights are linked, not copied, where the disk allows it. Raises StepError where something is missing, or was
    changed after its manifest was written: all weights are read for it.
    """
    described, weights = model / MANIFEST, model / "weights"
    refuse_unfinished(card, described, weights)
    manifest = read_manifest(described)
    refuse_changed(weights, manifest["sha256"])
    if read_manifest(manifest_of(card))["inputs"]["model"]["sha256"] != digest_of(described):
        raise StepError(f"{card} describes another model than {described}: make it again with `snakemake {card}`")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, digest in manifest.get("files", {}).items():
        refuse_changed(Path(file), digest)
        shutil.copyfile(file, folder / Path(file).name)
    files = [path for path in sorted(weights.rglob("*")) if path.is_file()]
    for file in files:
        place = folder / file.relative_to(weights)
        place.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(file, place)
    text = card.read_text(encoding="utf-8")
    ModelCard(text)  # the front matter is read here as the hub will read it
    (folder / CARD).unlink(missing_ok=True)  # a link to one that lies with the weights would be written through
    (folder / CARD).write_text(text, encoding="utf-8")
    return Upload(folder, "model", f"{len(files):,} files of weights")
