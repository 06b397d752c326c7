"""What a judge prefers beside the rubrics: found where it is planted, and not where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import digest_of, write_jsonl
from janus_recipes.judging.bias import (
    ALWAYS_TIE,
    NO_BOTH,
    NO_COMPARISON,
    NO_FAMILY,
    NO_SECOND,
    NO_WIN_RATES,
    NONE_WHOLE,
    SAME_FAMILY,
    TOO_ALIKE,
    BiasLine,
    BuiltBias,
    build_bias,
)
from janus_recipes.judging.bias_page import csv_rows, markdown_of
from janus_recipes.judging.length import length_bins, rank_correlations, slope
from janus_recipes.judging.registry import OWN_JUDGE
from janus_recipes.judging.same_answers import JudgeSheet, SameAnswers
from janus_recipes.recipe.judges import Calibration
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Status, row_of
from janus_recipes.reporting.statistics import resampled_counts
from tests.tables import recipe

ENTRIES = (("mistral-7b-v0.2", "multifaceted"), ("janus-7b", "multifaceted"), ("other", "multifaceted"))


def test_a_slope_among_the_answers_to_an_instance() -> None:
    # One instance: 100 words and 2 points, 200 and 3, 300 and 4: a point for 100 words. Another one, ten points better
    # and of answers ten times as long, says the same: what it is worth cancels out.
    words = np.array([[100.0, 1000.0], [200.0, 1100.0], [300.0, 1200.0]])
    scores = np.array([[2.0, 12.0], [3.0, 13.0], [4.0, 14.0]])
    there = np.ones((3, 2), dtype=bool)
    found = slope(words, scores, there, np.array([0, 1]), resampled_counts(2, 1), own_level=False)
    assert found.value == pytest.approx(1.0) and found.n == 6
    assert found.interval == pytest.approx((1.0, 1.0))


def test_with_the_models_own_levels_taken_out_the_slope_is_that_of_a_regression_with_them() -> None:
    rng = np.random.default_rng(2)
    words, there = rng.integers(20, 400, size=(3, 40)).astype(float), rng.random((3, 40)) < 0.9
    scores = 0.004 * words + np.array([[1.0], [2.0], [4.0]]) + rng.normal(size=(1, 40)) + rng.normal(size=(3, 40)) / 9
    model, instance = np.nonzero(there & (there.sum(axis=0) >= 2))
    design = np.column_stack([words[model, instance] / 100, np.eye(3)[model][:, 1:], np.eye(40)[instance]])
    wanted = np.linalg.lstsq(design, scores[model, instance], rcond=None)[0][0]
    found = slope(words, scores, there, np.arange(40), resampled_counts(40, 1), own_level=True)
    assert found.value == pytest.approx(wanted) and found.n == len(model)
    assert found.interval is not None and found.interval.low < 0.4 < found.interval.high


def test_there_is_no_slope_where_lengths_follow_from_the_models() -> None:
    words = np.array([[100.0] * 4, [200.0] * 4])
    scores, there = np.arange(8.0).reshape(2, 4), np.ones((2, 4), dtype=bool)
    draws = resampled_counts(4, 1)
    assert slope(words, scores, there, np.arange(4), draws, own_level=True).value is None
    assert slope(words, scores, there, np.arange(4), draws, own_level=False).value == pytest.approx(4.0)
    assert slope(words[:1], scores[:1], there[:1], np.arange(4), draws, own_level=False).value is None


def test_rank_correlations_are_of_instances_with_three_answers_that_differ() -> None:
    words = np.array([[10.0, 10.0, 10.0], [20.0, 20.0, 10.0], [30.0, 30.0, 10.0]])
    scores = np.array([[1.0, 1.0, 1.0], [3.0, 2.0, 2.0], [2.0, 3.0, 3.0]])
    there = np.array([[True, True, True], [True, True, True], [True, False, True]])
    # Ranks 1 2 3 and 1 3 2: 1 - 6 * (0 + 1 + 1) / (3 * 8) = 0.5. Two answers, and answers of one length, say nothing.
    assert rank_correlations(words, scores, there) == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)


def test_the_picture_is_drawn_through_tenths_of_the_answers() -> None:
    words, scores = np.array([[100.0] * 10, [300.0] * 10]), np.array([[1.0] * 10, [3.0] * 10])
    bins = length_bins(words, scores, np.ones((2, 10), dtype=bool))
    assert [(one.words, one.points, one.n) for one in bins] == [(-100.0, -1.0, 2)] * 5 + [(100.0, 1.0, 2)] * 5


# Two judges on three models' answers to 4 instances of 4 instructions: words, and scores by one rubric in one run.
WORDS = np.array([[10, 20, 30, 40], [20, 30, 40, 50], [30, 40, 50, 60]])
FAIR = np.array([[1, 2, 3, 1], [2, 2, 3, 3], [3, 1, 2, 3]])


def same_answers(folder: Path, *given: np.ndarray) -> SameAnswers:
    sheets = {
        name: JudgeSheet(
            name, f"{name}-model", "2026-11-20", scores[:, :, None, None], np.zeros((3, 4, 1), dtype=np.int64)
        )
        for name, scores in zip((OWN_JUDGE, "fond"), given, strict=False)
    }
    instances, one_rubric = tuple(f"i-{n}/0" for n in range(4)), np.ones((4, 1), dtype=np.bool_)
    judged = tuple(digest_of(folder / model / f"{condition}.jsonl") for model, condition in ENTRIES)
    return SameAnswers(ENTRIES, instances, np.arange(4), 4, one_rubric, 4, judged, sheets)


def calibrated(*judges: str, family: dict[str, list[str]] | None = None) -> Recipe:
    models = [model for model, _ in ENTRIES]
    wanted = Calibration(
        title="Judges", judges=list(judges), benchmark="multifaceted", models=models, family=family or {}
    )
    return recipe(rehearsal=True, models=tuple(models)).model_copy(update={"calibrations": {"c": wanted}})


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    for place, (model, condition) in enumerate(ENTRIES):
        texts = (Asked(f"i-{n}/0", Status.OK, "word " * words) for n, words in enumerate(WORDS[place]))
        write_jsonl(tmp_path / model / f"{condition}.jsonl", map(row_of, texts))
    return tmp_path


def only(report: BuiltBias, metric: str, judge: str) -> BiasLine:
    (found,) = (one for one in report.lines if (one.metric, one.judge) == (metric, judge))
    return found


def test_what_a_judge_gives_for_length_beyond_another_one_is_found(answers: Path) -> None:
    # The second judge adds a point for each ten words above ten: 10 points for 100 words, whatever answers are worth.
    fond = FAIR + WORDS // 10 - 1
    report = build_bias("c", calibrated(OWN_JUDGE, "fond"), same_answers(answers, FAIR, fond), answers, ())
    found = only(report, "length_slope_of_shift", "fond").estimate
    assert found.value == pytest.approx(10.0) and found.interval == pytest.approx((10.0, 10.0)) and found.n == 12
    assert only(report, "length_slope_of_shift", OWN_JUDGE).estimate.value == pytest.approx(-10.0)
    # Scores 1 2 3, 2 2 1, 3 3 2 and 1 3 3 beside growing lengths: 1, -0.866, -0.866 and 0.866, so 0.134 / 4.
    ranked = only(report, "length_spearman", OWN_JUDGE).estimate
    assert ranked.value == pytest.approx((1 - 0.75**0.5) / 4) and ranked.n == 4


def test_a_judge_that_is_milder_to_its_own_family_is_found(answers: Path) -> None:
    # Two points milder to Janus, half a point (one model of two) to the rest: 1.5 points of preference.
    fond = FAIR + np.array([[0], [2], [1]])
    spec = calibrated(OWN_JUDGE, "fond", family={"fond": ["janus-7b"]})
    report = build_bias("c", spec, same_answers(answers, FAIR, fond), answers, ())
    found = only(report, "family_preference", "fond")
    assert found.estimate.value == 1.5 and (found.against, found.models, found.estimate.n) == (OWN_JUDGE, "janus-7b", 4)
    assert only(report, "family_preference", OWN_JUDGE).why == NO_FAMILY


def test_what_cannot_be_measured_has_a_reason_and_no_figure(answers: Path) -> None:
    report = build_bias("c", calibrated(OWN_JUDGE), same_answers(answers, np.full_like(FAIR, 3)), answers, ())
    assert only(report, "family_preference", OWN_JUDGE).why == NO_SECOND
    assert only(report, "picks_first", OWN_JUDGE).why == NO_WIN_RATES
    assert only(report, "length_spearman", OWN_JUDGE).why == TOO_ALIKE
    assert "not measurable, no second judge in this calibration." in markdown_of(report)
    rows = list(csv_rows(report))
    assert all(row[5] == "" for row in rows if row[-2]) and {row[-1] for row in rows} == {"yes"}


def test_judges_of_one_family_are_not_held_against_each_other(answers: Path) -> None:
    # Both are a point milder to Janus: judge less judge would be no preference at all.
    fond = FAIR + np.array([[0], [1], [0]])
    spec = calibrated(OWN_JUDGE, "fond", family={OWN_JUDGE: ["janus-7b"], "fond": ["other", "janus-7b"]})
    report = build_bias("c", spec, same_answers(answers, fond, fond), answers, ())
    for judge in (OWN_JUDGE, "fond"):
        found = only(report, "family_preference", judge)
        assert (found.estimate.value, found.why) == (None, SAME_FAMILY)
    other = calibrated(OWN_JUDGE, "fond", family={OWN_JUDGE: ["other"], "fond": ["janus-7b"]})
    report = build_bias("c", other, same_answers(answers, FAIR, fond), answers, ())
    assert only(report, "family_preference", "fond").estimate.value == 1.0


def lacking(same: SameAnswers, *entries: int) -> SameAnswers:
    """Without the recipe's judge's verdicts on these entries."""
    scores = same.sheets[OWN_JUDGE].scores.copy()
    scores[list(entries)] = 0
    return replace(same, sheets={**same.sheets, OWN_JUDGE: replace(same.sheets[OWN_JUDGE], scores=scores)})


def test_verdicts_that_lack_are_not_told_as_scores_that_are_too_alike(answers: Path) -> None:
    spec = calibrated(OWN_JUDGE, "fond", family={OWN_JUDGE: ["janus-7b"]})
    report = build_bias("c", spec, lacking(same_answers(answers, FAIR, FAIR), 0, 1, 2), answers, ())
    for metric in ("length_spearman", "length_slope", "length_slope_of_shift", "family_preference"):
        assert only(report, metric, OWN_JUDGE).why == NONE_WHOLE, metric
    assert only(report, "length_slope_of_shift", "fond").why == NONE_WHOLE
    assert only(report, "length_slope", "fond").why == ""
    # Answers there are, but of its family's model none.
    report = build_bias("c", spec, lacking(same_answers(answers, FAIR, FAIR), 1), answers, ())
    assert only(report, "family_preference", OWN_JUDGE).why == NO_BOTH


def test_instances_that_the_bench_lacks_are_expected(answers: Path) -> None:
    same = replace(same_answers(answers, FAIR, FAIR), n_expected=5)
    spec = calibrated(OWN_JUDGE, "fond", family={OWN_JUDGE: ["janus-7b"]})
    report = build_bias("c", spec, same, answers, ())
    found = {one.metric: (one.estimate.n, one.n_expected) for one in report.lines if one.judge == OWN_JUDGE}
    assert found["length_spearman"] == found["family_preference"] == (4, 5)
    assert found["length_slope"] == found["length_slope_same_models"] == found["length_slope_of_shift"] == (12, 15)


def test_answers_that_were_made_again_after_judging_are_refused(answers: Path) -> None:
    same = same_answers(answers, FAIR)
    file = answers / "janus-7b" / "multifaceted.jsonl"
    file.write_text(file.read_text().replace("word word", "word", 1))
    with pytest.raises(StepError, match=r"janus-7b/multifaceted\.jsonl: not the answers that were judged"):
        build_bias("c", calibrated(OWN_JUDGE), same, answers, ())


def test_win_rates_without_a_figure_say_why(answers: Path) -> None:
    page, report = answers / "gains.csv", calibrated(OWN_JUDGE)
    head = "model,against,benchmark,judge,flipped,picks_first,n_expected,n_used\n"
    row = f"janus-7b,other,Average,{OWN_JUDGE}-model (rehearsal)"
    same = same_answers(answers, FAIR)
    for figures, wanted in ((",,9,0", (NO_COMPARISON, NO_COMPARISON)), ("0.0,,9,9", (ALWAYS_TIE, ""))):
        page.write_text(f"{head}{row},{figures}\n")
        found = build_bias("c", report, same, answers, [page])
        assert tuple(only(found, metric, OWN_JUDGE).why for metric in ("picks_first", "flipped")) == wanted


def test_another_csv_is_not_taken_for_win_rates(answers: Path) -> None:
    page, same = answers / "table2.csv", same_answers(answers, FAIR)
    page.write_text("model,condition,benchmark,judge,n_expected,n_used\n")
    with pytest.raises(UsageError, match=r"table2.csv: no CSV of win rates: it has no column against, flipped, picks"):
        build_bias("c", calibrated(OWN_JUDGE), same, answers, [page])
    page.write_bytes(b"model,\xff\n")
    with pytest.raises(UsageError, match="it is not UTF-8"):
        build_bias("c", calibrated(OWN_JUDGE), same, answers, [page])


def test_what_the_order_did_is_read_from_win_rates_of_the_same_judge(answers: Path) -> None:
    page = answers / "gains.csv"
    page.write_text(
        "model,against,benchmark,judge,flipped,picks_first,n_expected,n_used\n"
        f"janus-7b,other,mf-Koala,{OWN_JUDGE}-model (rehearsal),0.9,0.9,4,4\n"
        f"janus-7b,other,Average,{OWN_JUDGE}-model (rehearsal),0.25,0.5833,9,8\n"
        "janus-7b,other,Average,another-model (rehearsal),0.1,0.5,9,8\n"
    )
    report = build_bias("c", calibrated(OWN_JUDGE), same_answers(answers, FAIR), answers, [page])
    first, flipped = (only(report, metric, OWN_JUDGE) for metric in ("picks_first", "flipped"))
    assert (first.estimate.value, first.models, first.estimate.n, first.n_expected) == (0.5833, "janus-7b, other", 8, 9)
    assert flipped.estimate.value == 0.25
    assert "58.3%" in markdown_of(report)
