"""An adapter's training ends with a whole model: the base's weights with what the adapter adds to them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.files import write_jsonl
from janus_recipes.recipe.training import Adapter, SftTraining
from janus_recipes.training.axolotl import OUT, axolotl_config, write_config
from janus_recipes.training.checkpoints import last_checkpoint
from janus_recipes.training.run import train

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

COMPARE = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from peft import PeftModel
base, adapter, whole = sys.argv[1:]
ids = AutoTokenizer.from_pretrained(whole)("Say the word 7.", return_tensors="pt").input_ids
def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
with torch.no_grad():
    alone, merged = load(base)(ids).logits, load(whole)(ids).logits
    beside = PeftModel.from_pretrained(load(base), adapter)(ids).logits
print(json.dumps({"learned": (merged - alone).abs().max().item(), "lost": (merged - beside).abs().max().item()}))
"""


def test_an_adapter_that_was_trained_is_merged_into_a_model_that_loads_by_itself(
    axolotl: Path, tiny_base: Path, tmp_path: Path
) -> None:
    spec = SftTraining(
        **{"method": "sft", "dataset": "rows", "gpus": 0, "batch_size": 4, "micro_batch_size": 4, "sequence_len": 64},
        **{"epochs": 1.0, "learning_rate": 1e-2, "optimizer": "adamw_torch", "warmup_steps": 2, "weight_decay": 0.0},
        **{"gradient_checkpointing": False, "attention": "sdpa", "precision": "fp32", "sample_packing": False},
        adapter=Adapter(kind="lora", rank=8, alpha=16),
    )
    turns = [{"role": "assistant", "content": "A few kind words to a friend."}]
    asked = ([{"role": "user", "content": f"Say the word {number}."}, *turns] for number in range(24))
    write_jsonl(tmp_path / "rows.jsonl", ({"messages": messages} for messages in asked))
    config, work, out = tmp_path / "axolotl.yaml", tmp_path / "work", tmp_path / "weights"
    template = TEMPLATE.read_text(encoding="utf-8")
    keys = axolotl_config(
        spec,
        base=str(tiny_base),
        revision=None,
        chat_template=template,
        dataset=tmp_path / "rows.jsonl",
        work=work,
        seed=7,
    )
    write_config(config, keys)
    train(config, work, out, environment=axolotl, spec=spec)
    assert not list(out.glob("adapter*"))
    assert (out / "chat_template.jinja").read_text(encoding="utf-8") == template
    adapter = last_checkpoint(work / OUT)
    command = [axolotl / "bin" / "python", "-c", COMPARE, tiny_base, str(adapter), out]
    environ = dict(os.environ) | {"HF_HUB_OFFLINE": "1"}
    compared = json.loads(subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    assert compared["learned"] > 0.1  # the logits of a model of 32-bit weights, of which the adapter changed all
    assert compared["lost"] < 1e-4
