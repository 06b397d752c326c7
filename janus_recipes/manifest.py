"""The manifest beside every artefact, written last (contract 8): where it came from, with what, and what it cost.

`results/janus/collection/preferences.jsonl` has `preferences.jsonl.manifest.json` beside it; a model's folder holds its
`manifest.json`. An artefact without a manifest is not finished.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of, write_json
from janus_recipes.redact import redact

VERSIONED = (
    *("janus-recipes", "snakemake", "openai", "jinja2", "pydantic", "datasets"),
    *("fschat", "rapidfuzz", "rouge-score", "polars", "altair", "vl-convert-python"),
)


@dataclass
class Making:
    """An artefact in the making. The step adds what it counted; all of it goes into the manifest."""

    out: Path
    counts: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


@contextmanager
def making(
    out: Path,
    *,
    recipe: str,
    section: BaseModel | Mapping[str, Any],
    inputs: Mapping[str, Path],
    manifest: Path | None = None,
    also: Sequence[Path] = (),
) -> Iterator[Making]:
    """Make one artefact: the body writes `out` whole; its manifest follows when the body ended without an error.

    `section` is the part of the recipe that decided the artefact, `inputs` the files it was made from, prompts and seed
    files included. `also` are further files that the body writes: the one manifest lists their digests under `files`.
    A full disk becomes a StepError that says so.
    """
    started = datetime.now(UTC)
    clock = time.monotonic()
    made = Making(out)
    try:
        yield made
        body = {
            "artefact": str(out),
            "sha256": digest_of(out),
            "recipe": recipe,
            "section": as_json(section),
            "inputs": {name: {"path": str(path), "sha256": digest_of(path)} for name, path in inputs.items()},
            "versions": versions(),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 2),
        }
        files = {str(path): digest_of(path) for path in also}
        extra = {"files": files, "counts": made.counts, "asked": made.asked, "notes": made.notes}
        write_json(
            manifest or manifest_of(out), redacted({**body, **{key: value for key, value in extra.items() if value}})
        )
    except OSError as problem:
        raise StepError(f"{problem.filename or out}: {problem.strerror}; nothing half-written was left") from problem


def manifest_of(artefact: Path) -> Path:
    """Where an artefact's manifest lies."""
    return artefact.with_name(artefact.name + ".manifest.json")


def as_json(section: BaseModel | Mapping[str, Any]) -> Json:
    """A part of a recipe as JSON."""
    return section.model_dump(mode="json") if isinstance(section, BaseModel) else dict(section)


def versions() -> Json:
    """The versions of Python and of the packages that a result may depend on."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    return {**found, **{name: version_of(name) for name in VERSIONED}}


version_of = cache(importlib.metadata.version)


def redacted(value: Any) -> Any:
    """A JSON value without secrets (contract 9)."""
    if isinstance(value, dict):
        return {key: redacted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [redacted(one) for one in value]
    return redact(value) if isinstance(value, str) else value
