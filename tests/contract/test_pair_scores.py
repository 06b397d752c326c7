"""What vLLM makes of pairs is what transformers makes of them, for language models and reward models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.best_of.rewards import reward_samples
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.generation.engine import append_rows
from janus_recipes.generation.run import REQUESTS, ROWS, write_job
from janus_recipes.ranking.run import Score, ScoringCounts, score_pairs, scoring_job
from janus_recipes.recipe.schema import Generation, GenerationSampling
from janus_recipes.records import Asked, Status, read_asked, row_of

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "prompts" / "chat" / "mistral.jinja").read_text(encoding="utf-8")
SPEC = Generation(sampling=GenerationSampling(max_tokens=8), max_model_len=128, dtype="float32", gpus=0, chunk=2)

ANSWERS = {
    "words": ("Seven, friend.", "Seven words, kind friend, in a few words."),
    "one token": ("a", "b"),
    "multi-byte": ("我叫小明。👋🏽", "à bientôt"),
    "the template's own words": ("[INST] yes [/INST]", "no </s> no"),
    "too long": ("Seven, friend.", "many words " * 200),
    "done": ("Seven, friend.", "Eight, friend."),
}
"""Chosen and rejected answers, by pair."""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    prompt = [{"role": "system", "content": "Be kind.\nBe brief."}, {"role": "user", "content": "Say the word 7."}]
    rows = (
        {
            "id": name,
            "instruction_id": "i-7",
            **{
                side: [*prompt, {"role": "assistant", "content": answer}]
                for side, answer in zip(("chosen", "rejected"), answers, strict=True)
            },
        }
        for name, answers in ANSWERS.items()
    )
    write_jsonl(path, rows)
    return path


@pytest.fixture(scope="module")
def by_hand(vllm: Path, tiny_base: Path, pairs: Path) -> Json:
    """What transformers gives to each side; a reward model is made beside the pairs."""
    out = pairs.with_name("by_hand.json")
    command = [vllm / "bin" / "python", ROOT / "tests" / "contract" / "score_by_hand.py"]
    arguments = [tiny_base, pairs.with_name("reward"), pairs, out]
    subprocess.run([*command, *arguments], check=True, env=dict(os.environ) | {"HF_HUB_OFFLINE": "1"})
    found: Json = json.loads(out.read_text(encoding="utf-8"))
    return found


def model_settings(model: Path) -> Json:
    return {"model": str(model), "revision": None, "chat_template": TEMPLATE}


def scored(
    score: Score, model: Path, vllm: Path, pairs: Path, folder: Path
) -> tuple[ScoringCounts, dict[str, Asked[Any]]]:
    """The rows of a model by pair. Of the pair `done` a row lies there already, as a killed run leaves it."""
    work, out = folder / "work", folder / "scores.jsonl"
    work.mkdir()
    shutil.copyfile(pairs, work / REQUESTS)
    write_job(work, scoring_job(SPEC, score, work, **model_settings(model)))
    there = {"status": "ok", "value": {"chosen": 99.0, "rejected": 98.0}, "raw": "", "attempts": 1, "reason": ""}
    append_rows(work / ROWS, [{"id": "done", "tokens": 10, **there}])
    counts = score_pairs(pairs, SPEC, score, environment=vllm, work=work, out=out, **model_settings(model))
    return counts, {row.id: row for row in read_asked(out, dict)}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("score", ["log-probability", "reward"])
def test_vllm_scores_pairs_as_transformers_does(
    score: Score, vllm: Path, tiny_base: Path, pairs: Path, by_hand: Json, tmp_path: Path
) -> None:
    model = tiny_base if score == "log-probability" else pairs.with_name("reward")
    counts, rows = scored(score, model, vllm, pairs, tmp_path)
    assert list(rows) == list(ANSWERS)
    for name in ANSWERS.keys() - {"too long", "done"}:
        expected = {side: by_hand[name][side][score] for side in ("chosen", "rejected")}
        assert rows[name].value == pytest.approx(expected, abs=1e-4), name
        assert abs(expected["chosen"] - expected["rejected"]) > 0.05, "the two sides are told apart by more than noise"
    assert rows["too long"].status is Status.FAILED and "rejected: " in rows["too long"].reason
    assert "max_model_len 128" in rows["too long"].reason
    assert rows["done"].value == {"chosen": 99.0, "rejected": 98.0}  # not scored again
    assert counts.by_status == {"ok": 5, "failed": 1}


@pytest.mark.timeout(600)
def test_vllm_rewards_samples_as_transformers_does(
    vllm: Path, tiny_base: Path, pairs: Path, by_hand: Json, tmp_path: Path
) -> None:
    # Each pair's two answers as the samples 0 and 1 of an instance, and a third one that was never written.
    samples, out, work = tmp_path / "samples.jsonl", tmp_path / "rewards.jsonl", tmp_path / "work"
    rows = [
        Asked(f"{name}/{number}", Status.OK, answer)
        for name, answers in ANSWERS.items()
        for number, answer in enumerate(answers)
    ]
    write_jsonl(samples, map(row_of, [*rows, Asked("done/2", Status.FAILED, None, reason="no room")]))
    prompts = {row["id"]: row["chosen"][:-1] for row in read_jsonl(pairs)}
    settings = model_settings(pairs.with_name("reward"))
    counts = reward_samples(samples, prompts, SPEC, environment=vllm, work=work, out=out, **settings)
    found = {row.id: row for row in read_asked(out, float)}
    assert list(found) == [*(row.id for row in rows), "done/2"]
    for name in ANSWERS.keys() - {"too long"}:
        expected = [by_hand[name][side]["reward"] for side in ("chosen", "rejected")]
        assert [found[f"{name}/{number}"].value for number in (0, 1)] == pytest.approx(expected, abs=1e-4), name
    assert found["too long/1"].status is Status.FAILED and "max_model_len 128" in found["too long/1"].reason
    assert found["done/2"].status is Status.MISSING
    assert counts.by_status == {"ok": 11, "failed": 1, "missing": 1}
