"""A recipe's reward training as OpenRLHF's own flags (OpenRLHF 0.11.2; paper, appendices D.1 and E.2).

    janus reward config janus-rm-stage1-7b --recipe recipes/janus.yaml --out results/janus/models/.../openrlhf.args

The paper's settings in today's names. What OpenRLHF has no flag for, `training/openrlhf_changes.py` does: the value
head that is kept, and AdamW by torch. On several GPUs each holds its share of weights and optimizer (ZeRO-3): at 16
bytes a parameter 29 GB of the 7B on each of four, activations apart.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from janus_recipes.files import written_whole
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.training.openrlhf_launch import CHECKPOINTS, MODEL
from janus_recipes.training.reward_rows import EVALUATED, ROWS

CHECKPOINTS_KEPT = 2
"""On disk, one to continue from, one should it be lost; OpenRLHF deletes the older before it writes the next. Each
takes about 100 GB for the 7B: weights in bf16, and in fp32 with both of Adam's moments."""

Flags = dict[str, Any]


def openrlhf_flags(spec: RewardTraining, *, start: str, work: Path, seed: int) -> Flags:
    """The flags of `openrlhf.cli.train_rm`, without dashes; `spec.openrlhf` is laid over the rest.

    `start` is the folder, or the hub's name, of the weights to begin from. A value of True is a flag without one, a
    list a flag with several, null and False leave a flag out.
    """
    ours = model_flags(spec, start) | data_flags(spec, work) | optimisation_flags(spec, seed) | checkpoint_flags(work)
    return {flag: value for flag, value in (ours | spec.openrlhf).items() if value is not None and value is not False}


def model_flags(spec: RewardTraining, start: str) -> Flags:
    """What is trained, and how it lies in memory. DeepSpeed keeps fp32 weights beside the bf16 ones, to learn in."""
    return {
        "model.model_name_or_path": start,
        "model.gradient_checkpointing_enable": spec.gradient_checkpointing,
        # Where flash-attn is not installed, transformers brings FlashAttention-2's kernel through `kernels`.
        "ds.attn_implementation": spec.attention,
        "ds.param_dtype": spec.precision,
        "ds.zero_stage": spec.zero_stage,
    }


def data_flags(spec: RewardTraining, work: Path) -> Flags:
    """The rows, rendered already (training/reward_rows.py): no template, no prompt of their own, nothing to cut."""
    return {
        "data.dataset": str(work / ROWS),
        "eval.dataset": str(work / EVALUATED),
        "data.max_len": spec.sequence_len,
    }


def optimisation_flags(spec: RewardTraining, seed: int) -> Flags:
    """What is learned how fast. OpenRLHF's own scheduler would end at a tenth of the rate, the paper's ends at zero."""
    return {
        "train.batch_size": spec.batch_size,
        "train.micro_batch_size": spec.micro_batch_size,
        "train.max_epochs": int(spec.epochs),  # whole ones alone: recipe/check_openrlhf.py
        "adam.lr": spec.learning_rate,
        "adam.betas": spec.betas,
        "adam.weight_decay": spec.weight_decay,
        "lr_scheduler": spec.lr_scheduler,
        "lr_warmup_ratio": spec.warmup_ratio,
        "train.seed": seed,
    }


def checkpoint_flags(work: Path) -> Flags:
    """Where OpenRLHF writes, and that it continues from what is there. Every step is logged."""
    return {
        "ckpt.output_dir": str(work / MODEL),
        "ckpt.path": str(work / CHECKPOINTS),
        "ckpt.load_enable": True,
        "ckpt.max_num": CHECKPOINTS_KEPT,
        "logger.logging_steps": 1,
    }


def about(spec: RewardTraining) -> str:
    """What a file of flags says of itself, besides the flags."""
    device = f"{spec.gpus} GPU{'s' if spec.gpus > 1 else ''}" if spec.gpus else "a CPU"
    head = {"new": "a new value head is drawn", "keep": "the start's value head is kept"}[spec.head]
    return f"Flags of OpenRLHF 0.11.2 (openrlhf.cli.train_rm), run by `janus reward run` on {device}; {head}."


def write_args(path: Path, flags: Flags, *, about: str) -> None:
    """Write the flags, one and its values a line, below `about` as a comment; whole or not at all."""
    with written_whole(path) as out:
        out.writelines(f"# {line}\n" for line in about.splitlines())
        out.writelines(f"--{flag}{_values(value)}\n" for flag, value in flags.items())


def _values(value: Any) -> str:
    values = [] if value is True else value if isinstance(value, list) else [value]
    return "".join(f" {shlex.quote(str(one))}" for one in values)
