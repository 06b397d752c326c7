"""One model's judged answers under one condition and selection, and their scores by instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from janus_recipes.judging.scores import InstanceScores, score_instances
from janus_recipes.recipe.best_of import Answers
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance


@dataclass(frozen=True)
class JudgedAnswers:
    """The verdicts on one model's answers under one condition.

    `swapped`: the same answers judged under another item's rubrics, under the ids of the answers; None where that
    control was not run. `judge`: the judge model's name as its endpoint knows it. `judged_at`: the ISO date
    of its answers, or the first and the last.
    """

    own: Sequence[Asked[int]]
    swapped: Sequence[Asked[int]] | None
    judge: str
    judged_at: str


@dataclass(frozen=True)
class ScoredAnswers:
    """A model's answers, scored."""

    answers: Answers
    judged: JudgedAnswers
    own: InstanceScores
    swapped: InstanceScores | None

    @property
    def model(self) -> str:
        return self.answers.model

    @property
    def condition(self) -> str:
        return self.answers.condition

    @property
    def selection(self) -> str:
        return self.answers.selection


def score_answers(
    answers: Answers, judged: JudgedAnswers, bench: Sequence[BenchInstance], recipe: Recipe
) -> ScoredAnswers:
    """Score a model's answers as the recipe's judging says."""
    spec = recipe.judging
    own = score_instances(bench, judged.own, spec.runs, spec.missing_verdicts)
    swapped = None
    if judged.swapped is not None:
        swapped = score_instances(bench, judged.swapped, spec.runs, spec.missing_verdicts)
    return ScoredAnswers(answers, judged, own, swapped)
