"""From verdicts to scores: rubrics -> instance -> mean over instances -> mean over runs (paper, appendix F.2).

    scores = score_instances(bench, verdicts, runs=3, policy="leave_out")

An instance's score is its mean over runs of the mean over its rubrics. Where nothing is missing the mean of these over
instances is the paper's mean over runs of the means over instances: it does not matter which is taken first.

What is missing follows the recipe's `judging.missing_verdicts`:

- `leave_out`: an instance is used when each of its rubrics has a verdict in each of the runs, and left out of all runs
  otherwise. So every run is a mean over the same instances, and `n_used` is the number that each mean is over.
- `average_rest`: an instance is averaged over the verdicts it has: in each run over the rubrics there, then over the
  runs that have any. It is left out only when it has none at all; used ones with a hole are counted as `partial`.

Either way `n_used + n_left_out == n_expected`, and all three count instances, not verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from janus_recipes.errors import StepError
from janus_recipes.records import Asked, BenchInstance, Status

MissingVerdicts = Literal["leave_out", "average_rest"]


@dataclass(frozen=True)
class InstanceScores:
    """What each instance of a bench came to under one judge. Each instance is in `scores` or in `left_out`.

    `scores`: 1 to 5, by instance id. `left_out`: the status of the first missing verdict (by run, then rubric).
    `partial`: the same status for instances that are in `scores` although a verdict is missing.
    `by_run`: what an instance came to in each of the runs, in their order; only of instances without a hole.
    """

    scores: dict[str, float]
    left_out: dict[str, Status]
    partial: dict[str, Status]
    by_run: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """How many instances a figure stands on; `left_out` and `partial` by status."""

    n_expected: int
    n_used: int
    left_out: dict[Status, int]
    partial: dict[Status, int]

    @property
    def n_left_out(self) -> int:
        return sum(self.left_out.values())

    @property
    def has_holes(self) -> bool:
        return bool(self.left_out or self.partial)


def score_instances(
    bench: Sequence[BenchInstance], verdicts: Iterable[Asked[int]], runs: int, policy: MissingVerdicts
) -> InstanceScores:
    """The score of every instance of `bench`, and what is missing.

    `verdicts` have ids `<instance id>/<rubric>/<run>`, both counted from 0. A verdict without a row is `missing`.

    Raises:
        StepError: a row belongs to no rubric and run of this bench, or comes twice: these are other verdicts.
    """
    by_id = _verdicts_by_id(bench, verdicts, runs)
    result = InstanceScores({}, {}, {})
    for instance in bench:
        rows = [[by_id.get(f"{instance.id}/{k}/{run}") for k in range(len(instance.rubrics))] for run in range(runs)]
        hole = _first_hole(rows)
        score = None if hole and policy == "leave_out" else _mean_of_runs(rows)
        if score is not None:
            result.scores[instance.id] = score
        if hole:
            (result.left_out if score is None else result.partial)[instance.id] = hole
        else:
            result.by_run[instance.id] = tuple(_means_of_runs(rows))
    return result


def count_instances(scores: InstanceScores, ids: Sequence[str]) -> Counts:
    """The counts of the instances `ids`, for instance those of one column."""
    return Counts(
        n_expected=len(ids),
        n_used=sum(one in scores.scores for one in ids),
        left_out=_by_status(scores.left_out, ids),
        partial=_by_status(scores.partial, ids),
    )


def _verdicts_by_id(bench: Sequence[BenchInstance], verdicts: Iterable[Asked[int]], runs: int) -> dict[str, Asked[int]]:
    expected = {f"{one.id}/{k}/{run}" for one in bench for k in range(len(one.rubrics)) for run in range(runs)}
    by_id: dict[str, Asked[int]] = {}
    for row in verdicts:
        if row.id not in expected or row.id in by_id:
            what = "comes twice" if row.id in by_id else f"belongs to no rubric of this bench in {runs} runs"
            raise StepError(f"verdict {row.id!r} {what}: judge these answers again for this bench")
        by_id[row.id] = row
    return by_id


def _first_hole(rows: Sequence[Sequence[Asked[int] | None]]) -> Status | None:
    """The status of the first verdict that is not there; `rows` is runs x rubrics."""
    statuses = (verdict.status if verdict else Status.MISSING for run in rows for verdict in run)
    return next((status for status in statuses if status is not Status.OK), None)


def _mean_of_runs(rows: Sequence[Sequence[Asked[int] | None]]) -> float | None:
    """The mean over runs of each run's mean over rubrics, of the verdicts that are there; None when none is."""
    means = _means_of_runs(rows)
    return fmean(means) if means else None


def _means_of_runs(rows: Sequence[Sequence[Asked[int] | None]]) -> list[float]:
    """Each run's mean over rubrics, of the runs that have any verdict."""
    values = [[one.value for one in run if one and one.value is not None] for run in rows]
    return [fmean(run) for run in values if run]


def _by_status(statuses: Mapping[str, Status], ids: Sequence[str]) -> dict[Status, int]:
    """How often each status stands among `ids`, in the order of `Status`."""
    counted = Counter(statuses[one] for one in ids if one in statuses)
    return {status: counted[status] for status in Status if counted[status]}
