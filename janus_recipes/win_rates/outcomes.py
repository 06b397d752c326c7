"""From the judge's verdicts on a pair to who won.

    both orders prefer the same model     a win or a loss of the pair's first model
    anything else                         a tie: the judge said so, or its verdict turned with the order, or it said
                                          TIE in one order and preferred a model in the other

Two answers of the same text are a tie whatever the judge says: both orders are one request, with one verdict. What it
does there tells which place it takes, but nothing of what the order does to a preference.

An instance counts where it has a verdict in both orders and in every run; else it is left out, by the status of the
first that is missing. Its score is the mean over its runs of 1 for a win, 1/2 for a tie and 0 for a loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from janus_recipes.errors import StepError
from janus_recipes.judging.preference import Preferred
from janus_recipes.records import Asked, BenchInstance, Status
from janus_recipes.win_rates.compare import ORDERS, Order, comparison_ids

Outcome = Literal["win", "tie", "loss"]
POINTS: Mapping[Outcome, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}

Side = Literal["first", "second", "tie"]


@dataclass(frozen=True)
class Compared:
    """One comparison, in one run: the judge's verdict in each of the two orders, by place.

    `of_equals`: the answers have the same text, so that both verdicts are the same one.
    """

    verdicts: Mapping[Order, Preferred]
    of_equals: bool = False

    @property
    def preferred(self) -> tuple[Side, Side]:
        """The model that each order's verdict prefers."""
        return _side("first", self.verdicts["first"]), _side("second", self.verdicts["second"])

    @property
    def outcome(self) -> Outcome:
        """Of the pair's first model."""
        match self.preferred:
            case ("first", "first"):
                return "win"
            case ("second", "second"):
                return "loss"
        return "tie"

    @property
    def has_flipped(self) -> bool:
        """Whether the judge preferred one model in one order and the other one in the other: the same place twice."""
        return set(self.preferred) == {"first", "second"}

    @property
    def places(self) -> list[Preferred]:
        """The verdicts that the judge gave, each once."""
        return [self.verdicts["first"]] if self.of_equals else list(self.verdicts.values())


@dataclass(frozen=True)
class Outcomes:
    """Who won each instance. Each instance of the bench is in `compared`, with all its runs, or in `left_out`."""

    compared: Mapping[str, Sequence[Compared]]
    left_out: Mapping[str, Status]

    def score(self, instance: str) -> float:
        """Between 0 and 1: the first model's share of an instance's runs, a tie counted half."""
        runs = self.compared[instance]
        return sum(POINTS[one.outcome] for one in runs) / len(runs)


def outcomes_of(
    bench: Sequence[BenchInstance], verdicts: Iterable[Asked[Preferred]], runs: int, equal: Collection[str] = ()
) -> Outcomes:
    """Who won each instance of `bench`, by the verdicts on a pair. `equal`: those with the same answer from both.

    Raises:
        StepError: a row belongs to no instance, order and run of this bench, or comes twice.
    """
    by_id = _by_id(set(comparison_ids(bench, runs)), verdicts)
    compared: dict[str, list[Compared]] = {}
    left_out: dict[str, Status] = {}
    for one in bench:
        rows = [{order: by_id.get(f"{one.id}/{order}/{run}") for order in ORDERS} for run in range(runs)]
        statuses = [row.status if row else Status.MISSING for run in rows for row in run.values()]
        if hole := next((status for status in statuses if status is not Status.OK), None):
            left_out[one.id] = hole
        else:
            compared[one.id] = [
                Compared({order: row.value for order, row in run.items() if row and row.value}, one.id in equal)
                for run in rows
            ]
    return Outcomes(compared, left_out)


def counted(compared: Iterable[Compared]) -> Counter[Outcome]:
    """How often each outcome stands among comparisons."""
    return Counter(one.outcome for one in compared)


def flipped_share(compared: Sequence[Compared]) -> float | None:
    """Of the comparisons of unlike answers, those in which the preference turned with the order. None over none."""
    unlike = [one for one in compared if not one.of_equals]
    return sum(one.has_flipped for one in unlike) / len(unlike) if unlike else None


def picks_first_share(compared: Iterable[Compared]) -> float | None:
    """Of the verdicts that prefer an answer, the share that prefers the one shown first. None without any.

    Every pair is shown in both orders, so a judge that does not mind the place picks the first one half of the time.
    Answers of the same text were shown once.
    """
    places = [verdict for one in compared for verdict in one.places if verdict != "TIE"]
    return places.count("A") / len(places) if places else None


def _by_id(expected: set[str], verdicts: Iterable[Asked[Preferred]]) -> dict[str, Asked[Preferred]]:
    by_id: dict[str, Asked[Preferred]] = {}
    for row in verdicts:
        if row.id not in expected or row.id in by_id:
            what = "comes twice" if row.id in by_id else "belongs to no comparison of this bench in these runs"
            raise StepError(f"verdict {row.id!r} {what}: compare these answers again for this bench")
        by_id[row.id] = row
    return by_id


def _side(at_a: Order, verdict: Preferred) -> Side:
    """The model that a verdict prefers, where the model `at_a` stood at A."""
    if verdict == "TIE":
        return "tie"
    other: Side = "second" if at_a == "first" else "first"
    return at_a if verdict == "A" else other
