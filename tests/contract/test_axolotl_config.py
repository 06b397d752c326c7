"""The emitted configuration is one that axolotl accepts, and what it would silently accept is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.files import Json
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Training
from janus_recipes.training.axolotl import axolotl_config, write_config
from janus_recipes.workflow import training_of

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

PAPER_7B = training_of(load_recipe([ROOT / "recipes" / "janus.yaml"]), "janus-7b")
"""The recipe's own 7B run; tests/unit/test_recipe_files.py compares its values with the paper's."""

ON_A_CPU = PAPER_7B.model_copy(update={"gpus": 0, "precision": "fp32", "attention": "sdpa", "sequence_len": 128})

WRONG: dict[str, tuple[Json, str]] = {
    "key": ({"loging_steps": 1}, "loging_steps: axolotl knows no such key (did you mean logging_steps?)"),
    "optimizer": (
        {"optimizer": "adamw_bnb_8bits"},
        "optimizer: axolotl knows no 'adamw_bnb_8bits' (did you mean adamw",
    ),
    "scheduler": ({"lr_scheduler": "cosin"}, "lr_scheduler: axolotl knows no 'cosin' (did you mean cosine?)"),
    "epochs": ({"num_epochs": -1}, "num_epochs: must be a number above 0, not -1"),
    "rate": ({"learning_rate": 0}, "learning_rate: must be a number above 0, not 0"),
    "warmup": ({"warmup_ratio": 0.1}, "warmup_steps"),
    "strategy": ({"excess_length_strategy": "cut"}, "excess_length_strategy: Input should be"),
    "dataset": (
        {"datasets": [{"path": "x", "train_on_eoss": "turn"}]},
        "datasets[0].train_on_eoss: axolotl knows no such",
    ),
}


@pytest.fixture(scope="module")
def checked(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The problems that the real axolotl's environment finds, by name; all in one go, for the sake of its imports."""
    folder = tmp_path_factory.mktemp("configs")
    extras: dict[str, Json] = {"paper": {}, **{name: keys for name, (keys, _) in WRONG.items()}}
    for name, keys in extras.items():
        write_config(folder / f"{name}.yaml", config_of(PAPER_7B.model_copy(update={"axolotl": keys}), folder))
    found, code = check(axolotl, sorted(folder.glob("*.yaml")), gpus=4)
    assert code == 2
    return {Path(path).stem: problems for path, problems in found.items()}


def config_of(spec: Training, folder: Path) -> Json:
    return axolotl_config(
        spec,
        base="mistral-community/Mistral-7B-v0.2",
        revision="2c3e624962b1a3f3fbf52e15969565caa7bc064a",
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        dataset=folder / "sft.jsonl",
        work=folder / "work",
        seed=42,
    )


def check(axolotl: Path, configs: list[Path], gpus: int) -> tuple[dict[str, list[str]], int]:
    options = [*map(str, configs), "--gpus", str(gpus)]
    command = [str(axolotl / "bin" / "python"), "-m", "janus_recipes.training.check_config", *options]
    environ: dict[str, Any] = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, cwd=ROOT)
    return json.loads(done.stdout), done.returncode


def test_the_papers_7b_training_is_what_axolotl_expects_on_four_gpus(checked: dict[str, list[str]]) -> None:
    assert checked["paper"] == []


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_before_anything_is_loaded(checked: dict[str, list[str]], name: str) -> None:
    assert any(problem.startswith(WRONG[name][1]) or WRONG[name][1] in problem for problem in checked[name])


def test_the_same_training_on_a_cpu_is_accepted_only_without_flash_attention(axolotl: Path, tmp_path: Path) -> None:
    write_config(tmp_path / "cpu.yaml", config_of(ON_A_CPU, tmp_path))
    write_config(
        tmp_path / "flash.yaml", config_of(ON_A_CPU.model_copy(update={"attention": "flash_attention_2"}), tmp_path)
    )
    found, _ = check(axolotl, [tmp_path / "cpu.yaml", tmp_path / "flash.yaml"], gpus=0)
    assert found[str(tmp_path / "cpu.yaml")] == []
    assert found[str(tmp_path / "flash.yaml")] == [
        "attn_implementation: flash attention needs a GPU; on a CPU use sdpa"
    ]
