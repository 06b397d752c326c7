"""Make a whole model of an adapter and the weights that it was trained beside, by axolotl's own `merge-lora`.

    janus train run janus-7b ...     # a training with `adapter` ends with it

So a trained model is a whole one whatever learned: vLLM loads it, and the next training starts from it. The tokenizer's
files are the checkpoint's, as without an adapter; axolotl takes the base's. After QLoRA axolotl rounds the base's
weights to 4 bits, as the adapter met them in training; embeddings and output weights too, which were whole there.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.processes import last_lines, run_child
from janus_recipes.training.axolotl import write_config

ADAPTER = "adapter_config.json"
"""What an adapter's checkpoint has and a whole model's has not."""

TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")


def merge_adapter(
    config: Path, adapter: Path, out: Path, *, environment: Path, environ: Mapping[str, str], log: Path
) -> None:
    """Write the whole model into the folder `out`, which comes into being when all of it is there.

    `config` is the training's YAML, `adapter` its last checkpoint, `environment` axolotl's virtual environment and
    `environ` what its processes get. axolotl's output is appended to `log`. Raises StepError when axolotl fails.
    """
    half, wanted = out.with_name(f".{out.name}.half"), out.with_name(f"{out.name}.yaml")
    shutil.rmtree(half, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    write_config(wanted, merging_keys(yaml.safe_load(config.read_text(encoding="utf-8")), adapter, half))
    command = [str(environment / "bin" / "python"), "-m", "axolotl.cli.main", "merge-lora", str(wanted)]
    code = run_child(command, env=environ, log=log)
    whole = half / "merged"
    if code != 0 or not any(whole.glob("*.safetensors")):
        raise StepError(
            f"{config}: axolotl could not merge the adapter in {adapter} (exit {code}). Its last words:\n"
            f"{last_lines(log)}\nThe training is done and kept: the same command merges again."
        )
    for file in (file for pattern in TOKENIZER_FILES for file in adapter.glob(pattern)):
        shutil.copy2(file, whole)
    whole.replace(out)
    shutil.rmtree(half)


def merging_keys(config: Json, adapter: Path, out: Path) -> Json:
    """The training's configuration as `merge-lora` wants it: it merges into a folder of its output folder."""
    return config | {"lora_model_dir": str(adapter), "output_dir": str(out)}
