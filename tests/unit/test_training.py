"""How a training is begun, continued, told where to report, and read afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.recipe.training import MlflowTracking, SftTraining, Tracking, WandbTracking
from janus_recipes.training.axolotl import axolotl_config, write_config
from janus_recipes.training.run import axolotl_environ, curve_of, prepare_work, rows_dropped
from janus_recipes.training.tracking import Tracked
from janus_recipes.training.work import move_model

CONFIG = Path("axolotl.yaml")


def config_of(folder: Path, base: str = "hub/model", **changed: Any) -> Json:
    """A training's configuration with `folder`/work as its work folder."""
    values: dict[str, Any] = {"dataset": "sft", "gpus": 0, "sequence_len": 64, "batch_size": 1, "micro_batch_size": 1}
    values |= {"epochs": 1.0, "learning_rate": 1e-3, "warmup_steps": 0, "weight_decay": 0.0}
    return axolotl_config(
        SftTraining(**{"method": "sft"} | values | changed),
        base=base,
        revision=None,
        chat_template="a\nb\n",
        dataset=folder / "sft.jsonl",
        work=folder / "work",
        seed=7,
    )


def test_the_curve_holds_what_the_trainer_logged_of_each_step() -> None:
    step = {"step": 1, "epoch": 0.5, "loss": 0.69, "learning_rate": 1e-3}
    pairs = step | {"step": 2, "rewards/accuracies": 0.75, "tokens/train_per_sec_per_gpu": 12.5}
    # transformers ends the log with a summary that holds no loss of a step
    points = curve_of({"log_history": [step, pairs, {"step": 2, "train_runtime": 1.0}]})
    assert [(point.step, point.reward_accuracy, point.tokens_per_second) for point in points] == [
        (1, None, None),
        (2, 0.75, 12.5),
    ]


def test_rows_left_out_are_counted_at_the_last_start_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = "=== janus train: x\nDropped 9 sequences outside valid range ([None, 64])\n"
    second = first.replace("9", "3") + "Dropped 2 samples with no trainable tokens\n"
    log.write_text(first + second)
    assert rows_dropped(log) == 5


@pytest.mark.parametrize("changed", ["configuration", "data", "start", None])
def test_what_another_training_left_is_not_continued_from(tmp_path: Path, changed: str | None) -> None:
    base, work = tmp_path / "base", tmp_path / "work"
    base.mkdir()
    (base / "model.safetensors").write_text("one")
    (tmp_path / "sft.jsonl").write_text("{}\n")
    write_config(tmp_path / CONFIG, config_of(tmp_path, str(base)))
    prepare_work(tmp_path / CONFIG, work)
    (work / "out" / "debris").mkdir(parents=True)
    if changed == "configuration":
        write_config(tmp_path / CONFIG, config_of(tmp_path, str(base), learning_rate=2e-3))
    elif changed == "data":
        (tmp_path / "sft.jsonl").write_text("{}\n{}\n")
    elif changed == "start":
        (base / "model.safetensors").write_text("two!")
    prepare_work(tmp_path / CONFIG, work)
    assert (work / "out" / "debris").exists() is (changed is None)


def test_a_half_prepared_data_set_is_prepared_again(tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("{}\n")
    write_config(tmp_path / CONFIG, config_of(tmp_path))
    prepare_work(tmp_path / CONFIG, tmp_path / "work")
    (tmp_path / "work" / "prepared" / "abc").mkdir(parents=True)
    prepare_work(tmp_path / CONFIG, tmp_path / "work")
    assert not (tmp_path / "work" / "prepared").exists()


def test_a_model_moves_whole_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "old.safetensors").write_text("old")
    (tmp_path / "new.safetensors").write_text("new")
    move_model([tmp_path / "new.safetensors"], tmp_path / "weights")
    assert [file.name for file in (tmp_path / "weights").iterdir()] == ["new.safetensors"]


@pytest.mark.parametrize(("attention", "offline"), [("sdpa", True), ("flash_attention_2", False)])
def test_the_hub_is_left_alone_where_base_and_attention_are_local(
    tmp_path: Path, attention: str, offline: bool
) -> None:
    write_config(tmp_path / CONFIG, config_of(tmp_path, str(tmp_path), attention=attention))
    environ = axolotl_environ(tmp_path / CONFIG, Path(".envs/axolotl"), {"PATH": "/bin"})
    assert ("HF_HUB_OFFLINE" in environ) is offline
    assert environ["PATH"] == ".envs/axolotl/bin:/bin"


ALL = Tracking(
    wandb=WandbTracking(project="janus", entity="us"),
    mlflow=MlflowTracking(uri="http://localhost:5000", experiment="janus"),
    tensorboard="events",
)


def test_each_engine_is_told_of_the_recipes_trackers_and_of_no_key(tmp_path: Path) -> None:
    tracked = Tracked(ALL, "paper-janus-7b", tmp_path / "wandb")
    assert tracked.axolotl_keys() == {
        "wandb_project": "janus",
        "wandb_entity": "us",
        "wandb_name": "paper-janus-7b",
        "mlflow_tracking_uri": "http://localhost:5000",
        "mlflow_experiment_name": "janus",
        "mlflow_run_name": "paper-janus-7b",
        "use_tensorboard": True,
    }
    assert tracked.environ() == {
        "WANDB_DIR": str(tmp_path / "wandb"),
        "TENSORBOARD_LOGGING_DIR": "events/paper-janus-7b",
    }
    flags = " ".join(tracked.openrlhf_flags())
    assert "--logger.wandb.key WANDB_API_KEY" in flags  # the variable's name, not its value
    assert "--logger.wandb.run_name paper-janus-7b" in flags and "--logger.tensorboard_dir events" in flags


def test_nothing_is_told_where_the_recipe_tracks_nothing(tmp_path: Path) -> None:
    tracked = Tracked(Tracking(), "paper-janus-7b", tmp_path / "wandb")
    tracked.check(tmp_path, {})
    assert (tracked.axolotl_keys(), tracked.environ(), tracked.openrlhf_flags()) == ({}, {}, [])


def test_a_tracker_that_is_not_installed_or_has_no_key_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.11/site-packages/wandb").mkdir(parents=True)
    (tmp_path / "lib/python3.11/site-packages/wandb/__init__.py").touch()
    tracked = Tracked(ALL.model_copy(update={"tensorboard": None}), "paper-janus-7b", tmp_path)
    with pytest.raises(StepError) as refused:
        tracked.check(tmp_path, {})
    mlflow, key = str(refused.value).splitlines()
    assert mlflow.startswith(f"tracking.mlflow: {tmp_path} holds no mlflow: `uv pip install")
    assert key == "tracking.wandb: WANDB_API_KEY is not set; set it, or WANDB_MODE=offline"
    with pytest.raises(StepError, match=r"^tracking\.mlflow: .*$"):
        tracked.check(tmp_path, {"WANDB_MODE": "offline"})
