"""Every emitted configuration is one that axolotl accepts, and what it would silently accept is refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.files import Json
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.training import AxolotlTraining
from janus_recipes.training.axolotl import FSDP, axolotl_config, write_config, zero
from janus_recipes.workflow.entries import training_of

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"
JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")

WRONG: dict[str, tuple[str, Json, str]] = {
    "key": ("sft", {"loging_steps": 1}, "loging_steps: axolotl knows no such key (did you mean logging_steps?)"),
    "optimizer": (
        "sft",
        {"optimizer": "adamw_bnb_8bits"},
        "optimizer: axolotl knows no 'adamw_bnb_8bits' (did you mean adamw",
    ),
    "scheduler": ("sft", {"lr_scheduler": "cosin"}, "lr_scheduler: axolotl knows no 'cosin' (did you mean cosine?)"),
    "epochs": ("sft", {"num_epochs": -1}, "num_epochs: must be a number above 0, not -1"),
    "rate": ("sft", {"learning_rate": 0}, "learning_rate: must be a number above 0, not 0"),
    "beta": ("dpo", {"rl_beta": -0.1}, "rl_beta: must be a number above 0, not -0.1"),
    "warmup": ("sft", {"warmup_ratio": 0.1}, "warmup_steps"),
    "excess": ("sft", {"excess_length_strategy": "cut"}, "excess_length_strategy: Input should be"),
    "method": ("dpo", {"rl": "dop"}, "rl: axolotl knows no 'dop' (did you mean dpo?)"),
    "packing": ("orpo", {"sample_packing": True}, "`sample_packing: true` does not work with RLHF training"),
    "dataset": (
        "sft",
        {"datasets": [{"path": "x", "train_on_eoss": "turn"}]},
        "datasets[0].train_on_eoss: axolotl knows no such",
    ),
    # Of DPO's data sets axolotl reads few keys: this one it would drop.
    "pairs": (
        "dpo",
        {"datasets": [{"path": "x", "type": "janus_recipes.preference_pairs", "ds_type": "json"}]},
        "datasets[0].ds_type: axolotl knows no such key",
    ),
    "strategy": (
        "sft",
        {"datasets": [{"path": "x", "type": "janus_recipes.training.answer_only"}]},
        "datasets[0].type: axolotl finds no strategy janus_recipes.training.answer_only for conversations",
    ),
    "preference strategy": (
        "orpo",
        {"datasets": [{"path": "x", "type": "janus_recipes.preference_pair"}]},
        "datasets[0].type: axolotl finds no strategy janus_recipes.preference_pair for rl: orpo",
    ),
    "trainer": ("dpo", {"trainer_cls": "janus_recipes.training.Trainer"}, "trainer_cls: there is no class"),
    "plugin": ("sft", {"plugins": ["axolotl.integrations.ligr.LigerPlugin"]}, "plugins: axolotl cannot load"),
    "plugin's key": ("sft", {"liger_ropes": True}, "liger_ropes: axolotl knows no such key (did you mean liger_rope?)"),
    "key of a mapping": (
        "sft",
        {"optimizer": "adamw_torch", **FSDP, "fsdp_config": {**FSDP["fsdp_config"], "offload": True}},
        "fsdp_config.offload: axolotl knows no such key (did you mean offload_params?)",
    ),
    "optimizer with FSDP": ("sft", FSDP, "FSDP2 not compatible with adamw_bnb_8bit"),
    "DeepSpeed's file": ("sft", {"deepspeed": "zero4.json"}, "deepspeed: there is no file zero4.json"),
    "DeepSpeed's stage": (
        "sft",
        {"deepspeed": {"zero_optimization": {"stage": 4}}},
        "deepspeed.zero_optimization.stage: must be 0, 1, 2 or 3",
    ),
    "two kinds of sharding": (
        "sft",
        {"optimizer": "adamw_torch", **FSDP, "deepspeed": zero(3)},
        "deepspeed: stands beside fsdp_config; choose one of them",
    ),
    "no adapter": ("sft", {"lora_r": 8}, "lora_r: without `adapter`, axolotl trains all weights"),
    "adapter's key": ("sft", {"adapter": "lora", "lora_rank": 8}, "lora_rank: axolotl knows no such key"),
    "dropout": ("sft", {"adapter": "lora", "lora_dropout": -0.1}, "lora_dropout: must be a number 0 or more, not -0.1"),
}
"""Mistakes: the method whose training has them, axolotl's keys, and what is told."""

METHODS = {"sft": "janus-7b", "dpo": "janus-dpo-7b", "orpo": "janus-orpo-7b"}


def stacks() -> Iterator[list[Path]]:
    """The recipe by itself, and under each of its ablations."""
    yield [JANUS]
    yield from ([JANUS, overlay] for overlay in sorted(Path("recipes/ablations").glob("*.yaml")))


def trainings(stack: list[Path]) -> Iterator[tuple[str, AxolotlTraining]]:
    """What axolotl trains of a stack of recipes, by model."""
    for name, model in load_recipe(stack).models.items():
        if isinstance(model.train, AxolotlTraining):
            yield name, model.train


def config_of(spec: AxolotlTraining, folder: Path) -> Json:
    return axolotl_config(
        spec,
        base="mistral-community/Mistral-7B-v0.2",
        revision="2c3e624962b1a3f3fbf52e15969565caa7bc064a",
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        dataset=folder / "rows.jsonl",
        work=folder / "work",
        seed=42,
    )


def check(axolotl: Path, folder: Path, gpus: int) -> tuple[dict[str, list[str]], int]:
    """What the real axolotl's environment finds in a folder's files, by name; at once, for the sake of its imports."""
    options = [*map(str, sorted(folder.glob("*.yaml"))), "--gpus", str(gpus)]
    command = [str(axolotl / "bin" / "python"), "-m", "janus_recipes.training.check_config", *options]
    environ: dict[str, Any] = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, cwd=ROOT)
    return {Path(path).stem: problems for path, problems in json.loads(done.stdout).items()}, done.returncode


@pytest.fixture(scope="module")
def checked(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is found in the configurations of every recipe and in the mistakes, on four GPUs."""
    folder, janus = tmp_path_factory.mktemp("configs"), load_recipe([JANUS])
    for stack in stacks():
        for model, spec in trainings(stack):
            write_config(folder / f"{stack[-1].stem}.{model}.yaml", config_of(spec, folder))
    for name, (method, keys, _) in WRONG.items():
        spec = training_of(janus, METHODS[method]).model_copy(update={"axolotl": keys})
        assert isinstance(spec, AxolotlTraining)
        # The plugins of a mistake stand beside the recipe's keys of Liger, as those of a user would.
        own = config_of(spec.model_copy(update={"axolotl": {}}), folder)
        write_config(folder / f"{name}.yaml", own | keys)
    found, code = check(axolotl, folder, gpus=4)
    assert code == 2
    return found


def test_every_training_of_the_recipe_and_its_ablations_is_what_axolotl_expects(checked: dict[str, list[str]]) -> None:
    assert {name: problems for name, problems in checked.items() if problems and name not in WRONG} == {}
    models = {name.partition(".")[2] for name in checked if name not in WRONG}
    assert {"janus-7b", "janus-star-7b", "janus-sft-epoch1-7b", "janus-dpo-7b", "janus-orpo-7b"} <= models


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_before_anything_is_loaded(checked: dict[str, list[str]], name: str) -> None:
    assert any(WRONG[name][2] in problem for problem in checked[name]), checked[name]


def test_a_rehearsals_trainings_are_accepted_on_a_cpu_and_flash_attention_is_not(axolotl: Path, tmp_path: Path) -> None:
    for stack in stacks():
        for model, spec in trainings([JANUS, REHEARSAL, *stack[1:]]):
            write_config(tmp_path / f"{stack[-1].stem}.{model}.yaml", config_of(spec, tmp_path))
            flash = spec.model_copy(update={"attention": "flash_attention_2"})
            write_config(tmp_path / "flash.yaml", config_of(flash, tmp_path))
    found, _ = check(axolotl, tmp_path, gpus=0)
    assert found.pop("flash") == ["attn_implementation: flash attention needs a GPU; on a CPU use sdpa"]
    assert {name: problems for name, problems in found.items() if problems} == {}
