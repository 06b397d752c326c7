"""What a helpful mix's pools must say, so that their records can be read as pairs.

janus validate RECIPE...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.problem import Path, Problem


def pool_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that does not fit together in a pool. `config` may break the schema: what is odd is passed by."""
    for dataset, wanted in _mappings(config.get("datasets")):
        for name, pool in _mappings(wanted.get("pools")):
            path: Path = ("datasets", dataset, "pools", name)
            yield from _bad_marks(path, pool)
            yield from _bad_scores(path, pool)


def _bad_marks(path: Path, pool: Mapping[str, Any]) -> Iterator[Problem]:
    marks = ("user_mark", "assistant_mark")
    missing = [mark for mark in marks if not str(pool.get(mark) or "").strip()]
    if len(missing) == 1:
        yield Problem((*path, missing[0]), "missing: a dialogue has a mark for the user and one for the assistant")
    elif missing and pool.get("prompt") is None:
        what = "missing: without it the answers are whole dialogues, which user_mark and assistant_mark take apart"
        yield Problem((*path, "prompt"), what)


def _bad_scores(path: Path, pool: Mapping[str, Any]) -> Iterator[Problem]:
    answers, scores = pool.get("answers"), pool.get("scores")
    if isinstance(answers, list) and isinstance(scores, list) and len(answers) != len(scores):
        yield Problem((*path, "scores"), f"{len(scores)} places, but the answers stand at {len(answers)}")


def _mappings(section: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a section that are mappings, by name."""
    for name, part in section.items() if isinstance(section, Mapping) else ():
        if isinstance(part, Mapping):
            yield name, part
