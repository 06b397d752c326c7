"""What the finished rehearsal's trainings must show, each as a range of a figure and of its 95% interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e.workshop import Workshop

BASE, STAR, FULL = "mistral-7b-v0.2", "janus-star-7b", "janus-7b"
DPO, ORPO = "janus-dpo-7b", "janus-orpo-7b"
STAGE1, KEPT, NEW = "janus-rm-stage1-7b", "janus-rm-7b", "janus-rm-new-head-7b"


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """A figure of a model, and the range in which it must lie. The interval's low end must be above `low_end`."""

    name: str
    model: str
    figure: Callable[[Workshop], Figure]
    at_least: float
    at_most: float
    low_end: float = -math.inf
    is_margin: bool = False

    @property
    def range(self) -> str:
        return f"{self.at_least} to {self.at_most}"

    def holds(self, workshop: Workshop) -> bool:
        found = self.figure(workshop)
        return self.at_least <= found.value <= self.at_most and found.low > self.low_end


def difference(model: str, against: str) -> Callable[[Workshop], Figure]:
    """Of two models' mean rubric scores on the bench, paired."""
    return lambda workshop: _only(workshop.comparisons(), model=model, against=against)


def margin_difference(model: str, against: str) -> Callable[[Workshop], Figure]:
    """Of two models' margins on held-out pairs, paired, in nats."""
    return lambda workshop: _only(workshop.ranking_comparisons(), model=model, against=against, metric="margin")


def margin(model: str) -> Callable[[Workshop], Figure]:
    """How far a model's score of the chosen answer lies above that of the rejected one, in the unit of its scores."""
    return lambda workshop: _only(workshop.ranking(), model=model, metric="margin")


def accuracy(model: str) -> Callable[[Workshop], Figure]:
    """The share of held-out pairs that a model puts in the right order."""
    return lambda workshop: _only(workshop.ranking(), model=model, metric="pair_accuracy")


def _only(rows: list[dict[str, str]], **wanted: str) -> Figure:
    (row,) = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
    return Figure(*(float(row.get(key) or row["difference"]) for key in ("value", "ci_low", "ci_high")))


CLAIMS = (
    Claim("SFT gains a point and more on its base", FULL, difference(FULL, BASE), 1.5, 3.5, low_end=1.0),
    Claim("SFT follows its own system message", FULL, difference(FULL, "swapped_rubric_score"), 1.0, 3.5, low_end=1.0),
    Claim("one third of the data gains on the base", STAR, difference(STAR, BASE), 0.8, 2.5, low_end=0.5),
    Claim("all data gain on one third", FULL, difference(FULL, STAR), 0.4, 2.0, low_end=0.2),
    Claim("DPO moves held-out margins up", DPO, margin_difference(DPO, STAR), 0.7, 10.0, 0.5, is_margin=True),
    Claim("DPO does not lose bench score", DPO, difference(DPO, STAR), -0.2, 2.0, low_end=-0.3),
    Claim("ORPO gains on its base", ORPO, difference(ORPO, BASE), 0.8, 3.0, low_end=0.5),
    Claim("ORPO follows its own system message", ORPO, difference(ORPO, "swapped_rubric_score"), 0.5, 3.0, low_end=0.3),
    Claim("the reward model ranks held-out pairs", STAGE1, accuracy(STAGE1), 0.8, 1.0, low_end=0.7),
    Claim("its rewards are apart", STAGE1, margin(STAGE1), 1.5, 10.0, low_end=1.0, is_margin=True),
    Claim("it stays above chance with its head kept", KEPT, accuracy(KEPT), 0.6, 1.0, low_end=0.5),
    Claim("its second stage moves its rewards", KEPT, margin_difference(KEPT, STAGE1), -4.0, -0.3, is_margin=True),
)
