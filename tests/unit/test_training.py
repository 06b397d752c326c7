"""What a training is told, and what it is refused for afterwards."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.recipe.schema import Training
from janus_recipes.training.axolotl import axolotl_config, write_config
from janus_recipes.training.run import axolotl_environ, check_learned, loss_curve, prepare_work, rows_dropped

CONFIG = Path("axolotl.yaml")


def training(**changed: Any) -> Training:
    values: dict[str, Any] = {
        "dataset": "sft",
        "gpus": 0,
        "sequence_len": 64,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "epochs": 1.0,
        "learning_rate": 1e-3,
        "warmup_steps": 0,
        "weight_decay": 0.0,
    }
    return Training(**values | changed)


def config_of(spec: Training, tmp_path: Path, base: str = "hub/model") -> Json:
    return axolotl_config(
        spec, base=base, revision=None, chat_template="a\nb\n", dataset=tmp_path / "sft.jsonl", work=tmp_path, seed=7
    )


def state(losses: list[float], max_steps: int | None = None) -> Json:
    history = [
        {"step": step, "epoch": step / len(losses), "loss": loss, "learning_rate": 1e-3}
        for step, loss in enumerate(losses, start=1)
    ]
    done = len(losses)
    # transformers ends the log with a summary that holds no loss of a step
    return {"global_step": done, "max_steps": max_steps or done, "log_history": [*history, {"train_runtime": 1.0}]}


def test_the_recipes_own_axolotl_keys_win_and_null_removes_one(tmp_path: Path) -> None:
    config = config_of(training(axolotl={"deepspeed": "zero3.json", "warmup_steps": None}), tmp_path)
    assert config["deepspeed"] == "zero3.json"
    assert "warmup_steps" not in config and "revision_of_model" not in config


def test_the_written_configuration_reads_back_with_its_template_untouched(tmp_path: Path) -> None:
    config = config_of(training(), tmp_path)
    write_config(tmp_path / CONFIG, config)
    assert yaml.safe_load((tmp_path / CONFIG).read_text()) == config


def test_a_training_that_learned_reports_the_loss_it_began_and_ended_with() -> None:
    # 11 steps: a tenth is 1.1, so windows of 2. (4 + 3) / 2 = 3.5 and (2 + 1) / 2 = 1.5.
    falling = state([4.0, 3.0, *[2.5] * 7, 2.0, 1.0])
    assert check_learned(loss_curve(falling), falling, CONFIG) == (3.5, 1.5)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (state([2.0, 2.0, 2.1]), "nothing was learned"),
        (state([2.0, math.nan, math.nan]), "from step 2 on"),
        (state([2.0]), "one step is not a training"),
        (state([2.0, 1.0], max_steps=5), "stopped at step 2 of 5"),
    ],
)
def test_a_training_that_did_not_learn_says_how(bad: Json, words: str) -> None:
    with pytest.raises(StepError, match=words):
        check_learned(loss_curve(bad), bad, CONFIG)


def test_rows_left_out_are_counted_at_the_last_start_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = "=== janus train: x\nDropped 9 sequences outside valid range ([None, 64])\n"
    second = first.replace("9", "3") + "Dropped 2 samples with no trainable tokens\n"
    log.write_text(first + second)
    assert rows_dropped(log) == 5


def test_checkpoints_of_another_configuration_are_not_continued_from(tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("{}\n")
    checkpoint = tmp_path / "out" / "debris"
    for rate, kept in ((1e-3, True), (2e-3, False)):
        checkpoint.mkdir(parents=True, exist_ok=True)
        write_config(tmp_path / CONFIG, config_of(training(learning_rate=1e-3), tmp_path))
        prepare_work(tmp_path / CONFIG, tmp_path)
        checkpoint.mkdir(parents=True, exist_ok=True)
        write_config(tmp_path / CONFIG, config_of(training(learning_rate=rate), tmp_path))
        prepare_work(tmp_path / CONFIG, tmp_path)
        assert checkpoint.exists() is kept


def test_a_half_prepared_data_set_is_prepared_again(tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("{}\n")
    (tmp_path / "prepared" / "abc").mkdir(parents=True)
    write_config(tmp_path / CONFIG, config_of(training(), tmp_path))
    prepare_work(tmp_path / CONFIG, tmp_path)
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize(("attention", "offline"), [("sdpa", True), ("flash_attention_2", False)])
def test_the_hub_is_left_alone_where_base_and_attention_are_local(
    tmp_path: Path, attention: str, offline: bool
) -> None:
    write_config(tmp_path / CONFIG, config_of(training(attention=attention), tmp_path, base=str(tmp_path)))
    environ = axolotl_environ(tmp_path / CONFIG, Path(".envs/axolotl"), {"PATH": "/bin"})
    assert ("HF_HUB_OFFLINE" in environ) is offline
    assert environ["PATH"] == ".envs/axolotl/bin:/bin"
