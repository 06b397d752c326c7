"""What judges prefer beside the rubrics: long answers, the first of two, models of their own family.

    janus judge bias replacement VERDICTS... --bench bench.jsonl --answers answers/ --out replacement.bias.csv

Pure: from verdicts side by side and the answers' lengths to a `BuiltBias`. Each figure compares answers to the same
instance, so that an instruction's difficulty cancels out (`judging/length.py` has the slopes):

    length_spearman     mean over instances of the rank correlation of words and scores, among the models' answers
    length_slope        points for 100 words more, among the answers to an instance
    length_slope_same_models    the same with each model's own level taken out: a good model may write more
    length_slope_of_shift       points that the judge gives for 100 words more, beyond what another judge gives: what
                        the answers are worth cancels out, whatever long answers are worth
    family_preference   how much milder than another judge it is to its family's answers than to the others'
    picks_first, flipped        of win rates by the recipe's judge: see `win_rates/build.py`

What cannot be measured has a reason in place of a figure. A judge is not held against another one of its own family:
what both prefer cancels out, and the figure would be nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import digest_of
from janus_recipes.judging.length import LengthBin, length_bins, rank_correlations, slope
from janus_recipes.judging.registry import OWN_JUDGE
from janus_recipes.judging.same_answers import Bools, SameAnswers
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import ok_values
from janus_recipes.reporting.statistics import Estimate, mean_with_interval, resampled_counts
from janus_recipes.reporting.table import AVERAGE
from janus_recipes.seeding import derive_seed

Floats = NDArray[np.float64]

NOTHING = Estimate(None, None, 0)
NO_SECOND = "no second judge in this calibration"
NO_FAMILY = "no model of its family is named (`family`)"
SAME_FAMILY = "the other judge is of the same family"
NO_WIN_RATES = "no win rates by this judge on this bench"
NONE_WHOLE = "no answer has all its verdicts"
NO_BOTH = "no instance has whole answers both of its family and of others"
TOO_ALIKE = "scores or lengths do not differ enough"
NO_COMPARISON = "no comparison is whole"
ALWAYS_TIE = "the judge always said TIE"

WIN_RATE_COLUMNS = ("model", "against", "benchmark", "judge", "flipped", "picks_first", "n_expected", "n_used")
"""What is read of a page of win rates."""


@dataclass(frozen=True)
class BiasLine:
    """One figure of a judge, or why there is none (`why`). `models` are those it is about, where not all.

    `n_expected` and `estimate.n` count instances or answers, as `unit` says.
    """

    metric: str
    judge: str
    against: str
    models: str
    unit: str
    estimate: Estimate
    n_expected: int
    why: str = ""


@dataclass(frozen=True)
class BuiltBias:
    """A bias report, ready to be written. `notice` is set in a rehearsal only; `bins` are the picture's points."""

    name: str
    title: str
    notice: str | None
    who: Mapping[str, tuple[str, str]]
    lines: tuple[BiasLine, ...]
    bins: Mapping[str, Sequence[LengthBin]]


def build_bias(name: str, recipe: Recipe, same: SameAnswers, answers: Path, win_rates: Sequence[Path]) -> BuiltBias:
    """The bias report of the calibration `name`. `answers`: the folder with <model>/<condition>.jsonl.

    Raises:
        StepError: answers that are not those that were judged.
        UsageError: `win_rates` that are no pages of win rates.
    """
    words = words_of(same, answers)
    family = recipe.calibrations[name].family
    report = _Report(same, words, resampled_counts(same.n_instructions, derive_seed(recipe.seed, "bootstrap", name)))
    lines: list[BiasLine] = []
    for judge in same.sheets:
        others = [one for one in same.sheets if one != judge]
        lines += report.of_length(judge, recipe.seed)
        lines += [report.of_shift(judge, other) for other in others]
        lines += report.of_family(judge, others, family, recipe.seed)
        lines += _of_place(judge, same, win_rates)
    return BuiltBias(
        name,
        recipe.calibrations[name].title,
        recipe.rehearsal.notice if recipe.rehearsal else None,
        {judge: (sheet.model, sheet.days) for judge, sheet in same.sheets.items()},
        tuple(lines),
        {judge: report.bins(judge) for judge in same.sheets},
    )


def words_of(same: SameAnswers, answers: Path) -> Floats:
    """The words of each answer, split at white space, [entries, instances]; 0 where there is none."""
    files = [answers / model / f"{condition}.jsonl" for model, condition in same.entries]
    if other := [str(file) for file, judged in zip(files, same.answered, strict=True) if digest_of(file) != judged]:
        raise StepError(
            f"{', '.join(other)}: not the answers that were judged, by the SHA-256 in the verdicts' manifests. Judge "
            "them with `janus judge`, or give the folder of the answers that were"
        )
    texts = [ok_values(file, str) for file in files]
    return np.array([[len(of.get(one, "").split()) for one in same.instances] for of in texts], dtype=np.float64)


@dataclass(frozen=True)
class _Report:
    """What all figures are drawn from: verdicts, words [entries, instances], draws [resamples, instructions]."""

    same: SameAnswers
    words: Floats
    draws: Floats

    def scores(self, judge: str) -> Floats:
        """Means over rubrics and runs, [entries, instances]; of use only where the answer is whole."""
        scores = self.same.sheets[judge].scores
        n = np.maximum(self.same.has_rubric.sum(axis=1) * scores.shape[3], 1)
        return np.asarray(scores.sum(axis=(2, 3)) / n)

    def bins(self, judge: str) -> list[LengthBin]:
        return length_bins(self.words, self.scores(judge), self.same.whole_answers(judge))

    def of_length(self, judge: str, seed: int) -> Iterator[BiasLine]:
        """Length against score, among the answers to an instance."""
        scores, whole = self.scores(judge), self.same.whole_answers(judge)
        found = rank_correlations(self.words, scores, whole)
        ranked = self._mean(found, derive_seed(seed, "bootstrap", "length", judge))
        yield self._line("length_spearman", judge, "", "instances", ranked, self.same.n_expected)
        for metric, own_level in (("length_slope", False), ("length_slope_same_models", True)):
            estimate = slope(self.words, scores, whole, self.same.instruction, self.draws, own_level=own_level)
            yield self._line(metric, judge, "", "answers", estimate, self.same.n_answers)

    def of_shift(self, judge: str, other: str) -> BiasLine:
        """What the judge gives for length beyond another judge."""
        whole = self.same.whole_answers(judge, other)
        shift = self.scores(judge) - self.scores(other)
        estimate = slope(self.words, shift, whole, self.same.instruction, self.draws, own_level=False)
        return self._line("length_slope_of_shift", judge, other, "answers", estimate, self.same.n_answers)

    def of_family(
        self, judge: str, others: Sequence[str], families: Mapping[str, Sequence[str]], seed: int
    ) -> Iterator[BiasLine]:
        """How much milder than another judge the judge is to its family than to the other models."""
        metric, n, family = "family_preference", self.same.n_expected, families.get(judge, ())
        if not others or not family:
            yield BiasLine(metric, judge, "", "", "instances", NOTHING, n, NO_FAMILY if others else NO_SECOND)
            return
        its_own = np.array([model in family for model, _ in self.same.entries])
        models = ", ".join(family)
        for other in others:
            if set(family) & set(families.get(other, ())):
                yield BiasLine(metric, judge, other, models, "instances", NOTHING, n, SAME_FAMILY)
                continue
            whole = self.same.whole_answers(judge, other)
            shift = self.scores(judge) - self.scores(other)
            difference = _means(shift[its_own], whole[its_own]) - _means(shift[~its_own], whole[~its_own])
            estimate = self._mean(difference, derive_seed(seed, "bootstrap", "family", judge, other))
            yield self._line(metric, judge, other, "instances", estimate, n, models)

    def _mean(self, of_instances: Floats, seed: int) -> Estimate:
        """The mean over instances, [instances] with NaN where there is no value."""
        names = self.same.instances
        there = {one: float(value) for one, value in zip(names, of_instances, strict=True) if not np.isnan(value)}
        places = zip(names, self.same.instruction.tolist(), strict=True)
        return mean_with_interval(there, {one: str(place) for one, place in places}, seed)

    def _line(
        self, metric: str, judge: str, against: str, unit: str, estimate: Estimate, n_expected: int, models: str = ""
    ) -> BiasLine:
        why = "" if estimate.value is not None else self._why(metric, judge, against)
        return BiasLine(metric, judge, against, models, unit, estimate, n_expected, why)

    def _why(self, metric: str, judge: str, against: str) -> str:
        """Why there is no figure: too few verdicts, or too little that differs."""
        if not self.same.whole_answers(*filter(None, (judge, against))).any():
            return NONE_WHOLE
        return NO_BOTH if metric == "family_preference" else TOO_ALIKE


def _means(values: Floats, there: Bools) -> Floats:
    """The mean of the entries that are there, [instances]; NaN where none is."""
    n = there.sum(axis=0)
    found: Floats = np.divide((values * there).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    return found


def _of_place(judge: str, same: SameAnswers, win_rates: Sequence[Path]) -> Iterator[BiasLine]:
    """What the order of two answers did, as the pages of win rates tell it."""
    model = same.sheets[judge].model
    rows = [row for path in win_rates for row in _averages(path)] if judge == OWN_JUDGE else []
    rows = [row for row in rows if row["judge"].removesuffix(" (rehearsal)") == model]
    if not rows:
        yield BiasLine("picks_first", judge, "", "", "instances", NOTHING, 0, NO_WIN_RATES)
    for row in rows:
        pair = f"{row['model']}, {row['against']}"
        n_expected, n_used = int(row["n_expected"]), int(row["n_used"])
        for metric in ("picks_first", "flipped"):
            estimate = Estimate(float(row[metric]) if row[metric] else None, None, n_used)
            why = "" if row[metric] else ALWAYS_TIE if n_used else NO_COMPARISON
            yield BiasLine(metric, judge, "", pair, "instances", estimate, n_expected, why)


def _averages(path: Path) -> list[dict[str, str]]:
    """The rows over all instances of a page of win rates. Raises UsageError where the file is none."""
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = csv.DictReader(lines)
            if lacking := [name for name in WIN_RATE_COLUMNS if name not in (rows.fieldnames or ())]:
                raise UsageError(f"{path}: no CSV of win rates: it has no column {', '.join(lacking)}")
            return [row for row in rows if row["benchmark"] == AVERAGE]
    except UnicodeDecodeError:
        raise UsageError(f"{path}: no CSV of win rates: it is not UTF-8") from None
