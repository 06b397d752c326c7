"""What is made already, by the manifests beside the artefacts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from janus_recipes.asking_steps import AskingStep
from janus_recipes.files import Json, digest_of
from janus_recipes.manifest import redacted
from janus_recipes.recipe.provider import Provider
from janus_recipes.recipe.section import Section


def manifest(path: Path) -> Json:
    """A manifest, empty where there is none."""
    found: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def as_manifest(section: Section) -> Json:
    """A part of a recipe as manifests hold it."""
    return section.model_dump(mode="json")


def unchanged(found: Json) -> bool:
    """Whether all that an artefact was made from is still what it was, by its manifest; no where it has none."""
    return bool(found) and all(digest_now(Path(one["path"])) == one["sha256"] for one in found["inputs"].values())


def digest_now(path: Path) -> str | None:
    """A file's digest, None where it is not there. A file of gigabytes is read once, unless it changes."""
    if not path.exists():
        return None
    stat = path.stat()
    return digest_at(path, stat.st_mtime_ns, stat.st_size)


@cache
def digest_at(path: Path, mtime_ns: int, size: int) -> str:
    """The digest of a file as it was at that time."""
    return digest_of(path)


def same_question(found: Json, step: AskingStep[Any], provider: Provider) -> bool:
    """Whether a manifest's settings, model and inputs are a step's."""
    plan_only = {"expected_tokens": None}
    asked = provider.model_dump(include={"model", "accepts_sampling", "reasoning_effort"})
    return (
        {**found["section"], **plan_only} == {**redacted(step.section), **plan_only}
        and {key: found["asked"].get(key) for key in asked} == asked
        and {name: one["sha256"] for name, one in found["inputs"].items()}
        == {name: digest_of(path) for name, path in step.inputs.items()}
    )


def mean(values: Iterable[float]) -> float | None:
    """The mean, or None without any."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
