"""Which of axolotl's checkpoints are whole, and which of their files make a model.

A checkpoint is written file by file, `trainer_state.json` last; a kill or a full disk may leave any of them short.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from janus_recipes.files import Json

STATE = "trainer_state.json"
PREFIX = "checkpoint-"
"""A checkpoint's folder is named by this and its step."""

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
"""What a model needs to be sampled or trained further: no optimizer states."""


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint in axolotl's output folder."""
    return next((one for one in reversed(checkpoints(out)) if is_whole(one)), None)


def step_of(checkpoint: Path | None) -> int | None:
    """How many steps a checkpoint has behind it; None where there is none."""
    return None if checkpoint is None else int(checkpoint.name.removeprefix(PREFIX))


def remove_incomplete(out: Path) -> None:
    """Delete the checkpoints that a kill left half-written: axolotl would continue from the newest, whole or not."""
    for checkpoint in checkpoints(out):
        if not is_whole(checkpoint):
            shutil.rmtree(checkpoint)


def checkpoints(out: Path) -> list[Path]:
    """The checkpoint folders, oldest first."""
    found = [path for path in out.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix(PREFIX)))


def is_whole(checkpoint: Path) -> bool:
    """Whether every file of a checkpoint was written to its end, the state last."""
    try:
        state_of(checkpoint)
    except (OSError, ValueError):
        return False
    weights = [*checkpoint.glob("*.safetensors")]
    # At any depth: DeepSpeed keeps its own in a folder. FSDP's optimizer is a .bin.
    states = [file for pattern in ("*.pt", "*.pth", "*.bin") for file in checkpoint.rglob(pattern)]
    whole = all(map(safetensors_whole, weights)) and all(map(zipfile.is_zipfile, states))
    return bool(weights) and whole and has_optimizer(checkpoint)


def has_optimizer(checkpoint: Path) -> bool:
    """Whether there is an optimizer's state: optimizer.pt, FSDP's optimizer.bin, DeepSpeed's *_optim_states.pt."""
    return any(file.is_file() for file in checkpoint.rglob("*optim*"))


def safetensors_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says: 8 bytes, the header, the tensors."""
    with path.open("rb") as data:
        length = int.from_bytes(data.read(8), "little")
        header = data.read(length)
    if length == 0 or len(header) < length:
        return False
    tensors = json.loads(header)
    ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    return path.stat().st_size == 8 + length + max(ends, default=0)


def state_of(checkpoint: Path) -> Json:
    """The trainer's state: steps done, steps in all, and the log of every step. Raises ValueError where it is torn."""
    state: Json = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def model_files(checkpoint: Path) -> list[Path]:
    """The files of a checkpoint that make a model."""
    return sorted({file for pattern in MODEL_FILES for file in checkpoint.glob(pattern)})
