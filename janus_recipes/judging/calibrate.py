"""How far judges agree on the same answers: what one needs to know before one takes another judge.

    janus judge calibrate replacement VERDICTS... --bench bench.jsonl --out results/janus/calibrations/replacement.csv

Pure: from verdicts side by side to a `BuiltCalibration`, and from that to the rows of its CSV. Each judge is compared
with itself in another run, which is the yardstick, and with each of the others:

    spearman, weighted_kappa, exact_agreement   of verdicts: an answer by one rubric
    mean_shift                                  mean of the second judge's verdicts less the first's: how much milder
    answer_spearman                             of answers' scores: means over rubrics
    answer_pairs_opposite, answer_pairs_tied    of two models' answers to one instance: put in opposite orders, or not
                                                told apart by one of the judges
    model_pairs_opposite, model_pairs_tied      the same of two models by their means over the bench

`runs: one` compares a run with a run, `all` the means over all runs, which are what tables show. Judges' scores are
never averaged with each other; a shift is told as what it is, a difference of judges. Items of which a judge lacks a
verdict are left out for both, and counted by status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from janus_recipes.judging.agreement import (
    Floats,
    RunPairs,
    agreement,
    answer_pairs,
    model_pairs,
    pairs_of_runs,
    pairs_within,
)
from janus_recipes.judging.same_answers import Ints, SameAnswers
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Status
from janus_recipes.reporting.statistics import Estimate, mean_with_interval, resampled_counts
from janus_recipes.reporting.table import estimate_texts
from janus_recipes.seeding import derive_seed

CSV_COLUMNS = (
    *("metric", "judge", "against", "model", "condition", "runs", "unit", "value", "ci_low", "ci_high"),
    *("n_expected", "n_used", "n_left_out", "rehearsal"),
)
Runs = Literal["one", "all"]
Unit = Literal["verdicts", "answers", "answer pairs", "model pairs"]

ITSELF = "itself"
"""What a judge is compared with in another run of its own."""


@dataclass(frozen=True)
class Line:
    """One figure of one judge (`against` is empty), or of two. `model` and `condition` are empty for all together.

    `n_expected` counts what `unit` says; `left_out` are the items that a judge lacks a verdict of, by status.
    """

    metric: str
    judge: str
    against: str
    runs: Runs
    unit: Unit
    estimate: Estimate
    n_expected: int
    left_out: Mapping[Status, int]
    model: str = ""
    condition: str = ""


@dataclass(frozen=True)
class BuiltCalibration:
    """A calibration, ready to be written. `notice` is set in a rehearsal only; `who` has of each judge the model that
    it is and when it answered, `runs` how often; `swaps` are the pairs of models that two judges put in opposite
    orders, by their means over all runs."""

    name: str
    title: str
    notice: str | None
    who: Mapping[str, tuple[str, str]]
    runs: Mapping[str, int]
    lines: tuple[Line, ...]
    swaps: Mapping[tuple[str, str], Sequence[tuple[str, str]]]
    n_instances: int
    n_expected: int
    n_instructions: int


def build_calibration(name: str, recipe: Recipe, same: SameAnswers) -> BuiltCalibration:
    """The calibration `name` of the recipe."""
    draws = resampled_counts(same.n_instructions, derive_seed(recipe.seed, "bootstrap", "calibration", name))
    pairs = list(combinations(same.sheets, 2))
    lines: list[Line] = []
    for judge, sheet in same.sheets.items():
        lines += _scores(judge, same, recipe.seed)
        if sheet.scores.shape[3] > 1:
            lines += _compared((judge, judge), same, draws)
    for pair in pairs:
        lines += _compared(pair, same, draws)
        lines += _shifts(pair, same, draws)
    return BuiltCalibration(
        name,
        recipe.calibrations[name].title,
        recipe.rehearsal.notice if recipe.rehearsal else None,
        {judge: (sheet.model, sheet.days) for judge, sheet in same.sheets.items()},
        {judge: sheet.scores.shape[3] for judge, sheet in same.sheets.items()},
        tuple(lines),
        {pair: _swaps(pair, same) for pair in pairs},
        len(same.instances),
        same.n_expected,
        same.n_instructions,
    )


def csv_rows(built: BuiltCalibration) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text; an empty cell for what there is none of."""
    for one in built.lines:
        yield (
            *(one.metric, one.judge, one.against, one.model, one.condition, one.runs, one.unit),
            *estimate_texts(one.estimate),
            *map(str, (one.n_expected, one.estimate.n, one.n_expected - one.estimate.n)),
            "yes" if built.notice else "no",
        )


def _compared(pair: tuple[str, str], same: SameAnswers, draws: Floats) -> Iterator[Line]:
    """All figures of two judges, or of one in two of its runs: run with run, and for two judges with all runs too."""
    a, b = (same.sheets[judge].scores for judge in pair)
    itself = pair[0] == pair[1]
    runs = pairs_within(a.shape[3]) if itself else pairs_of_runs(a.shape[3], b.shape[3])
    whole = same.whole(*pair)
    cluster = np.broadcast_to(same.instruction[:, None], whole.shape[1:])
    told = {"judge": pair[0], "against": ITSELF if itself else pair[1], "left_out": same.left_out(*pair)}
    found = agreement(a[whole], b[whole], np.broadcast_to(cluster, whole.shape)[whole], runs, draws)
    for metric, estimate in found.items():
        if not (itself and metric == "mean_shift"):  # nothing by construction: both ways round
            yield Line(metric, runs="one", unit="verdicts", estimate=estimate, n_expected=same.n_items, **told)  # type: ignore[arg-type]
    sums = a.sum(axis=2), b.sum(axis=2)
    yield from _of_answers(pair, same, sums, runs, "one", draws, told)
    if not itself:
        over_runs = sums[0].sum(axis=2, keepdims=True), sums[1].sum(axis=2, keepdims=True)
        yield from _of_answers(pair, same, over_runs, [(0, 0)], "all", draws, told)


def _of_answers(
    pair: tuple[str, str],
    same: SameAnswers,
    sums: tuple[Ints, Ints],
    run_pairs: RunPairs,
    runs: Runs,
    draws: Floats,
    told: Mapping[str, object],
) -> Iterator[Line]:
    """The figures of answers' scores. `sums` over rubrics, [entries, instances, runs], order them as means would."""
    whole = same.whole_answers(*pair)
    cluster = np.broadcast_to(same.instruction, whole.shape)[whole]
    n_entries = len(same.entries)
    n_pairs = n_entries * (n_entries - 1) // 2
    ranked = agreement(sums[0][whole], sums[1][whole], cluster, run_pairs, draws, ["spearman"])["spearman"]
    of_answers = answer_pairs(*sums, whole, same.instruction, run_pairs, draws)
    of_models = model_pairs(*sums, whole, same.instruction, run_pairs, draws)
    figures: list[tuple[str, Unit, Estimate, int]] = [
        ("answer_spearman", "answers", ranked, same.n_answers),
        ("answer_pairs_opposite", "answer pairs", of_answers.opposite, n_pairs * same.n_expected),
        ("answer_pairs_tied", "answer pairs", of_answers.tied, n_pairs * same.n_expected),
        ("model_pairs_opposite", "model pairs", of_models.opposite, n_pairs),
        ("model_pairs_tied", "model pairs", of_models.tied, n_pairs),
    ]
    for metric, unit, estimate, n_expected in figures:
        yield Line(metric, runs=runs, unit=unit, estimate=estimate, n_expected=n_expected, **told)  # type: ignore[arg-type]


def _scores(judge: str, same: SameAnswers, seed: int) -> Iterator[Line]:
    """Each model's mean score by one judge, over the answers of which it has all verdicts."""
    sheet, whole = same.sheets[judge], same.whole_answers(judge)
    instruction_of = {one: str(place) for one, place in zip(same.instances, same.instruction.tolist(), strict=True)}
    n_rubrics = same.has_rubric.sum(axis=1)
    for place, (model, condition) in enumerate(same.entries):
        means = sheet.scores[place].sum(axis=(1, 2)) / np.maximum(n_rubrics * sheet.scores.shape[3], 1)
        there = {one: float(means[i]) for i, one in enumerate(same.instances) if whole[place, i]}
        estimate = mean_with_interval(there, instruction_of, derive_seed(seed, "bootstrap", judge, model, condition))
        lost = same.left_out(judge, of=place)
        yield Line("mean_score", judge, "", "all", "answers", estimate, same.n_expected, lost, model, condition)


def _shifts(pair: tuple[str, str], same: SameAnswers, draws: Floats) -> Iterator[Line]:
    """How much milder the second judge is to each model."""
    a, b = (same.sheets[judge].scores for judge in pair)
    runs = pairs_of_runs(a.shape[3], b.shape[3])
    for place, (model, condition) in enumerate(same.entries):
        whole = same.whole(*pair)[place]
        cluster = np.broadcast_to(same.instruction[:, None], whole.shape)[whole]
        found = agreement(a[place][whole], b[place][whole], cluster, runs, draws, ["mean_shift"])["mean_shift"]
        lost = same.left_out(*pair, of=place)
        yield Line("mean_shift", *pair, "one", "verdicts", found, same.items_of_an_entry, lost, model, condition)


def _swaps(pair: tuple[str, str], same: SameAnswers) -> list[tuple[str, str]]:
    """The models that two judges put in opposite orders, by means over all runs of the instances that both have."""
    whole = same.whole_answers(*pair)
    a, b = (same.sheets[judge].scores.sum(axis=(2, 3)) for judge in pair)
    found = []
    for one, other in combinations(range(len(same.entries)), 2):
        both = whole[one] & whole[other]
        if np.sign((a[one] - a[other])[both].sum()) * np.sign((b[one] - b[other])[both].sum()) < 0:
            found.append((_named(same.entries[one], same), _named(same.entries[other], same)))
    return found


def _named(entry: tuple[str, str], same: SameAnswers) -> str:
    """A model, with its condition where there are several."""
    model, condition = entry
    return model if len({one for _, one in same.entries}) == 1 else f"{model} ({condition})"
