"""Real reward trainings by the real OpenRLHF, on a CPU: both stages, killed, continued, loaded again."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from math import log
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import Json, write_json, write_jsonl
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.training.curves import CurvePoint
from janus_recipes.training.engine import START
from janus_recipes.training.openrlhf import about, openrlhf_flags, write_args
from janus_recipes.training.openrlhf_changes import STEPS as STEPS_FILE
from janus_recipes.training.openrlhf_launch import CHECKPOINTS
from janus_recipes.training.reward import LOG, RewardJob, RewardResult, last_step, train_reward

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

TINY: dict[str, Any] = {
    "method": "reward",
    "dataset": "pairs",
    "gpus": 0,
    "batch_size": 8,
    "micro_batch_size": 4,
    "sequence_len": 64,
    "epochs": 1,
    "learning_rate": 2e-3,
    "weight_decay": 0.0,
    "gradient_checkpointing": False,
    "attention": "sdpa",
    "saves_per_epoch": 4,
}
PAIRS = 192
STEPS = 24  # 192 pairs in batches of 8; a checkpoint after each sixth

GOOD, BAD = "A few kind words to a friend.", "friend. a to words kind few A"

STEP = """
import pickle, sys
from pathlib import Path
from janus_recipes.training.reward import train_reward
job, work, out, environment = pickle.loads(sys.stdin.buffer.read())
train_reward(job, work, out, environment=environment)
"""

SCORE = """
import json, sys, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(model)
reward = AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32).eval()
def scored(texts):
    batch = tokenizer(texts, add_special_tokens=False, padding=True, padding_side="right", return_tensors="pt")
    with torch.no_grad():
        return reward(**batch).logits[:, 0].tolist()
def at_the_last_token(text):
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return reward.score(reward.model(ids).last_hidden_state[0, -1]).item()
print(json.dumps({"together": scored(texts), "at the end": [at_the_last_token(text) for text in texts]}))
"""


class Trained(NamedTuple):
    """What a training left behind."""

    job: RewardJob
    out: Path
    result: RewardResult
    points: list[CurvePoint]


def side(number: int, answer: str, before: str = "") -> list[Json]:
    words = f"{before}Say the word {number}."
    return [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]


def job_in(folder: Path, start: Path, pairs: list[Json], **changed: Any) -> RewardJob:
    """A training in `folder`/work on `pairs`."""
    spec = RewardTraining(**TINY | changed)
    write_jsonl(folder / "pairs.jsonl", pairs)
    flags = openrlhf_flags(spec, start=str(start), work=folder / "work", seed=7)
    write_args(folder / "openrlhf.args", flags, about=about(spec))
    return RewardJob(folder / "openrlhf.args", folder / "pairs.jsonl", TEMPLATE, str(start), spec)


def pairs(rows: int = PAIRS) -> list[Json]:
    return [{"id": f"p-{n}", "chosen": side(n, GOOD), "rejected": side(n, BAD)} for n in range(rows)]


def trained(folder: Path, openrlhf: Path, job: RewardJob) -> Trained:
    return Trained(job, folder / "model", *train_reward(job, folder / "work", folder / "model", environment=openrlhf))


@pytest.fixture(scope="module")
def start(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base with a tokenizer that names no padding, as Mistral's own: OpenRLHF then pads with the end token."""
    folder = tmp_path_factory.mktemp("start") / "base"
    shutil.copytree(tiny_base, folder)
    for name, key in (("tokenizer_config.json", "pad_token"), ("config.json", "pad_token_id")):
        settings = json.loads((folder / name).read_text())
        del settings[key]
        write_json(folder / name, settings)
    return folder


@pytest.fixture(scope="module")
def stage1(openrlhf: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A first stage on pairs of which one cannot be read: its answer alone has 100 words."""
    folder = tmp_path_factory.mktemp("stage1")
    long = {"id": "p-long", "chosen": side(0, "kind " * 100), "rejected": side(0, BAD)}
    cut = {"id": "p-cut", "chosen": side(0, GOOD, "many words " * 50), "rejected": side(0, BAD, "many words " * 50)}
    return trained(folder, openrlhf, job_in(folder, start, [*pairs(PAIRS - 1), long, cut]))


def test_a_first_stage_learns_which_answer_is_chosen_and_counts_what_it_could_not_read(stage1: Trained) -> None:
    result, points = stage1.result, stage1.points
    assert [point.step for point in points] == list(range(1, STEPS + 1))
    # A new head knows nothing: -ln(sigmoid(r - r')) = ln 2 where both rewards are the same.
    assert points[0].loss == pytest.approx(log(2), abs=0.1)
    assert result.last_loss < 0.3 and result.reward_accuracy == 1.0
    assert (result.rows, result.rows_cut, result.rows_dropped) == (PAIRS + 1, 1, 1)
    rates = [point.learning_rate for point in points]
    assert max(rates) == pytest.approx(2e-3) and rates[-1] == 0.0  # a plain cosine, down to nothing


def test_its_rewards_are_read_at_the_end_token_also_in_a_padded_batch(openrlhf: Path, stage1: Trained) -> None:
    texts = [f"<s>[INST] Say the word {n}. [/INST] {answer}</s>" for n, answer in ((3, GOOD), (44, BAD))]
    command = [openrlhf / "bin" / "python", "-c", SCORE, stage1.out, json.dumps(texts)]
    scores = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert scores["together"] == pytest.approx(scores["at the end"], abs=1e-3)
    assert scores["together"][0] > scores["together"][1] + 1


def test_epochs_that_no_batch_fills_whole_end_where_the_learning_rate_does(
    openrlhf: Path, start: Path, tmp_path: Path
) -> None:
    # 22 pairs are 2 batches of 8 in each of 4 epochs; with the 6 left over, OpenRLHF would make 20 x 4 / 8 = 10 steps.
    result, points = trained(tmp_path, openrlhf, job_in(tmp_path, start, pairs(rows=22), epochs=4))[2:]
    assert [point.step for point in points] == list(range(1, 9)) and result.rows_left_over == 6
    assert points[-1].learning_rate == 0.0 and points[-2].learning_rate > 0


def test_a_second_stage_goes_on_with_the_head_of_the_first(openrlhf: Path, stage1: Trained, tmp_path: Path) -> None:
    kept = trained(tmp_path, openrlhf, job_in(tmp_path, stage1.out, pairs(rows=64), head="keep"))
    assert kept.points[0].loss < stage1.result.last_loss + 0.1  # it knew these pairs: the loss before its first step


def test_a_head_cannot_be_kept_from_a_model_that_has_none(openrlhf: Path, start: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no value head"):
        trained(tmp_path, openrlhf, job_in(tmp_path, start, pairs(rows=8), head="keep"))


def test_less_than_one_batch_and_flags_that_openrlhf_does_not_know_are_refused_before_anything_is_loaded(
    openrlhf: Path, start: Path, tmp_path: Path
) -> None:
    with pytest.raises(StepError, match="7 pairs are less than one batch of 8"):
        trained(tmp_path, openrlhf, job_in(tmp_path, start, pairs(rows=7)))
    with pytest.raises(
        StepError, match=r"--train.max_epoch: OpenRLHF knows no such flag \(did you mean --train.max_ep"
    ):
        trained(tmp_path, openrlhf, job_in(tmp_path, start, pairs(rows=8), openrlhf={"train.max_epoch": 2}))


def started(job: RewardJob, folder: Path, openrlhf: Path) -> subprocess.Popen[bytes]:
    """The same training in a process of its own."""
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    step = subprocess.Popen([sys.executable, "-c", STEP], env=environ, **pipes)  # type: ignore[call-overload]
    step.stdin.write(pickle.dumps((job, folder / "work", folder / "model", openrlhf)))
    step.stdin.close()
    Thread(target=step.stderr.read).start()  # nobody else empties it
    return step  # type: ignore[no-any-return]


def wait_until(condition: Callable[[], bool], step: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert step.poll() is None, "the training ended too early"
        time.sleep(0.01)


def test_a_stage_that_was_stopped_and_then_killed_ends_as_one_that_was_not(
    openrlhf: Path, start: Path, stage1: Trained, tmp_path: Path
) -> None:
    job, work = job_in(tmp_path, start, []), tmp_path / "work"
    job.data.write_bytes(stage1.job.data.read_bytes())
    step = started(job, tmp_path, openrlhf)
    wait_until(lambda: (work / STEPS_FILE).exists() and (work / STEPS_FILE).stat().st_size > 0, step)
    step.terminate()
    step.wait()
    stopped_at = last_step(work / CHECKPOINTS)
    assert stopped_at is not None and stopped_at % 6  # not one of its own checkpoints, which come every six steps
    assert f"SIGTERM: a checkpoint was saved at step {stopped_at}" in (work / LOG).read_text()

    step = started(job, tmp_path, openrlhf)
    wait_until(lambda: (last_step(work / CHECKPOINTS) or 0) > stopped_at, step)
    step.kill()
    step.wait()
    killed_at = last_step(work / CHECKPOINTS)
    assert not (tmp_path / "model").exists()
    torn = work / CHECKPOINTS / "global_step999"
    torn.mkdir()
    (torn / "zero_pp_rank_0_mp_rank_00_model_states.pt").write_bytes(b"half")

    ended = trained(tmp_path, openrlhf, job)

    assert killed_at is not None
    starts = (work / LOG).read_text().split(START)[1:]
    for log_text, begun_at in zip(starts[1:], (stopped_at, killed_at), strict=True):
        assert f"consumed_samples: {begun_at * 8}\n" in log_text
    assert [point.step for point in ended.points] == list(range(1, STEPS + 1))  # whole, with the steps from before
    assert [point.loss for point in ended.points] == pytest.approx([point.loss for point in stage1.points], abs=0.02)
    assert (ended.out / "model.safetensors").read_bytes() == (stage1.out / "model.safetensors").read_bytes()
