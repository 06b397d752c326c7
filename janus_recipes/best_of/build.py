"""The curve of best-of-n: what the best of k samples comes to for every k, by its reward and by the judge's scores.

Pure: from the bench, the rewards of all samples and, where they were judged, their verdicts, to a `BuiltCurve`.

A sample stands behind a curve when it has a reward, and behind the judge's when it has a score, too (by the recipe's
`judging.missing_verdicts`). One that lacks either is left out as if it had not been drawn: its instance is told from
its other samples, without bias where what is lacking is lacking by chance. So a curve ends at the fewest samples that
any of its instances has: every k is over the same instances, and only k differs along the curve. `gain` is the paired
difference to the best of 1, a sample drawn blindly: its interval is free of how much instances differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from janus_recipes.best_of.curve import Floats, expected_best
from janus_recipes.best_of.samples import as_samples, sample_id
from janus_recipes.errors import StepError
from janus_recipes.judging.scores import Counts, score_instances
from janus_recipes.recipe.best_of import Answers
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance, Status
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

Metric = Literal["reward", "rubric_score"]


@dataclass(frozen=True)
class JudgedSamples:
    """The verdicts on all samples of a model, under `<instance>/<sample>/<rubric>/<run>`, and who gave them when."""

    verdicts: Sequence[Asked[int]]
    judge: str
    judged_at: str


@dataclass(frozen=True)
class SampledAnswers:
    """A model's samples: the reward of each, and their verdicts where they were judged."""

    answers: Answers
    rewards: Sequence[Asked[float]]
    judged: JudgedSamples | None


@dataclass(frozen=True)
class Point:
    """The best of `k`: its mean value, and what it gains on the best of 1 on the same instances."""

    k: int
    value: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Curve:
    """The points for every k from 1 to the fewest samples that an instance has; none where no instance has any.

    `judge`: the reward model, or the judge whose scores these are. `counts.partial`: the instances that are told from
    fewer than all samples, or by a score of fewer than all verdicts, by the first status lacking.
    """

    answers: Answers
    metric: Metric
    judge: str
    points: tuple[Point, ...]
    counts: Counts


@dataclass(frozen=True)
class BuiltCurve:
    """All curves of a selection on a bench, ready to be written. `notice` is set in a rehearsal only."""

    selection: str
    bench: str
    notice: str | None
    reward_model: str
    samples: int
    curves: tuple[Curve, ...]
    n_instances: int
    n_instructions: int


def build_curve(
    selection: str,
    bench_name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    sampled: Sequence[SampledAnswers],
    n_expected: int,
) -> BuiltCurve:
    """The curves of a selection of the recipe, one by the rewards and one by the judge for each model.

    `n_expected` are the instances that the recipe asks for.

    Raises:
        StepError: samples of another bench or number, or a bench of more instances than the recipe asks for.
    """
    if len(bench) > n_expected:
        what = f"the bench has {len(bench)} instances, more than the {n_expected} that this recipe asks for"
        raise StepError(f"{what}: make it with this recipe")
    wanted = recipe.best_of[selection]
    return BuiltCurve(
        selection=selection,
        bench=bench_name,
        notice=recipe.rehearsal.notice if recipe.rehearsal else None,
        reward_model=wanted.reward_model,
        samples=wanted.samples,
        curves=tuple(
            curve for one in sampled for curve in curves_of(one, wanted.reward_model, recipe, bench, n_expected)
        ),
        n_instances=len(bench),
        n_instructions=len({one.instruction_id for one in bench}),
    )


def curves_of(
    one: SampledAnswers, reward_model: str, recipe: Recipe, bench: Sequence[BenchInstance], n_expected: int
) -> Iterator[Curve]:
    """A model's curve by the rewards themselves, then by the judge's scores where all samples were judged."""
    of = recipe.best_of[one.answers.selection].samples
    ids = {instance.id: [sample_id(instance.id, number) for number in range(of)] for instance in bench}
    rows = {row.id: row for row in one.rewards}
    if len(rows) != len(one.rewards) or rows.keys() != {sample for samples in ids.values() for sample in samples}:
        raise StepError(f"the rewards of {one.answers.model} are not of {of} samples of this bench: score them again")
    rewards = {row.id: row.value for row in one.rewards if row.value is not None}
    unrewarded = {row.id: row.status for row in one.rewards if row.value is None}
    values: list[tuple[Metric, str, Mapping[str, float], Mapping[str, Status]]]
    values = [("reward", reward_model, rewards, unrewarded)]  # and of each sample that is not whole what it lacks
    if one.judged is not None:
        judging = recipe.judging
        scored = score_instances(as_samples(bench, of), one.judged.verdicts, judging.runs, judging.missing_verdicts)
        lacking = {**scored.partial, **scored.left_out, **unrewarded}
        values.append(("rubric_score", one.judged.judge, scored.scores, lacking))
    for metric, judge, found, holes in values:
        seed = derive_seed(recipe.seed, "bootstrap", "best-of", one.answers.model, one.answers.file, metric)
        usable = {
            name: [sample for sample in samples if sample in rewards and sample in found]
            for name, samples in ids.items()
        }
        used = {name: kept for name, kept in usable.items() if kept}
        points = tuple(points_of(used, rewards, found, bench, seed)) if used else ()
        yield Curve(one.answers, metric, judge, points, counts_of(ids, usable, holes, n_expected))


def points_of(
    samples: Mapping[str, Sequence[str]],
    rewards: Mapping[str, float],
    values: Mapping[str, float],
    bench: Sequence[BenchInstance],
    seed: int,
) -> Iterator[Point]:
    """The points of a curve over the instances of `samples`, each of one or more that have a reward and a value."""
    instruction_of = {one.id: one.instruction_id for one in bench}
    fewest = min(map(len, samples.values()))
    best = np.array([best_of_one(row, rewards, values)[:fewest] for row in samples.values()])
    for k, (column, gained) in enumerate(zip(best.T, (best - best[:, :1]).T, strict=True), start=1):
        value, gain = (dict(zip(samples, one.tolist(), strict=True)) for one in (column, gained))
        # One seed for all k: their resamples are the same, so the curve's intervals move together with it.
        yield Point(k, mean_with_interval(value, instruction_of, seed), mean_with_interval(gain, instruction_of, seed))


def best_of_one(samples: Sequence[str], rewards: Mapping[str, float], values: Mapping[str, float]) -> Floats:
    """What the best of k comes to in one instance, [samples]."""
    by_reward, by_value = (np.array([[of[one] for one in samples]]) for of in (rewards, values))
    best: Floats = expected_best(by_reward, by_value)[0]
    return best


def counts_of(
    samples: Mapping[str, Sequence[str]],
    usable: Mapping[str, Sequence[str]],
    holes: Mapping[str, Status],
    n_expected: int,
) -> Counts:
    """Instances used, left out and partly used, the last two by the status of their first sample with a hole.

    `samples` and those `usable` of them by instance, `holes` by sample. Instances that the bench lacks are missing.
    """
    first = {name: next((holes[one] for one in row if one in holes), None) for name, row in samples.items()}
    left_out = Counter(status for name, status in first.items() if status and not usable[name])
    left_out[Status.MISSING] += n_expected - len(samples)
    partial = Counter(status for name, status in first.items() if status and usable[name])
    n_used = sum(bool(kept) for kept in usable.values())
    return Counts(n_expected, n_used, in_order(left_out), in_order(partial))


def in_order(counted: Mapping[Status, int]) -> dict[Status, int]:
    """Those that are there, in the order of `Status`."""
    return {status: counted[status] for status in Status if counted[status]}
