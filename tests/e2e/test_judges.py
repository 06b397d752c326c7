"""The rehearsal's calibration finds what is wrong with a judge that is biased on purpose, and leaves the fair one."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.files import read_jsonl
from janus_recipes.rehearsal.biased_judges import BIASES
from tests.e2e.claims import BASE, FULL, STAR
from tests.e2e.workshop import Workshop, follow, read_csv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

PLANTED = BIASES["microworld-mild-judge"]
CALIBRATION = "results/rehearsal/calibrations/mild"


@pytest.fixture
def agreement(rehearsal: Workshop) -> dict[tuple[str, str, str], dict[str, str]]:
    """The rows where one run is compared with one run, and mean scores, by figure, second judge and model."""
    rows = read_csv(rehearsal.folder / f"{CALIBRATION}.csv")
    return {
        (row["metric"], row["against"] or row["judge"], row["model"]): row
        for row in rows
        if row["runs"] == "one" or row["metric"] == "mean_score"
    }


@pytest.fixture
def bias(rehearsal: Workshop) -> dict[tuple[str, str, str], dict[str, str]]:
    """The rows of the bias report by figure, judge and models."""
    rows = read_csv(rehearsal.folder / f"{CALIBRATION}.bias.csv")
    return {(row["metric"], row["judge"], row["models"]): row for row in rows if row["metric"] != "points_by_length"}


def test_the_planted_shift_is_found(agreement: dict[tuple[str, str, str], dict[str, str]]) -> None:
    # The base scores near 1, far from the scale's end: half a point, and 2 points for 100 words of at most 64 tokens.
    base = agreement["mean_shift", "mild", BASE]
    assert PLANTED.milder_by < float(base["ci_low"]) < float(base["ci_high"]) < PLANTED.milder_by + 1.28
    # A good answer has no room above 5, so the judge is milder to it by less; but milder it is.
    for model in (STAR, FULL):
        assert 0.5 < float(agreement["mean_shift", "mild", model]["value"]) < 1.3
    assert float(agreement["mean_shift", "mild", ""]["ci_low"]) > 0.5


def test_a_mild_judge_orders_answers_as_the_fair_one_does(
    agreement: dict[tuple[str, str, str], dict[str, str]], rehearsal: Workshop
) -> None:
    """The bias is in the level: ranks agree nearly as well as two runs of one judge do, equal scores are rare."""
    assert float(agreement["spearman", "mild", ""]["value"]) > 0.85
    assert float(agreement["spearman", "itself", ""]["value"]) > 0.85
    assert float(agreement["exact_agreement", "mild", ""]["value"]) < 0.5
    assert float(agreement["weighted_kappa", "mild", ""]["value"]) < 0.9
    assert float(agreement["model_pairs_opposite", "mild", ""]["value"]) == 0.0
    # Of 120 instances the bench lacks those whose preferences were seen; no verdict on the others does.
    there = len(list(read_jsonl(rehearsal.folder / "results/rehearsal/bench/multifaceted/bench.jsonl")))
    of_answers = [row for row in agreement.values() if row["unit"] != "model pairs"]
    assert all(int(row["n_used"]) * 120 == there * int(row["n_expected"]) for row in of_answers)


def test_the_planted_length_slope_is_found(bias: dict[tuple[str, str, str], dict[str, str]]) -> None:
    """Some of the planted two points for 100 words are hidden by the scale's end at 5, which good answers reach."""
    found = bias["length_slope_of_shift", "mild", ""]
    assert float(found["ci_low"]) > 0.3 and float(found["value"]) < PLANTED.per_100_words + 0.5
    assert float(bias["length_slope_of_shift", "judging", ""]["ci_high"]) < -0.3


def test_what_the_order_does_is_told_of_the_judge_that_compared(
    bias: dict[tuple[str, str, str], dict[str, str]],
) -> None:
    """The fair judge takes the first of two in 8% of its comparisons, whatever they hold (rehearsal/world.py)."""
    firsts = [row for (metric, judge, _), row in bias.items() if (metric, judge) == ("picks_first", "judging")]
    assert firsts and all(0.5 <= float(row["value"]) <= 0.65 for row in firsts)
    assert bias["picks_first", "mild", ""]["not_measurable"] and not bias["picks_first", "mild", ""]["value"]


def test_both_pages_say_rehearsal_and_lead_back_to_the_verdicts(rehearsal: Workshop) -> None:
    for page in ("mild.md", "mild.bias.md", "mild.bias.svg"):
        assert "REHEARSAL" in (rehearsal.folder / "results/rehearsal/calibrations" / page).read_text()
    for page in (f"{CALIBRATION}.csv", f"{CALIBRATION}.bias.csv"):
        assert {row["rehearsal"] for row in read_csv(rehearsal.folder / page)} == {"yes"}
    seen = follow(rehearsal.folder, Path(f"{CALIBRATION}.bias.csv"))
    for wanted in (
        f"{FULL}/multifaceted.own@mild.jsonl",
        f"answers/multifaceted/{BASE}/multifaceted.jsonl",
        "bench.jsonl",
    ):
        assert any(path.endswith(wanted) for path in seen), wanted
