"""The engines' environments, and a tiny base model made by the rehearsal's own code."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"


def environment(tool: str) -> Path:
    """An engine's virtual environment. A check that cannot run must not look passed."""
    folder = ROOT / ".envs"
    for name in (f"{tool}-cpu", f"{tool}-cuda"):
        if (folder / name / "bin" / "python").exists():
            return folder / name
    return pytest.fail(f"no {tool} environment in {folder}: run `make environments`")


@pytest.fixture(scope="session")
def axolotl() -> Path:
    return environment("axolotl")


@pytest.fixture(scope="session")
def vllm() -> Path:
    return environment("vllm")


@pytest.fixture(scope="session")
def openrlhf() -> Path:
    return environment("openrlhf")


@pytest.fixture(scope="session")
def tiny_base(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Mistral of two layers with the one chat template."""
    folder = tmp_path_factory.mktemp("tiny")
    texts = folder / "texts.jsonl"
    with texts.open("w", encoding="utf-8") as lines:
        for number in range(200):
            lines.write(json.dumps({"text": f"Say the word {number} to a friend in a few kind words."}) + "\n")
    # vLLM's CPU attention takes no heads of fewer than 32 dimensions.
    spec = {"hidden_size": 64, "layers": 2, "heads": 2, "vocabulary": 400, "max_positions": 512}
    command = [
        axolotl / "bin" / "python",
        "-m",
        "janus_recipes.rehearsal.tiny_model",
        "--texts",
        texts,
        "--field",
        "text",
    ]
    options = ["--chat-template", TEMPLATE, "--spec", json.dumps(spec), "--seed", "1", "--out", folder / "base"]
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    subprocess.run([*command, *options], check=True, cwd=ROOT, env=environ)
    return folder / "base"
