"""A recipe's training as axolotl's YAML: the paper's batches, every method's own keys, speed where it is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.commands.models import start_weights
from janus_recipes.files import Json
from janus_recipes.recipe.axolotl_names import OTHER_NAMES, SET_ELSEWHERE
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.training import Adapter, AxolotlTraining, DpoTraining, OrpoTraining, SftTraining
from janus_recipes.training.axolotl import axolotl_config, write_config

JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")
VALUES: dict[str, Any] = {
    "dataset": "data",
    "sequence_len": 64,
    "batch_size": 8,
    "micro_batch_size": 1,
    "epochs": 1.0,
    "learning_rate": 1e-3,
    "warmup_steps": 0,
    "weight_decay": 0.0,
}
LORA, QLORA = Adapter(kind="lora"), Adapter(kind="qlora", rank=8, alpha=16)


def sft(**changed: Any) -> SftTraining:
    return SftTraining(**{"method": "sft"} | VALUES | changed)


def dpo(**changed: Any) -> DpoTraining:
    return DpoTraining(**{"method": "dpo"} | VALUES | changed)


def orpo(**changed: Any) -> OrpoTraining:
    return OrpoTraining(**{"method": "orpo"} | VALUES | changed)


def config_of(spec: AxolotlTraining) -> Json:
    return axolotl_config(
        spec,
        base="hub/model",
        revision=None,
        chat_template="a\nb\n",
        dataset=Path("data.jsonl"),
        work=Path("w"),
        seed=7,
    )


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])


def test_every_method_accumulates_the_papers_four_steps_on_four_gpus() -> None:
    # Appendix D.1: micro batches of 2 (SFT and, as "other settings", ORPO) and 1 (DPO), accumulated over 4 steps.
    models = load_recipe([JANUS]).models
    for name, rows, batch in (("janus-7b", 2, 32), ("janus-dpo-7b", 1, 16), ("janus-orpo-7b", 2, 32)):
        train = models[name].train
        assert isinstance(train, AxolotlTraining)
        assert (train.gpus, train.micro_batch_size, train.batch_size) == (4, rows, batch)
        assert config_of(train)["gradient_accumulation_steps"] == 4


def test_eight_gpus_keep_the_batch_of_32_with_half_the_accumulated_steps() -> None:
    assert config_of(sft(gpus=8, batch_size=32, micro_batch_size=2))["gradient_accumulation_steps"] == 2  # 8 x 2 x 2


def test_the_recipes_own_axolotl_keys_win_and_null_removes_one() -> None:
    config = config_of(sft(axolotl={"max_grad_norm": 0.5, "warmup_steps": None}))
    assert config["max_grad_norm"] == 0.5
    assert "warmup_steps" not in config and "revision_of_model" not in config


def test_the_written_configuration_reads_back_with_its_template_untouched(tmp_path: Path) -> None:
    config = config_of(sft())
    write_config(tmp_path / "axolotl.yaml", config)
    assert yaml.safe_load((tmp_path / "axolotl.yaml").read_text()) == config


@pytest.mark.parametrize(("spec", "method", "weight"), [(dpo(beta=0.3), "dpo", 0.3), (orpo(alpha=0.2), "orpo", 0.2)])
def test_pairs_are_trained_on_unpacked_and_dropped_where_they_are_too_long(
    spec: AxolotlTraining, method: str, weight: float
) -> None:
    config = config_of(spec)
    assert (config["rl"], config["rl_beta"]) == (method, weight)
    assert (config["sample_packing"], config["excess_length_strategy"]) == (False, "drop")
    (rows,) = config["datasets"]
    assert rows == {"path": "data.jsonl", "split": "train", "type": "janus_recipes.preference_pairs"}


def test_dpo_starts_from_janus_star_and_orpo_from_the_base() -> None:
    recipe = load_recipe([JANUS])
    assert start_weights(recipe, "janus-dpo-7b") == "results/janus/models/janus-star-7b/weights"
    assert start_weights(recipe, "janus-orpo-7b") == "mistral-community/Mistral-7B-v0.2"
    rehearsal = load_recipe([JANUS, REHEARSAL])
    assert start_weights(rehearsal, "janus-dpo-7b") == "results/rehearsal/models/janus-star-7b/weights"
    assert start_weights(rehearsal, "janus-orpo-7b") == "results/rehearsal/base_models/mistral-7b-v0.2/weights"


def test_an_adapter_stands_beside_every_linear_layer() -> None:
    config = config_of(sft(adapter=QLORA))
    assert (config["adapter"], config["load_in_4bit"]) == ("qlora", True)
    assert (config["lora_r"], config["lora_alpha"], config["lora_dropout"]) == (8, 16, 0.0)
    assert config["lora_target_linear"] is True
    assert config_of(sft(adapter=LORA))["load_in_4bit"] is False
    assert not any(key.startswith("lora") or key == "adapter" for key in config_of(sft()))


@pytest.mark.parametrize(("sharding", "key"), [("fsdp", "fsdp_config"), ("zero2", "deepspeed"), ("zero3", "deepspeed")])
def test_gpus_share_a_model_and_still_save_a_whole_one(sharding: str, key: str) -> None:
    config = config_of(sft(sharding=sharding))
    assert key in config
    saved = {
        "fsdp": lambda: config["fsdp_config"]["state_dict_type"] == "FULL_STATE_DICT",
        "zero2": lambda: config["deepspeed"]["zero_optimization"]["stage"] == 2,  # each GPU has all weights
        "zero3": lambda: config["deepspeed"]["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"],
    }
    assert saved[sharding]()
    assert key not in config_of(sft(sharding=sharding, gpus=0))  # a rehearsal's CPU has no one to share with


def test_fused_kernels_are_used_on_gpus_alone_and_a_recipe_may_turn_them_off() -> None:
    assert "liger_fused_linear_cross_entropy" in config_of(sft())
    assert "liger_rope" in config_of(dpo()) and "liger_fused_linear_cross_entropy" not in config_of(dpo())
    for without in (config_of(sft(gpus=0)), config_of(sft(axolotl={"plugins": []}))):
        assert not any(key.startswith("liger") for key in without)


def test_an_adapters_own_kernels_are_used_where_axolotl_has_tried_them() -> None:
    def fused(spec: AxolotlTraining) -> set[bool]:
        config = config_of(spec)
        assert "plugins" not in config
        return {config[f"lora_{part}_kernel"] for part in ("qkv", "o", "mlp")}

    assert fused(sft(adapter=LORA)) == {True}
    assert fused(sft(adapter=LORA, axolotl={"plugins": None})) == {True}  # a recipe's plugins leave Liger out alone
    # Said, because axolotl turns them on by itself where nothing is said, on a CPU too.
    assert fused(sft(adapter=LORA, gpus=0)) == fused(dpo(adapter=LORA)) == {False}


def test_what_train_axolotl_may_not_hold_is_what_a_training_writes_from_elsewhere() -> None:
    specs = [sft(adapter=QLORA), sft(sharding="fsdp"), sft(sharding="zero3"), dpo()]
    written = {key for spec in specs for key in axolotl_config(
        spec, base="b", revision="r", chat_template="t", dataset=Path("d"), work=Path("w"), seed=1
    )}  # fmt: skip
    assert set(SET_ELSEWHERE) - set(OTHER_NAMES) - {"saves_per_epoch"} <= written  # that one is told at the start
    assert not set(OTHER_NAMES) & written
