"""How a training is begun, continued, told where to report, and read afterwards."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.training import MlflowTracking, RewardTraining, SftTraining, Tracking, WandbTracking
from janus_recipes.training.axolotl import axolotl_config, write_config
from janus_recipes.training.reward import RewardJob, origin
from janus_recipes.training.run import axolotl_environ, curve_of, keys_as_run, prepare_work, rows_dropped, tokens_read
from janus_recipes.training.tracking import Tracked
from janus_recipes.training.work import CLOCK, move_model, timed
from janus_recipes.workflow.specs import training_spec

ROOT = Path(__file__).parents[2]

CONFIG = Path("axolotl.yaml")


def sft(**changed: Any) -> SftTraining:
    values: dict[str, Any] = {"dataset": "sft", "gpus": 0, "sequence_len": 64, "batch_size": 1, "micro_batch_size": 1}
    values |= {"epochs": 1.0, "learning_rate": 1e-3, "warmup_steps": 0, "weight_decay": 0.0}
    return SftTraining(**{"method": "sft"} | values | changed)


def config_of(folder: Path, base: str = "hub/model", **changed: Any) -> Json:
    """A training's configuration with `folder`/work as its work folder."""
    return axolotl_config(
        sft(**changed),
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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("configuration", "another config\n"),
        ("data", "another datasets\n"),
        ("start", "another base\n"),
        ("batch", "another batch_size, gpus\n"),
        ("how often it is saved", ""),
        (None, ""),
    ],
)
def test_what_another_training_left_is_not_continued_from_and_the_log_says_why(
    tmp_path: Path, changed: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base, work, spec = tmp_path / "base", tmp_path / "work", sft(gpus=4, batch_size=32)
    base.mkdir()
    (base / "model.safetensors").write_text("one")
    (tmp_path / "sft.jsonl").write_text("{}\n")
    write_config(tmp_path / CONFIG, config_of(tmp_path, str(base), gpus=4, batch_size=32))
    prepare_work(tmp_path / CONFIG, work, spec)
    (work / "out" / "debris").mkdir(parents=True)
    if changed == "configuration":
        write_config(tmp_path / CONFIG, config_of(tmp_path, str(base), learning_rate=2e-3))
    elif changed == "data":
        (tmp_path / "sft.jsonl").write_text("{}\n{}\n")
    elif changed == "start":
        (base / "model.safetensors").write_text("two!")
    elif changed == "batch":  # 8 accumulated steps either way, so the same configuration
        spec = sft(gpus=8, batch_size=64)
        write_config(tmp_path / CONFIG, config_of(tmp_path, str(base), gpus=8, batch_size=64))
    elif changed == "how often it is saved":
        spec = sft(gpus=4, batch_size=32, saves_per_epoch=9)
        write_config(tmp_path / CONFIG, config_of(tmp_path, str(base), gpus=4, batch_size=32, saves_per_epoch=9))
    prepare_work(tmp_path / CONFIG, work, spec)
    assert (work / "out" / "debris").exists() is not bool(said)
    why = f"{work}: begins anew and deletes the checkpoints there, which are of a training with {said}"
    assert capsys.readouterr().err == (why if said else "")


def test_snakemake_trains_anew_for_other_gpus_and_another_batch_and_not_for_other_saves_or_hours() -> None:
    recipe = load_recipe([ROOT / "recipes" / "janus.yaml"])

    def spec_with(**changed: Any) -> str:
        model = recipe.models["janus-7b"]
        assert model.train is not None
        changed_model = model.model_copy(update={"train": model.train.model_copy(update=changed)})
        models = recipe.models | {"janus-7b": changed_model}
        return training_spec(recipe.model_copy(update={"models": models}), "janus-7b")

    assert spec_with(gpus=8, batch_size=64) != spec_with() == spec_with(saves_per_epoch=9, hours=1.0)
    rules = (ROOT / "rules" / "training.smk").read_text(encoding="utf-8")
    for rule in ("train_model", "train_reward_model"):
        assert "spec=lambda wildcards: specs.training_spec(" in rules.split(f"rule {rule}:")[1].split("\nrule ")[0]


def test_a_reward_model_is_not_continued_on_another_number_of_gpus(tmp_path: Path) -> None:
    spec = load_recipe([ROOT / "recipes" / "janus.yaml"]).models["janus-rm-stage1-7b"].train
    assert isinstance(spec, RewardTraining)
    for name in ("args", "data", "template"):
        (tmp_path / name).write_text(name)

    def origin_with(**changed: Any) -> Json:
        job = RewardJob(tmp_path / "args", tmp_path / "data", tmp_path / "template", "hub/model", spec)
        return origin(replace(job, spec=spec.model_copy(update=changed)))

    assert origin_with(gpus=8) != origin_with() == origin_with(saves_per_epoch=9, hours=1.0)


def test_how_often_a_training_is_saved_is_told_at_its_start_beside_the_configuration(tmp_path: Path) -> None:
    keys = config_of(tmp_path, saves_per_epoch=9)
    assert "saves_per_epoch" not in keys
    assert keys_as_run(keys, sft(saves_per_epoch=9), None)["saves_per_epoch"] == 9


def test_a_trainings_seconds_are_those_of_all_its_starts_also_of_one_that_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(StepError), timed(tmp_path, log):
        raise StepError("stopped")
    kept = json.loads((tmp_path / CLOCK).read_text())
    assert kept["began"] is None and kept["seconds"] < 5
    # 1,000 s in starts that ended, then one that was killed: it began at 5,000 and logged its last line at 5,600.
    (tmp_path / CLOCK).write_text('{"seconds": 1000.0, "began": 5000.0}')
    log.touch()
    os.utime(log, (5600, 5600))
    with timed(tmp_path, log) as seconds:
        assert 1600 <= seconds() < 1605
    assert 1600 <= json.loads((tmp_path / CLOCK).read_text())["seconds"] < 1605


@pytest.mark.parametrize(
    ("logged", "tokens"),
    [
        ([{"tokens/total": 64, "tokens/trainable": 9}, {"tokens/total": 99, "tokens/trainable": 20}], (99, 20)),  # SFT
        # Both count from 0 again at each start. 99 and 20 until the checkpoint, then 50 and 15: 149 and 35.
        (
            [
                {"tokens/total": 64, "tokens/trainable": 9},
                {"tokens/total": 99, "tokens/trainable": 20},
                {"tokens/total": 50, "tokens/trainable": 15},
            ],
            (149, 35),
        ),
        # DPO: 300 until the checkpoint, then 100 and 250: 550.
        ([{"num_tokens": 100.0}, {"num_tokens": 300.0}, {"num_tokens": 100.0}, {"num_tokens": 250.0}], (550, None)),
        ([{"loss": 1.0}], (None, None)),  # ORPO: nobody counts
    ],
)
def test_the_tokens_read_are_those_of_all_starts_and_unknown_where_nobody_counts_them(
    logged: list[Json], tokens: tuple[int | None, int | None]
) -> None:
    assert tokens_read({"log_history": logged}) == tokens


def test_a_half_prepared_data_set_is_prepared_again(tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("{}\n")
    write_config(tmp_path / CONFIG, config_of(tmp_path))
    prepare_work(tmp_path / CONFIG, tmp_path / "work", sft())
    (tmp_path / "work" / "prepared" / "abc").mkdir(parents=True)
    prepare_work(tmp_path / CONFIG, tmp_path / "work", sft())
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
