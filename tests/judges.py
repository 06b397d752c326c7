"""What tests of judges share: files of verdicts as their step leaves them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from janus_recipes.files import write_jsonl
from janus_recipes.judging.registry import verdicts_file
from janus_recipes.manifest import manifest_of
from janus_recipes.records import Asked, row_of


def write_verdicts(
    folder: Path, model: str, judge: str, given: Iterable[Asked[int]], by: str = "", answers: str = ""
) -> Path:
    """A file of verdicts with its manifest. `by`: the judge's model; `answers`: the digest of what was judged."""
    path = folder / model / verdicts_file("multifaceted", judge)
    write_jsonl(path, map(row_of, given))
    days = {"first_answer_at": "2026-11-20", "last_answer_at": "2026-11-21"}
    inputs = {"answers": {"path": f"{model}/multifaceted.jsonl", "sha256": answers or f"digest of {model}'s"}}
    manifest_of(path).write_text(json.dumps({"asked": {"model": by or f"{judge}-model", **days}, "inputs": inputs}))
    return path
