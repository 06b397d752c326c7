"""One thing wrong with a recipe, and where the file that says so says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

Key = str | int
Path = tuple[Key, ...]
"""Where a value stands in a recipe: keys of mappings, indices of lists."""


class Problem(NamedTuple):
    """A message about the value at `path`."""

    path: Path
    message: str


class Place(NamedTuple):
    """A line of a recipe file, counted from 1."""

    file: str
    line: int


def dotted(path: Path) -> str:
    """A path as people write it: `tables.table2.models.1`."""
    return ".".join(str(key) for key in path)


def nearest(wrong: str, right: Iterable[str]) -> str | None:
    """The right name that looks most like the wrong one, letters' case aside. None when nothing comes near."""
    by_lower = {name.lower(): name for name in right}
    found = get_close_matches(wrong.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None


def hint(wrong: str, right: Iterable[str]) -> str:
    """What to add to a message about a wrong name: the nearest right one, where one comes near."""
    near = nearest(wrong, right)
    return f" (did you mean {near}?)" if near else ""


def change_there(key: str) -> str:
    """Where the recipe says something that an engine's own key would say a second time."""
    return f"the recipe's {key}: change it there"


def did_you_mean(wrong: str, right: Iterable[object]) -> str:
    """` (did you mean X?)`, or the names there are, or nothing when there are none."""
    names = [str(name) for name in right]  # YAML makes other things than text of some keys
    close = nearest(wrong, names)
    if close is not None:
        return f" (did you mean {close}?)"
    return f" (there are: {', '.join(sorted(names))})" if names else ""


def written(problem: Problem, places: Sequence[dict[Path, Place]]) -> str:
    """The problem as a line: `recipes/mine.yaml:12: models.janus-7b.base: ...`.

    The place is where the last file of the stack that has the key has it. For a key that no file has, it is that of
    the nearest mapping around it.
    """
    text = f"{dotted(problem.path)}: {problem.message}" if problem.path else problem.message
    for length in range(len(problem.path), 0, -1):
        for lines in reversed(places):
            if place := lines.get(problem.path[:length]):
                return f"{place.file}:{place.line}: {text}"
    return text
