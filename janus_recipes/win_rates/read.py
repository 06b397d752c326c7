"""From files of verdicts on pairs to built win rates. A pair's verdicts lie in `<first>/<second>.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from janus_recipes.errors import StepError, UsageError
from janus_recipes.judging.preference import Preferred
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import read_asked, read_bench
from janus_recipes.reporting.make import judge_and_days
from janus_recipes.win_rates.build import BuiltWinRates, ComparedPair, build_win_rates
from janus_recipes.win_rates.compare import EQUAL_ANSWERS

PLACES: Mapping[str, Preferred] = {"A": "A", "B": "B", "TIE": "TIE"}


def read_win_rates(
    name: str, recipe: Recipe, bench: Path, verdicts: Sequence[Path], expected: Mapping[str, int]
) -> BuiltWinRates:
    """The win rates `name` of the recipe.

    Raises:
        UsageError: a pair without verdicts, or with two files; verdicts of another page, or without their manifest.
        StepError: verdicts on another bench.
    """
    paths = by_pair(name, verdicts)
    pairs = [(first, second) for first, second in recipe.win_rates[name].pairs]
    if lacking := [f"{first} and {second}" for first, second in pairs if (first, second) not in paths]:
        raise UsageError(f"no verdicts on {'; '.join(lacking)}: make them with `janus win-rates judge`")
    compared = {pair: read_pair(paths[pair]) for pair in pairs}
    if len(judges := sorted({one.judge for one in compared.values()})) > 1:
        raise StepError(
            f"verdicts of different judges ({', '.join(judges)}) on one page: compare all pairs by one judge"
        )
    return build_win_rates(name, recipe, list(read_bench(bench)), compared, expected)


def by_pair(page: str, verdicts: Sequence[Path]) -> dict[tuple[str, str], Path]:
    """The files by their pair. Raises UsageError at one of another page, and at a second of a pair."""
    found: dict[tuple[str, str], Path] = {}
    for path in verdicts:
        pair = (path.parent.name, path.name.removesuffix(".jsonl"))
        if path.absolute().parents[1].name != page:
            raise UsageError(f"{path}: is not called .../{page}/<first model>/<second model>.jsonl: of another page?")
        if pair in found:
            raise UsageError(f"{path}: {found[pair]} is of {pair[0]} and {pair[1]}, too: give one file of each pair")
        found[pair] = path
    return found


def read_pair(path: Path) -> ComparedPair:
    """The verdicts on a pair, with the judge and the days of their manifest, and which answers were equal."""
    rows, (judge, judged_at) = list(read_asked(path, preferred_from)), judge_and_days(path)
    notes = json.loads(manifest_of(path).read_text(encoding="utf-8")).get("notes", {})
    if EQUAL_ANSWERS not in notes:
        raise UsageError(
            f"{manifest_of(path)}: does not say which answers are equal. Delete it and run `janus win-rates judge` "
            "again: answers in the ledger are not paid for again"
        )
    return ComparedPair(rows, judge, judged_at, frozenset(notes[EQUAL_ANSWERS]))


def preferred_from(value: object) -> Preferred:
    """The JSON of an ok row. Raises ValueError for anything but a place or a tie."""
    if not isinstance(value, str) or value not in PLACES:
        raise ValueError(f"{value!r} is neither A nor B nor TIE")
    return PLACES[value]
