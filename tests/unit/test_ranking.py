"""A ranking's figures are right, say what they stand on, and are compared only with their like."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.ranking.build import BuiltRanking, Scores, build_ranking
from janus_recipes.ranking.page import COMPARISON_COLUMNS, files_beside, markdown_of, write_ranking
from janus_recipes.ranking.read import read_ranking
from janus_recipes.records import Asked, Status, row_of
from janus_recipes.reporting.render import MINUS
from janus_recipes.reporting.table import CSV_COLUMNS
from tests.tables import BENCH, REWARD, SFT, recipe

STAR, DPO, RM = "janus-star-7b", "janus-dpo-7b", "janus-rm-7b"
SPEC: dict[str, Any] = {
    "models": (STAR, DPO, RM),
    "trains": {DPO: {**SFT, "start": STAR}, RM: REWARD},
    "compare": {DPO: [STAR], RM: [STAR, DPO]},
}
PAIRS = {one.id: one.instruction_id for one in BENCH}
"""Three pairs of i-a, three of i-b, two of i-c."""


def rows(margins: Sequence[float | Status]) -> list[Asked[Scores]]:
    """Scores of the pairs in their order, the rejected side's 1.0; or what became of a pair instead."""
    return [
        Asked(name, margin, None) if isinstance(margin, Status) else Asked(name, Status.OK, Scores(1.0 + margin, 1.0))
        for name, margin in zip(PAIRS, margins, strict=True)
    ]


MARGINS: dict[str, Sequence[float | Status]] = {
    STAR: (1, 1, -1, -1, 1, 0, 2, 1),
    DPO: (3, 1, 1, 1, 1, 0, 2, 3),
    RM: (0.5, 0.25, Status.FAILED, -0.5, 0.25, 0.5, 0.25, 0.25),
}


def built(
    margins: Mapping[str, Sequence[float | Status]] = MARGINS, without: Mapping[str, int] | None = None, **more: Any
) -> BuiltRanking:
    scores = {model: rows(values) for model, values in margins.items()}
    return build_ranking("held-out", recipe(**SPEC | more), PAIRS, without or {}, scores)


def csv_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_share_in_the_right_order_counts_a_tie_half_and_the_margin_is_the_mean_difference() -> None:
    star, dpo, rm = built().models
    # Five pairs right, two wrong, one tie: 5.5 of 8. (1 + 1 - 1 - 1 + 1 + 0 + 2 + 1) / 8.
    assert (star.figures["pair_accuracy"].value, star.figures["margin"].value) == (0.6875, 0.5)
    # Seven right, one tie: 7.5 of 8. (3 + 1 + 1 + 1 + 1 + 0 + 2 + 3) / 8.
    assert (dpo.figures["pair_accuracy"].value, dpo.figures["margin"].value) == (0.9375, 1.5)
    # Six of the seven that were scored; (0.5 + 0.25 - 0.5 + 0.25 + 0.5 + 0.25 + 0.25) / 7.
    assert rm.figures["pair_accuracy"].value == pytest.approx(6 / 7)
    assert rm.figures["margin"].value == pytest.approx(1.5 / 7)


def test_intervals_draw_instructions_and_not_pairs() -> None:
    # Of each instruction all pairs are in one order: i-a and i-c right, i-b wrong. Draws reach from i-b alone to none.
    found = built({**MARGINS, STAR: (1, 1, 1, -1, -1, -1, 1, 1)}).models[0].figures["pair_accuracy"]
    assert found == (0.625, (0.0, 1.0), 8)


def test_models_of_the_same_kind_are_compared_by_both_figures_and_others_by_their_order_alone() -> None:
    found = [(one.metric, one.model, one.against) for one in built().comparisons]
    assert found == [
        ("pair_accuracy", DPO, STAR),
        ("margin", DPO, STAR),
        ("pair_accuracy", RM, STAR),  # rewards and log-probabilities have no common unit
        ("pair_accuracy", RM, DPO),
    ]
    order, margin, rm, _ = built().comparisons
    # 7.5 / 8 - 5.5 / 8; pair by pair the margins differ by 2, 0, 2, 2, 0, 0, 0 and 2.
    assert (order.first, order.second, order.difference.value) == (0.9375, 0.6875, 0.25)
    assert (margin.first, margin.second, margin.difference.value, margin.difference.n) == (1.5, 0.5, 1.0, 8)
    # Over the seven pairs of both: RM 6 right; STAR has lost a wrong one: 5.5 of 7.
    assert (rm.first, rm.second, rm.difference.n) == (pytest.approx(6 / 7), pytest.approx(5.5 / 7), 7)


def test_a_comparison_with_a_model_that_the_ranking_does_not_show_is_not_told() -> None:
    one = {RM: MARGINS[RM]}
    assert not built(one, models=(RM,), trains={RM: REWARD}, compare={RM: [STAR], DPO: [RM]}).comparisons


def test_every_instance_that_the_recipe_asks_for_is_counted(tmp_path: Path) -> None:
    # The recipe asks for 8. Two of i-c have no pair; one is not scored by the reward model.
    pairs = {name: PAIRS[name] for name in list(PAIRS)[:6]}
    scores = {model: rows(values)[:6] for model, values in MARGINS.items()}
    ranking = build_ranking("held-out", recipe(**SPEC), pairs, {"identical_answers": 2}, scores)
    star, _, rm = ranking.models
    assert (star.counts.n_expected, star.counts.n_used, star.counts.left_out) == (8, 6, {Status.MISSING: 2})
    assert rm.counts.left_out == {Status.FAILED: 1, Status.MISSING: 2} and rm.counts.n_used == 5
    page = markdown_of(ranking)
    assert "2 of the recipe's 8 instances have no pair" in page
    assert "without a pair: 2, the answers to all others are the same" in page
    assert "5 of 8 | 1 failed, 2 missing" in page
    write_ranking(ranking, tmp_path)
    assert [(r["n_expected"], r["n_used"], r["n_left_out"]) for r in csv_of(tmp_path / "held-out.csv")] == [
        *[("8", "6", "2")] * 4,
        *[("8", "5", "3")] * 2,
    ]


def test_the_csv_has_the_columns_of_the_tables_and_says_what_told_the_answers_apart(tmp_path: Path) -> None:
    write_ranking(built(), tmp_path)
    found = csv_of(tmp_path / "held-out.csv")
    assert tuple(found[0]) == CSV_COLUMNS
    assert [(r["model"], r["metric"], r["judge"]) for r in found] == [
        (model, metric, judge)
        for model, judge in ((STAR, "log-probability"), (DPO, "log-probability"), (RM, "reward"))
        for metric in ("pair_accuracy", "margin")
    ]
    assert {(r["condition"], r["selection"], r["benchmark"]) for r in found} == {("multifaceted", "pair", "Average")}
    assert {(r["published"], r["difference"]) for r in found} == {("", "")}
    compared = csv_of(tmp_path / "held-out.comparisons.csv")
    assert tuple(compared[0]) == COMPARISON_COLUMNS
    found_margin = {key: compared[1][key] for key in ("metric", "model", "against", "difference", "n_used")}
    assert found_margin == {"metric": "margin", "model": DPO, "against": STAR, "difference": "1.0000", "n_used": "8"}


def test_the_page_tells_shares_in_per_cent_and_their_differences_in_points() -> None:
    page = re.sub(" +", " ", markdown_of(built()))
    assert "| janus-star-7b | log-probability | 68.8% |" in page
    compared = f"| janus-dpo-7b {MINUS} janus-star-7b |"
    assert f"{compared} right order | 93.8% | 68.8% | +25.0 points |" in page
    assert f"{compared} margin (log-probability) | +1.50 | +0.50 | +1.00 |" in page


def test_a_rehearsals_ranking_says_so_on_its_page_and_in_each_row(tmp_path: Path) -> None:
    ranking = built(rehearsal=True)
    assert "REHEARSAL: tiny models" in markdown_of(ranking) and "REHEARSAL" not in markdown_of(built())
    write_ranking(ranking, tmp_path)
    for name in ("held-out.csv", "held-out.comparisons.csv"):
        assert all(row["judge"].endswith(" (rehearsal)") for row in csv_of(tmp_path / name))


def test_nothing_scored_is_empty_cells_and_not_nan(tmp_path: Path) -> None:
    write_ranking(built({**MARGINS, DPO: [Status.FAILED] * 8}), tmp_path)
    for file in tmp_path.iterdir():
        assert "nan" not in file.read_text().lower(), file
    values = [(r["value"], r["n_used"]) for r in csv_of(tmp_path / "held-out.csv") if r["model"] == DPO]
    assert values == [("", "0"), ("", "0")]


def test_scores_of_other_pairs_and_a_bench_of_another_recipe_are_refused() -> None:
    strange = {model: [*rows(values), Asked("i-z/0", Status.OK, Scores(1, 0))] for model, values in MARGINS.items()}
    with pytest.raises(StepError, match="janus-star-7b has scores of pairs that are not there, i-z/0 first"):
        build_ranking("held-out", recipe(**SPEC), PAIRS, {}, strange)
    with pytest.raises(StepError, match="more than the 8 instances of this recipe"):
        built(without={"identical_answers": 1})


def files(folder: Path, models: Sequence[str]) -> tuple[Path, list[Path]]:
    """Files of pairs and scores as `janus rank pairs` and `janus rank score` leave them."""
    pairs = folder / "pairs.jsonl"
    write_jsonl(
        pairs, ({"id": name, "instruction_id": one, "chosen": [], "rejected": []} for name, one in PAIRS.items())
    )
    manifest_of(pairs).write_text(json.dumps({"counts": {"pairs": 8, "left_out": {}}}))
    paths = [folder / "scores" / f"{model}.jsonl" for model in models]
    for path in paths:
        values = ({**row_of(row), "value": row.value and row.value._asdict()} for row in rows(MARGINS[path.stem]))
        write_jsonl(path, values)
    return pairs, paths


def test_the_files_of_a_ranking_are_read_and_all_that_it_writes_are_named(tmp_path: Path) -> None:
    pairs, scores = files(tmp_path, [RM, DPO, STAR])
    ranking = read_ranking("held-out", recipe(**SPEC), pairs, scores)
    assert ranking == built()
    out = tmp_path / "rankings" / "held-out.csv"
    write_ranking(ranking, out.parent)
    assert sorted([out, *files_beside(out)]) == sorted(out.parent.iterdir())


def test_a_model_without_scores_and_pairs_without_their_manifest_are_named(tmp_path: Path) -> None:
    pairs, scores = files(tmp_path, [STAR, RM])
    with pytest.raises(UsageError, match="needs scores of janus-dpo-7b: make them with `janus rank score`"):
        read_ranking("held-out", recipe(**SPEC), pairs, scores)
    manifest_of(pairs).unlink()
    with pytest.raises(UsageError, match="run `janus rank pairs`"):
        read_ranking("held-out", recipe(**SPEC | {"models": (STAR, RM)}), pairs, scores)
