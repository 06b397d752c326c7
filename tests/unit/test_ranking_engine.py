"""What the scoring engine is told, what it sums, and when its rows are begun anew; tests/contract runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from janus_recipes.files import write_jsonl
from janus_recipes.generation.run import REQUESTS, ROWS, write_job
from janus_recipes.ranking.engine import Conversation, answer_sum, row_of
from janus_recipes.ranking.run import ScoringCounts, counts_of, engine_settings, score_of, scoring_job
from janus_recipes.recipe.schema import Generation, GenerationSampling
from tests.tables import REWARD, recipe

SPEC = Generation(sampling=GenerationSampling(max_tokens=8), max_model_len=16)


def test_the_answers_tokens_are_summed_and_not_the_prompts() -> None:
    # Five tokens, three of them the prompt. The values are those of tokens 2 to 5: -0.25 and -0.5 are the answer's.
    side = Conversation([1, 7, 7, 8, 2], prompt=3, fault="")
    assert answer_sum([-100.0, -100.0, -0.25, -0.5], side) == -0.75
    with pytest.raises(RuntimeError, match="gave 3 log-probabilities for 5 tokens"):
        answer_sum([-100.0, -0.25, -0.5], side)


@pytest.mark.parametrize("broken", [float("nan"), float("-inf")])
def test_a_score_that_is_no_number_fails_the_pair_and_says_so(broken: float) -> None:
    sides = {"chosen": Conversation([1, 2], 1, ""), "rejected": Conversation([1, 2, 3], 1, "")}
    row = row_of("i-1/0", sides, "", {"chosen": 1.0, "rejected": broken})
    assert (row["status"], row["value"], row["tokens"]) == ("failed", None, 5)
    assert f"1.0 and {broken}" in row["reason"]


def test_a_reward_model_is_read_for_its_reward_and_any_other_for_log_probabilities() -> None:
    models = recipe(models=("mistral-7b-v0.2", "janus-7b", "janus-rm-7b"), trains={"janus-rm-7b": REWARD}).models
    assert {name: score_of(model) for name, model in models.items()} == {
        "mistral-7b-v0.2": "log-probability",
        "janus-7b": "log-probability",
        "janus-rm-7b": "reward",
    }


def test_all_logits_of_a_long_prompt_are_never_held_at_once_on_a_gpu() -> None:
    assert engine_settings(SPEC, "log-probability")["max_num_batched_tokens"] == 2048
    assert "max_num_batched_tokens" not in engine_settings(SPEC, "reward")
    assert engine_settings(SPEC.model_copy(update={"gpus": 0}), "reward")["enforce_eager"]


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, True),
        ({"spec": SPEC.model_copy(update={"chunk": 1, "gpus": 2})}, True),
        ({"spec": SPEC.model_copy(update={"dtype": "float32"})}, False),
        ({"score": "reward"}, False),
        ({"model": "hub/another"}, False),
        ({"chat_template": "another"}, False),
    ],
)
def test_scores_are_continued_unless_something_that_decides_them_changed(
    tmp_path: Path, changed: dict[str, Any], kept: bool
) -> None:
    settings: dict[str, Any] = {"spec": SPEC, "score": "log-probability", "model": "hub/model", "revision": None}
    settings["chat_template"] = "t"
    write_jsonl(tmp_path / REQUESTS, [{"id": "a"}])
    write_job(tmp_path, scoring_job(work=tmp_path, **settings))
    write_jsonl(tmp_path / ROWS, [{"id": "a"}])
    write_job(tmp_path, scoring_job(work=tmp_path, **settings | changed))
    assert (tmp_path / ROWS).exists() is kept


def test_other_pairs_are_scored_from_the_beginning(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"model": "hub/model", "revision": None, "chat_template": "t"}
    for pairs in ([{"id": "a"}], [{"id": "a", "chosen": "changed"}]):
        write_jsonl(tmp_path / REQUESTS, pairs)
        write_job(tmp_path, scoring_job(SPEC, "reward", tmp_path, **settings))
        left = (tmp_path / ROWS).exists()
        write_jsonl(tmp_path / ROWS, [{"id": "a"}])
    assert not left


def test_pairs_are_counted_by_status_and_tokens_of_both_sides_are_told() -> None:
    rows = [{"status": "ok", "tokens": 30}, {"status": "ok", "tokens": 20}, {"status": "failed", "tokens": 500}]
    assert counts_of(rows) == ScoringCounts({"ok": 2, "failed": 1}, 550)
