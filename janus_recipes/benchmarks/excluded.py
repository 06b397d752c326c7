"""Instances that people found bad and that the bench is without (paper, appendix F.1: 24 of 945).

    benchmarks.multifaceted.excluded: excluded.jsonl        {"id": "i-3f2a9c01d4e7/2", "reason": "bad reference"}

An excluded instance is not expected any more: tables are about the rest. `janus human import` adds the `digest` of the
texts that people judged: an instance's id stays when its texts are made anew. Rows written by hand need none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from janus_recipes.errors import StepError
from janus_recipes.files import digest_of_text, json_line, read_jsonl
from janus_recipes.recipe.problem import hint
from janus_recipes.records import BenchInstance, row_of


class Exclusion(NamedTuple):
    """Why an instance is excluded, and the digest of its texts where the file has it."""

    reason: str
    digest: str | None = None


def instance_digest(instance: BenchInstance) -> str:
    """The digest of an instance's texts as people judge them."""
    row = row_of(instance)
    judged = ("instruction", "system_message", "reference_answer", "rubrics")
    return digest_of_text(json_line({name: row[name] for name in judged}))


def read_excluded(path: str | None) -> dict[str, Exclusion]:
    """Why each instance is excluded, by its id; empty without a file. Raises StepError at a row of another form."""
    found: dict[str, Exclusion] = {}
    for number, row in enumerate(read_jsonl(Path(path)) if path else (), start=1):
        item, reason, digest = row.get("id"), row.get("reason"), row.get("digest")
        if not isinstance(item, str) or not isinstance(reason, str) or not isinstance(digest, str | None):
            raise StepError(f'{path}:{number}: a row is {{"id": an instance\'s id, "reason": text}}')
        found.setdefault(item, Exclusion(reason, digest))
    return found


def without_excluded(
    instances: list[BenchInstance], excluded: Mapping[str, Exclusion], known: Collection[str], path: str | None
) -> list[BenchInstance]:
    """The instances that stay. `known`: the ids of all that the bench might have had.

    Raises StepError at an id that is none of them, and where an instance's texts are not those that people judged: the
    file is about another bench.
    """
    if strange := sorted(set(excluded) - set(known)):
        raise StepError(
            f"{path}: {len(strange)} of {len(excluded)} ids are not in this bench, {strange[0]} first"
            f"{hint(strange[0], known)}: is the file about another bench, or was the bench made anew since?"
        )
    judged = {item: one.digest for item, one in excluded.items() if one.digest}
    if anew := [one.id for one in instances if one.id in judged and judged[one.id] != instance_digest(one)]:
        raise StepError(
            f"{path}: {len(anew)} of {len(excluded)} instances have other texts than those that people judged, "
            f"{anew[0]} first: the bench was made anew since; export it and have it judged again, or leave them out of "
            "the file"
        )
    return [one for one in instances if one.id not in excluded]
