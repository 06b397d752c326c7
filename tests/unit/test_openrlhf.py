"""A reward training as OpenRLHF's flags, and what a stopped one continues from."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import RecipeError, StepError
from janus_recipes.files import write_json, write_jsonl
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.openrlhf_names import SET_ELSEWHERE
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.training.openrlhf import about, openrlhf_flags, write_args
from janus_recipes.training.openrlhf_flags import read_args
from janus_recipes.training.openrlhf_launch import FINISHED, MODEL, flags_by_rows
from janus_recipes.training.reward import (
    STEPS,
    RewardJob,
    check_head,
    keep_steps,
    keep_whole_checkpoints,
    last_step,
    origin,
    train_reward,
)
from janus_recipes.training.reward_rows import PREPARED
from janus_recipes.training.work import begin

PAPER = Path("recipes/janus.yaml")


def reward(model: str = "janus-rm-stage1-7b") -> RewardTraining:
    training = load_recipe([PAPER]).models[model].train
    assert isinstance(training, RewardTraining)
    return training


def flags(**changed: Any) -> dict[str, Any]:
    spec = RewardTraining(**reward().model_dump() | changed)
    return openrlhf_flags(spec, start="results/janus/models/start/weights", work=Path("work/rm"), seed=3)


def test_the_papers_reward_model_in_todays_flags() -> None:
    # Appendix D.1: length 2048, micro batch 8, batch 128, betas 0.9 and 0.95, rate 9e-6, no decay, cosine, 3% warm-up.
    paper = {
        "data.max_len": 2048,
        "train.micro_batch_size": 8,
        "train.batch_size": 128,
        "adam.betas": [0.9, 0.95],
        "adam.lr": 9.0e-6,
        "adam.weight_decay": 0.0,
        "lr_scheduler": "cosine",
        "lr_warmup_ratio": 0.03,
        "ds.zero_stage": 3,
        "ds.param_dtype": "bf16",
        "ds.attn_implementation": "flash_attention_2",
        "model.gradient_checkpointing_enable": True,
    }
    assert paper.items() <= flags().items()


def test_flags_are_written_one_a_line_and_read_as_they_were_meant(tmp_path: Path) -> None:
    written = flags(
        openrlhf={"ds.adam_offload": True, "ds.overlap_comm": False, "ds.zpg": 4, "logger.wandb.group": "a b"}
    )
    write_args(tmp_path / "a.args", written, about=about(reward("janus-rm-7b")))
    first, *lines = (tmp_path / "a.args").read_text().splitlines()
    assert first.startswith("# ") and "the start's value head is kept" in first
    assert {"--ds.adam_offload", "--ds.zpg 4", "--logger.wandb.group 'a b'", "--adam.betas 0.9 0.95"} <= set(lines)
    assert not any("overlap_comm" in line for line in lines)  # false: left out
    words = read_args(tmp_path / "a.args")
    assert words[words.index("--logger.wandb.group") + 1] == "a b"


def test_every_flag_of_ours_is_refused_in_a_recipe() -> None:
    assert set(flags()) <= set(SET_ELSEWHERE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epochs: 1.5", "models.mine.train.epochs: OpenRLHF trains whole epochs, not 1.5"),
        ("precision: fp32", "models.mine.train.precision: OpenRLHF trains in bf16"),
        ("lr_scheduler: rex", "models.mine.train.lr_scheduler: OpenRLHF has no scheduler rex"),
        ("openrlhf: {adam.lr: 0.1}", "set by the recipe's train.learning_rate"),
        ("openrlhf: {data.max_samples: 7}", "set by the project, which renders the rows"),
        ("openrlhf: {ds.lora.rank: 16}", "set by the project, which trains and saves all weights"),
        ("openrlhf: {ds.load_in_4bit: true}", "set by the project, which trains and saves all weights"),
        ("openrlhf: {ds.ring_attn_size: 2}", "set by the project, where each GPU reads rows of its own"),
        ("openrlhf: {ds.tensor_parallel_size: 2}", "set by the project, where each GPU reads rows of its own"),
        ("openrlhf: {local_rank: 1}", "set by the project, where each GPU reads rows of its own"),
        ("openrlhf: {ckpt.disable_ds: true}", "set by the project, which looks for its files there"),
        ("openrlhf: {ds.packing_samples: true}", "set by the project, whose locked environment has no flash-attn"),
        ("openrlhf: {adam.epsilon: 0.1}", "OpenRLHF knows no such flag (did you mean adam.eps?)"),
        ("openrlhf: {ds.grad_accum: bf16}", "OpenRLHF knows no such flag (did you mean ds.grad_accum_dtype?)"),
        ("openrlhf: {--max_norm: 0.5}", "they are written without dashes here (did you mean max_norm?)"),
        ("openrlhf: {help: true}", "models.mine.train.openrlhf.help: OpenRLHF knows no such flag"),
        ("betas: [0.9, 1.0]", "models.mine.train.betas.1: "),
        ("start: null", "train.start: OpenRLHF takes no revision of a hub's model: name a trained model, or fetch"),
    ],
)
def test_what_openrlhf_cannot_do_is_said_before_anything_is_paid_for(tmp_path: Path, line: str, said: str) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"models:\n  mine:\n    extends: janus-rm-stage1-7b\n    train:\n      {line}\n")
    with pytest.raises(RecipeError, match=re.escape(said)) as found:
        load_recipe([PAPER, mine])
    assert "mine.yaml:5" in str(found.value)


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> None:
    made = folder / f"global_step{step}"
    made.mkdir(parents=True)
    with zipfile.ZipFile(made / "zero_pp_rank_0_mp_rank_00_model_states.pt", "w") as states:
        states.writestr("data", b"weights")
    if whole:
        write_json(made / "metric.json", {"metric_value": None})


def test_a_half_written_checkpoint_is_removed_and_the_one_before_it_named(tmp_path: Path) -> None:
    checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 20)
    checkpoint(tmp_path, 30, whole=False)
    (tmp_path / "latest").write_text("")  # torn
    keep_whole_checkpoints(tmp_path)
    assert (tmp_path / "latest").read_text() == "global_step20"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["global_step10", "global_step20", "latest"]
    assert last_step(tmp_path) == 20


def test_a_checkpoint_with_a_torn_file_is_not_whole(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    checkpoint(tmp_path, 100)  # newer than 9, also where names are sorted as texts
    assert last_step(tmp_path) == 100
    states = tmp_path / "global_step100" / "zero_pp_rank_0_mp_rank_00_model_states.pt"
    states.write_bytes(states.read_bytes()[:-8])
    assert last_step(tmp_path) == 9


def test_without_a_whole_checkpoint_a_training_begins_anew(tmp_path: Path) -> None:
    checkpoint(tmp_path / "c", 10, whole=False)
    keep_whole_checkpoints(tmp_path / "c")
    assert not (tmp_path / "c").exists() and last_step(tmp_path / "c") is None
    keep_whole_checkpoints(tmp_path / "never")


def test_steps_after_the_checkpoint_and_a_torn_line_are_left_out_since_they_come_again(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": 0.5}) for step in (1, 2, 3)]
    (tmp_path / "steps.jsonl").write_text("\n".join([*lines, '{"step": 4, "lo']))
    keep_steps(tmp_path / "steps.jsonl", until=2)
    assert [json.loads(line)["step"] for line in (tmp_path / "steps.jsonl").read_text().splitlines()] == [1, 2]
    keep_steps(tmp_path / "none.jsonl", until=0)
    assert (tmp_path / "none.jsonl").read_text() == ""


def test_rows_that_fill_no_batch_are_left_out_of_every_epoch() -> None:
    # 44 pairs are 5 batches of 8, 40 pairs; two checkpoints an epoch are one after each second step.
    job = {"batch_size": 8, "saves_per_epoch": 2}
    assert flags_by_rows(job, 44) == ["--data.max_samples", "40", "--ckpt.save_steps", "2"]
    assert flags_by_rows(job | {"saves_per_epoch": 9}, 44)[-1] == "1"


def tensors(path: Path, *names: str) -> None:
    """A safetensors file of so many tensors without a value."""
    header = json.dumps({name: {} for name in names}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def test_what_openrlhf_saved_without_a_value_head_is_no_finished_model(tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "weights"
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("")
    job = RewardJob(tmp_path / "a", tmp_path / "b", tmp_path / "c", "org/base", reward())
    begin(work, origin(job))
    write_json(work / PREPARED, {"rows": 256, "cut": 0, "dropped": 0, "kept": 256, "pad_token": "<unk>"})
    step = {"epoch": 1.0, "learning_rate": 0.1, "reward_accuracy": 1.0, "tokens": 9, "tokens_per_second": 9.0}
    write_jsonl(work / STEPS, ({"step": number, "loss": 0.7 / number, **step} for number in (1, 2)))
    write_json(work / FINISHED, {})
    (work / MODEL).mkdir()
    (work / MODEL / "config.json").write_text("{}")
    tensors(work / MODEL / "model.safetensors", "model.norm.weight")
    with pytest.raises(StepError, match=r"saved no value head \(score.weight\)"):
        train_reward(job, work, out, environment=tmp_path)
    assert not out.exists()
    tensors(work / MODEL / "model.safetensors", "model.norm.weight", "score.weight")
    result, _ = train_reward(job, work, out, environment=tmp_path)
    assert result.steps == 2 and (out / "model.safetensors").exists()


def test_a_head_is_kept_only_from_weights_that_have_one(tmp_path: Path) -> None:
    job = RewardJob(Path("a"), Path("b"), Path("c"), str(tmp_path), reward("janus-rm-7b"))
    tensors(tmp_path / "model-00001-of-00002.safetensors")
    tensors(tmp_path / "model-00002-of-00002.safetensors", "model.norm.weight", "score.weight")
    check_head(job)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(StepError, match=r"no value head \(score.weight\) to keep"):
        check_head(job)
