"""How far a table's figures can be trusted: the spread of the judge's runs, and the differences a bench can tell.

    reliability_of(scores, ids, instruction_of)    of a figure: its runs, and what they and the instructions leave open
    detectable_between(scored, bench)              of a table: the smallest difference between two models that it finds

`reporting/reliability_page.py` writes both. The runs are compared on the instances that have every verdict: on others,
a run would differ by what it lacks.

Two standard errors stand beside each figure. `se_judging` is what asking the judge again would change, the answers
being the same: judgings are independent requests, so it follows from how each instance's own runs differ, and far more
closely than from three means. `se_instructions` is what other instructions of the kind would change, judging included.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median, stdev, variance
from typing import NamedTuple

from janus_recipes.judging.scores import InstanceScores
from janus_recipes.records import BenchInstance
from janus_recipes.reporting.scored import ScoredAnswers
from janus_recipes.reporting.statistics import FEWEST_TESTED, detectable, standard_error


@dataclass(frozen=True)
class Reliability:
    """The judge's runs behind one figure, in points.

    `means`: of each run over the same `n` instances, empty over none. `se_judging`: of the mean over the runs. None:
    fewer than two runs, or for `se_instructions` two instructions, show no spread.
    """

    means: tuple[float, ...]
    n: int
    se_judging: float | None
    se_instructions: float | None

    @property
    def sd(self) -> float | None:
        """The standard deviation of the runs' means."""
        return stdev(self.means) if len(self.means) > 1 else None

    @property
    def range(self) -> float | None:
        """The highest run's mean minus the lowest one's."""
        return max(self.means) - min(self.means) if len(self.means) > 1 else None


class Detectable(NamedTuple):
    """The differences that the `pairs` of a table's models need to be found at 5% with a power of 80%, in points.

    `spread`: the median pair's standard error, over a single instruction: times the root of its instructions.
    """

    pairs: int
    lowest: float
    median: float
    highest: float
    spread: float

    def instructions_for(self, difference: float) -> int:
        """The fewest instructions, with as many system messages each as now, with which the median pair's difference
        is found where it is `difference`; no fewer than a test takes."""

        def enough(n: int) -> bool:
            return (detectable(self.spread / math.sqrt(n), n) or 0.0) <= difference

        high = FEWEST_TESTED
        while not enough(high):
            high *= 2
        return bisect_left(range(high), True, lo=FEWEST_TESTED, key=enough)


def reliability_of(scores: InstanceScores, ids: Sequence[str], instruction_of: Mapping[str, str]) -> Reliability:
    """Of the figure over the instances `ids`: its runs on those without a hole, its standard errors."""
    whole = [scores.by_run[one] for one in ids if one in scores.by_run]
    means = tuple(fmean(run) for run in zip(*whole, strict=True))
    there = {one: scores.scores[one] for one in ids if one in scores.scores}
    return Reliability(means, len(whole), _judging_error(whole), standard_error(there, instruction_of))


def detectable_between(scored: Sequence[ScoredAnswers], bench: Sequence[BenchInstance]) -> Detectable | None:
    """What the bench tells apart, between any two of `scored` under one condition and judge; None: no such pair, or
    too few instructions for a test.

    The paired difference's standard error comes from these very answers (`statistics.detectable`).
    """
    instruction_of = {instance.id: instance.instruction_id for instance in bench}
    found = list(_detected(scored, instruction_of))
    if not found:
        return None
    differences = [points for points, _ in found]
    spread = median(spread for _, spread in found)
    return Detectable(len(found), min(differences), median(differences), max(differences), spread)


def _judging_error(whole: Iterable[Sequence[float]]) -> float | None:
    """The root of the mean's variance: of each instance's runs, over their number, over the instances' squared."""
    variances = [variance(runs) / len(runs) for runs in whole if len(runs) > 1]
    return math.sqrt(math.fsum(variances)) / len(variances) if variances else None


def _detected(scored: Sequence[ScoredAnswers], instruction_of: Mapping[str, str]) -> Iterator[tuple[float, float]]:
    """Of each pair the difference that is found, and its standard error times the root of its instructions."""
    for one, other in combinations(scored, 2):
        if (one.condition, one.judged.judge) != (other.condition, other.judged.judge):
            continue
        both = one.own.scores.keys() & other.own.scores.keys()
        differences = {id: one.own.scores[id] - other.own.scores[id] for id in both}
        error, n = standard_error(differences, instruction_of), len({instruction_of[id] for id in both})
        if error is not None and (points := detectable(error, n)) is not None:
            yield points, error * math.sqrt(n)
