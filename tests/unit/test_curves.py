"""A training's curve as CSV and SVG."""

from __future__ import annotations

import math
import re
from pathlib import Path

from janus_recipes.training.curves import DRAWN_AT_MOST, CurvePoint, draw_curve, read_curve, write_curve

PAIRS = [CurvePoint(1, 0.5, 0.6931, 0.0, 0.25), CurvePoint(2, 1.0, 0.5, 1e-5, 0.75, 1200.5)]


def test_a_curve_reads_back_as_it_was_and_leaves_what_is_not_logged_empty(tmp_path: Path) -> None:
    write_curve(tmp_path / "training.csv", PAIRS)
    assert (tmp_path / "training.csv").read_text().splitlines() == [
        "step,epoch,loss,learning_rate,reward_accuracy,tokens_per_second",
        "1,0.5,0.6931,0.0,0.25,",
        "2,1.0,0.5,1e-05,0.75,1200.5",
    ]
    assert read_curve(tmp_path / "training.csv") == PAIRS


def test_the_picture_has_a_panel_for_what_was_logged_alone_and_says_that_it_is_a_rehearsal(tmp_path: Path) -> None:
    draw_curve(tmp_path / "pairs.svg", PAIRS, title="janus-dpo-7b", notice="A rehearsal: nothing here is real.")
    draw_curve(tmp_path / "sft.svg", [CurvePoint(1, 1.0, 2.0, 1e-5)], title="janus-7b", notice=None)
    pairs, sft = ((tmp_path / f"{name}.svg").read_text() for name in ("pairs", "sft"))
    assert all(
        words in pairs for words in ("janus-dpo-7b", "Loss", "Learning rate", "Chosen scored higher", "Tokens/s")
    )
    assert "A rehearsal: nothing here is real." in pairs
    assert "Loss" in sft and "Chosen scored higher" not in sft and "Tokens/s" not in sft


def test_the_same_curve_gives_the_same_picture_and_a_loss_that_is_no_number_leaves_a_gap(tmp_path: Path) -> None:
    points = [CurvePoint(1, 0.5, 2.0, 1e-5), CurvePoint(2, 1.0, math.nan, 1e-5)]
    for name in ("one.svg", "two.svg"):
        draw_curve(tmp_path / name, points, title="janus-7b", notice=None)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "NaN" not in (tmp_path / "one.svg").read_text()


def test_the_picture_of_a_long_training_stays_small_and_keeps_its_last_step(tmp_path: Path) -> None:
    # 12,345 steps are thinned by ceil(12345 / 1000) = 13 to ceil(12345 / 13) = 950, counted from the last one.
    steps = [CurvePoint(step, 1.0, 1.0 + step % 2, 1e-5) for step in range(1, 12_346)]
    draw_curve(tmp_path / "long.svg", steps, title="janus-7b", notice=None)
    text = (tmp_path / "long.svg").read_text()
    lines = [path for path in re.findall(r' d="(M[^"]*)"', text) if path.count("L") > 500]
    assert [path.count("L") + 1 for path in lines] == [950, 950]  # loss and learning rate
    assert DRAWN_AT_MOST == 1000
