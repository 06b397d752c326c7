"""Preference pairs as axolotl's DPO and ORPO read them: texts of the one template, the system message in front."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.datasets.pairs import pair_row
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.records import Instruction
from janus_recipes.training.axolotl import write_config

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

TYPE = "janus_recipes.preference_pairs"
METHODS = ("dpo", "orpo")

PAIRS: dict[str, tuple[str, str, str, str]] = {
    "plain": ("Be kind.\nBe brief.", "Say the word 7.", "Seven, friend.", "7"),
    "answer found in the prompt": ("Say INST.", "Say dummy_message.", "message", "[["),
    "multi-byte": ("请用中文回答。", "Wie heißt du? 🙂\u2028«Ça»", "我叫小明。👋🏽", "à bientôt"),
    "line ends": ("One.\r\nTwo.", "  Three.\n", "Four.\n\n- five\r\n", "\n six"),
    "no system message": ("", "Say the word 8.", "Eight.", "8"),
}
"""System message, instruction, chosen response, rejected response."""


def row_of(name: str) -> Json:
    system, instruction, chosen, rejected = PAIRS[name]
    asked = Instruction(f"i-{name}", instruction, "pool")
    return pair_row(system, asked, "i/0", "i/2", {"i/0": chosen, "i/2": rejected})


@pytest.fixture(scope="module")
def read_by_axolotl(axolotl: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    """The rows as axolotl loads them, by method; both in one go, for the sake of its imports."""
    work = tmp_path_factory.mktemp("pairs")
    write_jsonl(work / "pairs.jsonl", map(row_of, PAIRS))
    configs = [work / f"{method}.yaml" for method in METHODS]
    for config in configs:
        write_config(config, config_of(config.stem, work, tiny_base))
    alone = {"AXOLOTL_DO_NOT_TRACK": "1", "AXOLOTL_DATASET_NUM_PROC": "0"}  # no telemetry, no further processes
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **alone}
    command = [axolotl / "bin" / "python", ROOT / "tests" / "contract" / "read_pairs.py", work / "rows.jsonl", *configs]
    done = subprocess.run(command, env=environ, cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    read = list(read_jsonl(work / "rows.jsonl"))
    return {config.stem: [row for row in read if row["config"] == str(config)] for config in configs}


def config_of(method: str, work: Path, base: Path) -> Json:
    return {
        "base_model": str(base),
        "rl": method,
        "chat_template": "jinja",
        "chat_template_jinja": TEMPLATE.read_text(encoding="utf-8"),
        "datasets": [{"path": str(work / "pairs.jsonl"), "ds_type": "json", "split": "train", "type": TYPE}],
        "dataset_prepared_path": str(work / f"{method}-prepared"),
        "dataset_num_proc": 0,
        "output_dir": str(work / "out"),
        "sequence_len": 512,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "num_epochs": 1,
        "learning_rate": 1e-5,
        "optimizer": "adamw_torch",
        **dict.fromkeys(("bf16", "fp16", "tf32", "sample_packing"), False),
    }


@pytest.mark.parametrize("method", METHODS)
def test_both_sides_are_what_the_one_template_renders(method: str, read_by_axolotl: dict[str, list[Json]]) -> None:
    expected = []
    for system, instruction, chosen, rejected in PAIRS.values():
        before = f"{system}\n" if system else ""
        # The paper's format (section 3.2), a space before the answer and the end token after it.
        expected.append((f"<s>[INST] {before}{instruction} [/INST]", f" {chosen}</s>", f" {rejected}</s>"))
    found = [(row["prompt"], row["chosen"], row["rejected"]) for row in read_by_axolotl[method]]
    assert sorted(found) == sorted(expected)
