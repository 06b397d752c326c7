"""Each kind of training shows in the finished rehearsal what the paper's shows: SFT, DPO, ORPO, both reward stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from janus_recipes.files import read_jsonl
from tests.e2e.claims import CLAIMS, KEPT, NEW, ORPO, STAGE1, Claim, accuracy, tokens_of, training_of, weights_of
from tests.e2e.workshop import Workshop, follow, read_csv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SIDES = ("chosen", "rejected")

TRAINED = {
    "janus-7b",
    "janus-star-7b",
    "janus-sft-epoch1-7b",
    "janus-dpo-7b",
    "janus-orpo-7b",
    "janus-rm-stage1-7b",
    "janus-rm-7b",
    "janus-rm-new-head-7b",
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_trained_model_shows(claim: Claim, rehearsal: Workshop) -> None:
    assert claim.holds(rehearsal), claim.figure(rehearsal)


def test_the_second_reward_stage_is_reported_with_its_head_kept_and_with_a_new_one(rehearsal: Workshop) -> None:
    kept, new = (accuracy(model)(rehearsal) for model in (KEPT, NEW))
    assert kept.value > new.value
    heads = {model: manifest(rehearsal, model)["section"]["head"] for model in (STAGE1, KEPT, NEW)}
    assert heads == {STAGE1: "new", KEPT: "keep", NEW: "new"}


def test_every_model_has_its_curve_and_a_card_that_says_rehearsal(rehearsal: Workshop) -> None:
    folder = rehearsal.folder / "results/rehearsal/models"
    assert {path.parent.name for path in folder.glob("*/manifest.json")} >= TRAINED
    for model in TRAINED:
        curve = read_csv(folder / model / "training.csv")
        assert len(curve) == manifest(rehearsal, model)["counts"]["steps"]
        assert [int(row["step"]) for row in curve] == list(range(1, len(curve) + 1))
        assert all(row["tokens_per_second"] for row in curve[1:]), model  # the first step has none before it
        assert "REHEARSAL" in (folder / model / "training.svg").read_text()
        assert "REHEARSAL" in (folder / model / "card.md").read_text()


def test_the_tokens_of_pairs_are_those_of_both_sides_without_padding(rehearsal: Workshop) -> None:
    made, data = training_of(rehearsal, ORPO)
    pairs = list(read_jsonl(data))
    read = sum(sum(map(sum, tokens_of((row[side] for row in pairs), weights_of(rehearsal, ORPO)))) for side in SIDES)
    # 2160 pairs fill 1080 batches of two, in each of two epochs.
    assert made["counts"]["tokens"] == made["section"]["epochs"] * read


def test_a_ranking_can_be_followed_back_to_the_pools_through_the_models_that_models_started_from(
    rehearsal: Workshop,
) -> None:
    seen = follow(rehearsal.folder, Path("results/rehearsal/rankings/held-out.csv"))
    trained = {path.split("/")[-2] for path in seen if path.endswith("/weights") and "/models/" in path}
    assert trained == TRAINED - {"janus-7b", "janus-orpo-7b"}  # neither ranks, nor does one that ranks start from it
    sets = ("sft-65k", "sft-196k", "dpo", "orpo", "helpful-mix")
    for wanted in (*(f"datasets/{name}.jsonl" for name in sets), "bench/multifaceted/pairs.jsonl", "helpful.jsonl"):
        assert any(path.endswith(wanted) for path in seen), (wanted, sorted(seen))


def manifest(rehearsal: Workshop, model: str) -> dict[str, dict[str, object]]:
    path = rehearsal.folder / f"results/rehearsal/models/{model}/manifest.json"
    found: dict[str, dict[str, object]] = json.loads(path.read_text())
    return found
