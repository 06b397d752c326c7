"""Mistakes in a recipe's data sets are told before anything is asked, with place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]
PAPER, TABLE_10 = Path("recipes/janus.yaml"), Path("recipes/ablations/multifacetedness.yaml")

PAIRS = "kind: pairs, rejected_per_instruction"
TRAIN = "models: {janus-7b: {train: {dataset: dpo}}}"
POOL = "{dataset: org/pairs, revision: abc, prompt: p, answers: [a, b], share"

MISTAKES: dict[str, tuple[str, str]] = {
    "helpful responses to system messages of their own": (
        "datasets: {mine: {kind: sft, response: helpful}}",
        "mine.yaml:1: datasets.mine.response: helpful responses answer no system message of their own: set "
        "system_message to none or default",
    ),
    "helpful responses that are not asked for": (
        "datasets: {mine: {kind: sft, system_message: none, response: helpful}}",
        "mine.yaml:1: datasets.mine.response: needs collection.helpful_responses.none: say there which provider is "
        "asked for them, and how",
    ),
    "an unknown provider of helpful responses": (
        "collection: {helpful_responses: {none: {provider: techer, sampling: {max_tokens: 9}}}}",
        "mine.yaml:1: collection.helpful_responses.none.provider: techer is not under providers "
        "(did you mean teacher?)",
    ),
    "an unknown default message": (
        "collection: {default_messages: [alpaca, vicuna_v1.2]}",
        "mine.yaml:1: collection.default_messages.1: FastChat has no conversation template vicuna_v1.2 "
        "(did you mean vicuna_v1.1?)",
    ),
    "pairs that would be trained on already": (
        f"datasets: {{mine: {{{PAIRS}: 1, without: sft-131k}}}}",
        "mine.yaml:1: datasets.mine.without: of 3 responses an instruction, 2 of them in sft-131k, no two are left for "
        "a pair",
    ),
    "more rejected than there are": (
        f"datasets: {{mine: {{{PAIRS}: 3}}}}",
        "mine.yaml:1: datasets.mine.rejected_per_instruction: of 3 responses an instruction 2 can be rejected at most",
    ),
    "more rejected than an sft data set leaves": (
        f"datasets: {{mine: {{{PAIRS}: 2, without: sft-65k}}}}",
        "mine.yaml:1: datasets.mine.rejected_per_instruction: of 3 responses an instruction, 1 of them in sft-65k, 1 "
        "can be rejected at most",
    ),
    "without other pairs": (
        f"datasets: {{mine: {{{PAIRS}: 1, without: orpo}}}}",
        "mine.yaml:1: datasets.mine.without: orpo is no sft data set with gold responses, so there is nothing of the "
        "pairs' to leave out",
    ),
    "without a data set that is not there": (
        f"datasets: {{mine: {{{PAIRS}: 1, without: sft-66k}}}}",
        "mine.yaml:1: datasets.mine.without: sft-66k is not under datasets (did you mean sft-65k?)",
    ),
    "shares that are not a whole": (
        f"datasets: {{mine: {{kind: helpful_mix, rows: 10, pools: {{one: {POOL}: 0.72}}, two: {POOL}: 0.14}}}}}}}}",
        "mine.yaml:1: datasets.mine.pools: the shares sum to 0.86: they are parts of the whole, so make it 1",
    ),
    "fine-tuning on pairs": (
        TRAIN,
        "mine.yaml:1: models.janus-7b.train.dataset: dpo is of kind pairs, and sft trains on kind sft (there are: "
        "sft-131k, sft-196k, sft-65k)",
    ),
}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_data_set_is_told_with_its_place_and_the_remedy(mistake: str, tmp_path: Path) -> None:
    overlay, told = MISTAKES[mistake]
    mine = tmp_path / "mine.yaml"
    mine.write_text(overlay + "\n")
    with pytest.raises(RecipeError) as error:
        load_recipe([PAPER, mine])
    assert [problem.replace(f"{tmp_path}/", "") for problem in error.value.problems] == [told]


@pytest.mark.parametrize(
    "overlay",
    [
        # 0.1 + 0.2 + 0.7 is 0.9999999999999999 in binary.
        "datasets: {mine: {kind: helpful_mix, rows: 10, pools: {a: {share: 0.1, path: x, prompt: p, answers: [a, b]}, "
        "b: {share: 0.2, path: x, prompt: p, answers: [a, b]}, c: {share: 0.7, path: x, prompt: p, answers: [a, b]}}}}",
        f"datasets: {{mine: {{{PAIRS}: 2}}}}",
        f"datasets: {{mine: {{{PAIRS}: 1, without: sft-65k}}}}",
        # Helpful responses are one an instruction, however few system messages there are.
        "collection: {preference_sets: {per_instruction: 1}}\n"
        "datasets: {dpo: null, orpo: null, sft-131k: null, sft-196k: null, sft-none-multifaceted: null}\n"
        "models: {janus-7b: {train: {dataset: sft-65k}}, janus-dpo-7b: null, janus-orpo-7b: null, "
        "janus-rm-stage1-7b: null, janus-rm-7b: null, janus-none-multifaceted: null}\n"
        "tables: {table2: {models: [janus-7b, janus-star-7b], compare: {janus-dpo-7b: null}}, table8: null, "
        "table10: null, table11: null}\n"
        "rankings: {held-out: null}\nbest_of: null\nanswer_analyses: null",
    ],
)
def test_a_right_data_set_is_not_complained_of(overlay: str, tmp_path: Path) -> None:
    mine, pool = tmp_path / "mine.yaml", tmp_path / "pool.jsonl"
    pool.touch()
    mine.write_text(overlay.replace("path: x", f"path: {pool}") + "\n")
    wanted = yaml.safe_load(mine.read_text())["datasets"]
    found = load_recipe([PAPER, TABLE_10, mine]).datasets
    assert {name: name in found for name in wanted} == {name: spec is not None for name, spec in wanted.items()}
