"""Real trainings by the real axolotl: killed, continued, checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.schema import Training
from janus_recipes.training.axolotl import OUT, axolotl_config, write_config
from janus_recipes.training.checkpoints import last_checkpoint
from janus_recipes.training.run import train

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

SPEC = Training(
    dataset="sft",
    gpus=0,
    sequence_len=64,
    micro_batch_size=4,
    gradient_accumulation_steps=1,
    epochs=2.0,
    learning_rate=3e-3,
    optimizer="adamw_torch",
    warmup_steps=2,
    weight_decay=0.0,
    gradient_checkpointing=False,
    attention="sdpa",
    precision="fp32",
    sample_packing=False,
    saves_per_epoch=4,
)
ROWS = 160
STEPS = 80  # 160 rows in batches of 4 are 40 steps an epoch

STEP = """
import sys
from pathlib import Path
from janus_recipes.training.run import train
train(*map(Path, sys.argv[1:4]), environment=Path(sys.argv[4]), gpus=0)
"""


def config_in(work: Path, base: Path, spec: Training, rows: int, extra_words: int = 0) -> Path:
    """A training on `rows` rows and one more of `extra_words` words, written to `work`."""
    texts = [f"Say the word {number}." for number in range(rows)] + ["many words " * extra_words] * (extra_words > 0)
    turns = [[("user", text), ("assistant", "A few kind words to a friend.")] for text in texts]
    conversations = ([{"role": role, "content": content} for role, content in turn] for turn in turns)
    write_jsonl(work / "sft.jsonl", ({"messages": conversation} for conversation in conversations))
    template = TEMPLATE.read_text(encoding="utf-8")
    config = axolotl_config(
        spec, base=str(base), revision=None, chat_template=template, dataset=work / "sft.jsonl", work=work, seed=1
    )
    write_config(work / "axolotl.yaml", config)
    return work / "axolotl.yaml"


@pytest.mark.timeout(600)
def test_a_killed_training_continues_from_its_last_whole_checkpoint(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    work, out = tmp_path / "work", tmp_path / "model"
    config = config_in(work, tiny_base, SPEC, ROWS, extra_words=100)
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    step = subprocess.Popen([sys.executable, "-c", STEP, config, work, out, axolotl], env=environ)
    while last_checkpoint(work / OUT) is None:
        assert step.poll() is None, "the training ended before its first checkpoint"
        time.sleep(0.01)
    step.send_signal(signal.SIGKILL)
    step.wait()
    assert not out.exists()
    torn = work / OUT / "checkpoint-999"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")

    result = train(config, work, out, environment=axolotl, gpus=0)

    assert result.steps == STEPS
    assert result.last_loss < result.first_loss
    assert result.rows_dropped == 1  # the long one
    curve = [line.split(",")[0] for line in (out / "training.csv").read_text().splitlines()]
    assert curve == ["step", *map(str, range(1, STEPS + 1))]  # whole, with the steps from before the kill
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(os.listdir(out))
    assert not list(out.glob("*.pt"))
    assert json.loads((out / "config.json").read_text())["model_type"] == "mistral"


@pytest.mark.timeout(600)
def test_a_data_set_too_small_for_one_packed_batch_is_not_called_a_training(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    packed = SPEC.model_copy(update={"sample_packing": True, "sequence_len": 512})
    work, out = tmp_path / "work", tmp_path / "model"
    with pytest.raises(StepError, match="ran no training step"):
        train(config_in(work, tiny_base, packed, rows=3), work, out, environment=axolotl, gpus=0)
    assert not out.exists()
