"""The verdicts of several judges on the same answers, side by side as arrays.

    same = read_same_answers(recipe, "replacement", bench, paths)

An answer is one model's under one condition to one instance; an item is an answer by one of its rubrics. Each judge has
as many verdicts on an item as it has runs. A judge that lacks one of them lacks the item, under the first one's status.
Instances that the recipe asks for and the bench lacks are expected all the same, and `missing` for every judge.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.errors import StepError, UsageError
from janus_recipes.judging.registry import OWN_JUDGE, judge_in, judge_named
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance, Status, read_asked
from janus_recipes.reporting.make import judge_and_days

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Entry = tuple[str, str]
"""A model and a condition."""

STATUSES = tuple(Status)


@dataclass(frozen=True)
class JudgeSheet:
    """One judge's verdicts.

    `scores`: 1 to 5, [entries, instances, rubrics, runs], 0 where there is none. `holes`: [entries, instances,
    rubrics], the place in `STATUSES` of the first verdict that is not there, 0 (ok) where all are. `model`: as its
    endpoint knows it. `days`: when it answered.
    """

    name: str
    model: str
    days: str
    scores: Ints
    holes: Ints

    @property
    def whole(self) -> Bools:
        """Which items have all their verdicts, [entries, instances, rubrics]; a rubric that is not there has none."""
        return np.asarray((self.scores > 0).all(axis=3))


@dataclass(frozen=True)
class SameAnswers:
    """Several judges' verdicts on the same answers.

    `n_expected`: the instances that the recipe asks for; `instances` are those that the bench has. `instruction`: of
    each, the place of its instruction, [instances]; there are `n_instructions`. `has_rubric`: [instances, rubrics].
    `answered`: the SHA-256 of each entry's file of answers, in the order of `entries`.
    """

    entries: tuple[Entry, ...]
    instances: tuple[str, ...]
    instruction: Ints
    n_instructions: int
    has_rubric: Bools
    n_expected: int
    answered: tuple[str, ...]
    sheets: Mapping[str, JudgeSheet]

    @property
    def n_answers(self) -> int:
        """The answers expected of all entries."""
        return len(self.entries) * self.n_expected

    @property
    def items_of_an_entry(self) -> int:
        """The items expected of each entry; an instance that the bench lacks has as many rubrics as any there."""
        return int(self.has_rubric.sum()) + self._n_lacking_items

    @property
    def n_items(self) -> int:
        """The items expected of all entries."""
        return len(self.entries) * self.items_of_an_entry

    @property
    def _n_lacking_items(self) -> int:
        return (self.n_expected - len(self.instances)) * int(self.has_rubric.shape[1])

    def whole(self, *judges: str) -> Bools:
        """The items of which each of these judges has all verdicts, [entries, instances, rubrics]."""
        return np.asarray(np.logical_and.reduce([self.sheets[judge].whole for judge in judges]))

    def whole_answers(self, *judges: str) -> Bools:
        """The answers of which each of these judges has all verdicts by all rubrics, [entries, instances]."""
        return np.asarray((self.whole(*judges) | ~self.has_rubric).all(axis=2))

    def left_out(self, *judges: str, of: int | None = None) -> dict[Status, int]:
        """The items that lack a verdict by status: of the first of these judges that lacks one.

        `of`: the place of the one entry to count; None: all of them.
        """
        holes = np.zeros_like(self.sheets[judges[0]].holes)
        for judge in judges:
            holes = np.where(holes == 0, self.sheets[judge].holes, holes)
        entries = range(len(self.entries)) if of is None else [of]
        counted = Counter(holes[list(entries)][:, self.has_rubric].ravel().tolist())
        counted[STATUSES.index(Status.MISSING)] += len(entries) * self._n_lacking_items
        return {status: counted[place] for place, status in enumerate(STATUSES) if place and counted[place]}


def read_same_answers(
    recipe: Recipe, calibration: str, bench: Sequence[BenchInstance], paths: Sequence[Path]
) -> SameAnswers:
    """The verdicts that a calibration compares.

    Raises:
        UsageError: verdicts that it needs are not among `paths`, are there twice, or have no manifest.
        StepError: a bench that is empty or not this recipe's, verdicts on another bench or on other answers than
            another judge's, or of a judge's files by different models.
    """
    wanted = recipe.calibrations[calibration]
    entries = tuple((model, condition) for model in wanted.models for condition in wanted.conditions)
    n_expected = _expected(recipe, calibration, bench)
    by_name = _by_name(paths)
    needed = [(judge, *entry) for judge in wanted.judges for entry in entries]
    if lacking := [key for key in needed if key not in by_name]:
        judge, model, condition = lacking[0]
        more = "" if judge == OWN_JUDGE else f" --judge {judge}"
        what = f"the verdicts of {judge} on {model} ({condition}): make them with `janus judge{more}`"
        raise UsageError(f"the calibration {calibration} needs {len(lacking)} more files, first {what}")
    answered = tuple(_answered([by_name[judge, *entry] for judge in wanted.judges]) for entry in entries)
    sheets = {
        judge: _read_sheet(judge, [by_name[judge, *entry] for entry in entries], bench, judge_named(recipe, judge).runs)
        for judge in wanted.judges
    }
    return _side_by_side(entries, bench, n_expected, answered, sheets)


def _expected(recipe: Recipe, calibration: str, bench: Sequence[BenchInstance]) -> int:
    """The instances that the recipe asks for of the calibration's bench."""
    if not bench:
        raise StepError(f"the calibration {calibration} has no instances: the bench is empty")
    expected = expected_by_column(recipe, recipe.calibrations[calibration].benchmark)
    there = Counter(one.benchmark for one in bench)
    if over := [f"{there[column]} of {column}" for column in there if there[column] > expected[column]]:
        raise StepError(f"the bench has {', '.join(over)}, more than this recipe asks for: make it with this recipe")
    return expected.total()


def _by_name(paths: Sequence[Path]) -> dict[tuple[str, str, str], Path]:
    """The files of verdicts by judge, model and condition, which their paths name."""
    found: dict[tuple[str, str, str], Path] = {}
    for path in paths:
        judge, model, condition = key = (judge_in(path), path.parent.name, path.name.split(".own")[0])
        if (first := found.setdefault(key, path)) != path:
            raise UsageError(f"{first} and {path} are both the verdicts of {judge} on {model} ({condition}): give one")
    return found


def _answered(verdicts: Sequence[Path]) -> str:
    """The SHA-256 of the answers that several judges' verdicts are on, by their manifests."""
    found = {path: _answers_digest(path) for path in verdicts}
    if len(set(found.values())) > 1:
        told = ", ".join(f"{path}: {digest[:12]}" for path, digest in found.items())
        raise StepError(
            f"these verdicts are not on the same answers, by the SHA-256 in their manifests ({told}). Delete the older "
            "ones and run `janus judge` again: verdicts on unchanged answers are in the ledger and not paid for again"
        )
    return found[verdicts[0]]


def _answers_digest(verdicts: Path) -> str:
    manifest = manifest_of(verdicts)
    if not manifest.exists():
        raise UsageError(f"{manifest}: missing, so nobody knows which answers {verdicts} are on")
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["inputs"]["answers"]["sha256"])
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"{manifest}: does not say which answers were judged. Delete it and run `janus judge` again: answers in "
            "the ledger are not paid for again"
        ) from None


def _side_by_side(
    entries: tuple[Entry, ...],
    bench: Sequence[BenchInstance],
    n_expected: int,
    answered: tuple[str, ...],
    sheets: Mapping[str, JudgeSheet],
) -> SameAnswers:
    places = {name: place for place, name in enumerate(sorted({one.instruction_id for one in bench}))}
    rubrics = max((len(one.rubrics) for one in bench), default=0)
    return SameAnswers(
        entries,
        tuple(one.id for one in bench),
        np.array([places[one.instruction_id] for one in bench], dtype=np.int64),
        len(places),
        np.array([[k < len(one.rubrics) for k in range(rubrics)] for one in bench], dtype=np.bool_),
        n_expected,
        answered,
        sheets,
    )


def _read_sheet(judge: str, paths: Sequence[Path], bench: Sequence[BenchInstance], runs: int) -> JudgeSheet:
    models = {path: judge_and_days(path) for path in paths}
    if len({model for model, _ in models.values()}) > 1:
        told = ", ".join(f"{path}: {model}" for path, (model, _) in models.items())
        raise StepError(f"verdicts of {judge} are by different models, which are never averaged: {told}")
    days = sorted({day for _, told in models.values() for day in told.split(" to ") if day != "no answers"})
    pairs = [sheet_of(read_asked(path, int), bench, runs, str(path)) for path in paths]
    return JudgeSheet(
        judge,
        next(iter(models.values()))[0],
        " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "no answers",
        np.stack([scores for scores, _ in pairs]),
        np.stack([holes for _, holes in pairs]),
    )


def sheet_of(rows: Iterable[Asked[int]], bench: Sequence[BenchInstance], runs: int, where: str) -> tuple[Ints, Ints]:
    """The scores of one file, [instances, rubrics, runs], and its holes, [instances, rubrics], as in `JudgeSheet`.

    Raises StepError where a row belongs to no rubric and run of the bench, or comes twice.
    """
    rubrics = max((len(one.rubrics) for one in bench), default=0)
    place = {
        f"{one.id}/{k}/{run}": (i, k, run)
        for i, one in enumerate(bench)
        for k in range(len(one.rubrics))
        for run in range(runs)
    }
    scores = np.zeros((len(bench), rubrics, runs), dtype=np.int64)
    statuses = np.full(scores.shape, STATUSES.index(Status.MISSING), dtype=np.int64)
    for row in rows:
        at = place.pop(row.id, None)
        if at is None:
            raise StepError(f"{where}: verdict {row.id!r} is none of this bench's in {runs} runs, or comes twice")
        statuses[at] = STATUSES.index(row.status)
        scores[at] = row.value if row.status is Status.OK and row.value is not None else 0
    first = np.argmax(statuses != 0, axis=2) if runs else np.zeros(scores.shape[:2], dtype=np.int64)
    return scores, np.take_along_axis(statuses, first[..., None], axis=2)[..., 0]
