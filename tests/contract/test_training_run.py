"""Real trainings by the real axolotl: killed, stopped, continued, checked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.training import AxolotlTraining, DpoTraining, SftTraining, Tracking
from janus_recipes.training.axolotl import OUT, axolotl_config, write_config
from janus_recipes.training.checkpoints import checkpoints, last_checkpoint
from janus_recipes.training.engine import last_start
from janus_recipes.training.run import LOG, train
from janus_recipes.training.tracking import Tracked
from tests.e2e.claims import lengths

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"
ANSWER = "A few kind words to a friend."
PROMPT = "<s>[INST] Say the word 1. [/INST]"  # as this template renders a row of `config_in`

TINY: dict[str, Any] = {
    "dataset": "rows",
    "gpus": 0,
    "batch_size": 4,
    "micro_batch_size": 4,
    "sequence_len": 64,
    "epochs": 1.0,
    "learning_rate": 3e-3,
    "optimizer": "adamw_torch",
    "warmup_steps": 2,
    "weight_decay": 0.0,
    "gradient_checkpointing": False,
    "attention": "sdpa",
    "precision": "fp32",
}

STEP = """
import sys
from pathlib import Path
from janus_recipes.errors import StepError
from janus_recipes.recipe.training import Training
from janus_recipes.training.run import train
from pydantic import TypeAdapter
try:
    spec = TypeAdapter(Training).validate_json(sys.argv[5])
    train(*map(Path, sys.argv[1:4]), environment=Path(sys.argv[4]), spec=spec)
except StepError as error:
    sys.exit(f"janus: {error}")
"""


def sft(**changed: Any) -> SftTraining:
    return SftTraining(**{"method": "sft", "sample_packing": False} | TINY | changed)


def dpo(**changed: Any) -> DpoTraining:
    return DpoTraining(**{"method": "dpo"} | TINY | changed)


def asking(text: str, answer: str = ANSWER) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]


def config_in(folder: Path, base: Path, spec: AxolotlTraining, rows: int, extra_words: int = 0) -> Path:
    """A training in `folder`/work on `rows` rows and one more of `extra_words` words, as axolotl's YAML in `folder`."""
    texts = [f"Say the word {number}." for number in range(rows)] + ["many words " * extra_words] * (extra_words > 0)
    if isinstance(spec, SftTraining):
        lines = [{"messages": asking(text)} for text in texts]
    else:
        lines = [{"chosen": asking(text), "rejected": asking(text, "word word a to few friend")} for text in texts]
    write_jsonl(folder / "rows.jsonl", lines)
    config = axolotl_config(
        spec,
        base=str(base),
        revision=None,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        dataset=folder / "rows.jsonl",
        work=folder / "work",
        seed=1,
    )
    write_config(folder / "axolotl.yaml", config)
    return folder / "axolotl.yaml"


def started(config: Path, work: Path, out: Path, axolotl: Path, spec: AxolotlTraining) -> subprocess.Popen[str]:
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STEP, *map(str, (config, work, out, axolotl)), spec.model_dump_json()]
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)


def test_a_killed_training_continues_from_its_last_whole_checkpoint(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    work, out = tmp_path / "work", tmp_path / "model"
    # 160 rows in batches of 4 are 40 steps an epoch.
    spec = sft(epochs=2.0, saves_per_epoch=4)
    config = config_in(tmp_path, tiny_base, spec, 160, extra_words=100)
    step = started(config, work, out, axolotl, spec)
    while last_checkpoint(work / OUT) is None:
        assert step.poll() is None, "the training ended before its first checkpoint"
        time.sleep(0.01)
    step.send_signal(signal.SIGKILL)
    step.wait()
    assert not out.exists()
    torn = work / OUT / "checkpoint-999"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")

    result, points = train(config, work, out, environment=axolotl, spec=spec)

    assert result.last_loss < result.first_loss
    assert result.rows_dropped == 1  # the long one
    asked, answered = lengths((PROMPT, f"{PROMPT} {ANSWER}</s>"), tiny_base / "tokenizer.json")
    assert result.tokens_learned == 2 * 160 * (answered - asked)  # of both starts
    assert [point.step for point in points] == list(range(1, 81))  # whole, with the steps from before the kill
    assert all(point.tokens_per_second for point in points[-10:])
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(os.listdir(out))
    assert not list(out.glob("*.pt"))
    assert json.loads((out / "config.json").read_text())["model_type"] == "mistral"


def test_a_training_stopped_by_sigterm_saves_where_it_is_and_the_same_command_goes_on_from_there(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    work, out = tmp_path / "work", tmp_path / "model"
    spec = dpo(saves_per_epoch=1)  # of itself it saves at its end alone
    config = config_in(tmp_path, tiny_base, spec, 160)
    step = started(config, work, out, axolotl, spec)
    while "'loss'" not in last_start(work / LOG):
        assert step.poll() is None, "the training ended before its first step"
        time.sleep(0.01)
    step.send_signal(signal.SIGTERM)
    said = step.communicate()[1].splitlines()[-1]
    found = re.search(r"stopped by SIGTERM at step \d+ of 40; the same command continues from step (\d+)$", said)
    assert found, said

    tracked = Tracked(Tracking(tensorboard=str(tmp_path / "events")), "mine-dpo", tmp_path / "wandb")
    oftener = spec.model_copy(update={"saves_per_epoch": 4})  # may change under way
    result, points = train(config, work, out, environment=axolotl, spec=oftener, tracked=tracked)

    assert last_start(work / LOG).count("'loss'") == 40 - int(found[1]) > 0
    # Of every tenth step the last two are kept (axolotl.CHECKPOINTS_KEPT).
    assert [path.name for path in checkpoints(work / OUT)] == ["checkpoint-30", "checkpoint-40"]
    assert result.tokens and result.tokens_learned is None
    assert [point.step for point in points] == list(range(1, 41))
    assert points[0].loss == pytest.approx(0.6931, abs=1e-3)  # ln 2: the model is still its own reference
    assert result.last_loss < result.first_loss and result.reward_accuracy == 1
    assert points[-1].tokens_per_second
    assert list((tmp_path / "events" / "mine-dpo").glob("events.out.tfevents.*"))


def test_a_data_set_too_small_for_one_packed_batch_is_not_called_a_training(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    spec = sft(sample_packing=True, sequence_len=512)
    config = config_in(tmp_path, tiny_base, spec, rows=3)
    with pytest.raises(StepError, match="ran no training step"):
        train(config, tmp_path / "work", tmp_path / "model", environment=axolotl, spec=spec)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (sft(learning_rate=1e9, warmup_steps=0), r"the loss is (nan|inf) at step \d+: lower learning_rate"),
        (sft(learning_rate=1e-30), "nothing was learned in 20 steps: the loss went from"),
        (sft(sequence_len=8), "no row of the data set is left"),
    ],
    ids=["NaN", "never fell", "all too long"],
)
def test_a_training_that_cannot_learn_says_why_and_leaves_no_model(
    axolotl: Path, tiny_base: Path, tmp_path: Path, spec: SftTraining, words: str
) -> None:
    with pytest.raises(StepError) as failed:
        config = config_in(tmp_path, tiny_base, spec, 80)
        train(config, tmp_path / "work", tmp_path / "m", environment=axolotl, spec=spec)
    assert re.search(words, str(failed.value).splitlines()[-1]), str(failed.value)[-2000:]
    assert not (tmp_path / "m").exists()
