"""What an artefact was made from, step by step, as the manifests say it (contract 8).

for made in lineage(Path("results/janus/datasets/sft-196k.jsonl")):
    made.path, made.manifest
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from janus_recipes.collection.funnel import ALL
from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of


@dataclass(frozen=True)
class Made:
    """An artefact and its manifest."""

    path: Path
    manifest: Json

    @property
    def name(self) -> str:
        """What it is called in tables: the file's name without its ending."""
        return self.path.name.removesuffix(".jsonl")

    @property
    def inputs(self) -> dict[str, tuple[Path, str]]:
        """Path and digest of each input, by the name that the step gave it."""
        return {name: (Path(one["path"]), one["sha256"]) for name, one in self.manifest["inputs"].items()}

    @property
    def rows(self) -> int | None:
        """How many rows the file has, as its manifest counts them: written, asked for, or kept by the funnel."""
        counts = self.part("counts")
        kept = counts.get("funnel", {}).get("kept")
        by_source = kept if isinstance(kept, dict) else {ALL: kept}  # older manifests have one number
        found = self.part("asked").get("rows", counts.get("rows", by_source.get(ALL)))
        return found if isinstance(found, int) else None

    def part(self, name: str) -> Any:
        """A part of the manifest that not every one has: counts, asked, notes."""
        return self.manifest.get(name, {})


def lineage(artefact: Path) -> list[Made]:
    """The artefact and all that it was made from, inputs first. Prompts and others without a manifest are not in it.

    Raises StepError when the artefact itself has none, or when a manifest cannot be read.
    """
    if not manifest_of(artefact).exists():
        raise StepError(f"{artefact} has no manifest beside it, so it is not finished: make it again")
    found: dict[Path, Made] = {}
    follow(artefact, found)
    return list(found.values())


def follow(artefact: Path, found: dict[Path, Made]) -> None:
    """Put an artefact's inputs, then itself, into `found`."""
    made = Made(artefact, read_manifest(manifest_of(artefact)))
    for path, _ in made.inputs.values():
        if path not in found and manifest_of(path).exists():
            follow(path, found)
    found[artefact] = made


def read_manifest(path: Path) -> Json:
    """A manifest's content. Raises StepError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("inputs"), dict):
            return content
    except ValueError as problem:
        raise StepError(f"{path}: not JSON: {problem}") from problem
    raise StepError(f"{path}: not a manifest: it names no inputs")


def is_made_up(steps: list[Made]) -> bool:
    """Whether some of it was written by a rehearsal's teacher."""
    return any(made.part("asked").get("kind") == "rehearsal" for made in steps)


def outdated(steps: list[Made]) -> Iterator[str]:
    """One sentence for each input that was made anew after something was made from it."""
    digests = {made.path: made.manifest["sha256"] for made in steps}
    for made in steps:
        for path, digest in made.inputs.values():
            if digests.get(path, digest) != digest:
                yield f"`{path.name}` was made anew after `{made.path.name}` was made from it."
