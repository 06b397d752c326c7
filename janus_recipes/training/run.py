"""Run axolotl on a configuration, continue it after a kill, and check that something was learned.

    janus train run janus-7b --recipe recipes/janus.yaml ...   # what rules/training.smk runs

Checkpoints live in a work folder that no rule declares: Snakemake deletes a failed job's outputs, and a checkpoint must
outlive its job. The finished model is moved to its place in one piece; the work folder goes with its manifest.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import yaml

from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of, digest_of_text, write_json, written_whole
from janus_recipes.processes import alone_in, last_lines, run_child
from janus_recipes.training.axolotl import OUT, PREPARED
from janus_recipes.training.check_config import WRONG_CONFIG
from janus_recipes.training.checkpoints import last_checkpoint, model_files, remove_incomplete, state_of

LOG = "axolotl.log"
STARTED_FROM = "started_from.json"

START = "=== janus train: "
"""Begins the line that is logged at each start."""

DROPPED = (
    re.compile(r"Dropped (\d+) sequences outside valid range"),
    re.compile(r"Dropped (\d+) samples with no trainable tokens"),
)
"""What axolotl 0.19.0 logs when it leaves rows out: too long, or without an answer."""


@dataclass(frozen=True)
class LossPoint:
    """One optimizer step: `epoch` counts passes over the data, `loss` is the mean over the answers' tokens, in nats."""

    step: int
    epoch: float
    loss: float
    learning_rate: float


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    `first_loss` and `last_loss` are means over the first and the last tenth of the steps. `seconds` is this start's
    wall time: where a killed run was continued, the time before the kill is not in it. `rows_dropped` were longer than
    `sequence_len` or had no answer. `tokens` were read, padding included, and `tokens_learned` of them are answers.
    """

    steps: int
    first_loss: float
    last_loss: float
    seconds: float
    rows_dropped: int
    tokens: int
    tokens_learned: int


def train(config: Path, work: Path, out: Path, *, environment: Path, gpus: int) -> TrainingResult:
    """Train as `config` (axolotl's YAML, with `work`/out as its output folder) says; the model's files go into `out`.

    `environment` is axolotl's virtual environment. Continues from the newest whole checkpoint in `work` if it was
    written by the same configuration on the same data. Raises StepError when axolotl fails, trains no step, or the loss
    is not finite or did not fall; `out` is then untouched. `work` is kept: it goes when the manifest is written.
    """
    began = time.monotonic()
    with alone_in(work):
        prepare_work(config, work)
        if not finished(last_checkpoint(work / OUT)):
            run_axolotl(config, work / LOG, environment, gpus)
        checkpoint = last_checkpoint(work / OUT)
        if checkpoint is None:
            raise StepError(no_step(config, work / LOG))
        state = state_of(checkpoint)
        curve = loss_curve(state)
        first, last = check_learned(curve, state, config)
        dropped = rows_dropped(work / LOG)
        move_model(checkpoint, curve, config, out)
    tokens, learned = tokens_read(state)
    return TrainingResult(len(curve), first, last, round(time.monotonic() - began, 1), dropped, tokens, learned)


def run_axolotl(config: Path, log: Path, environment: Path, gpus: int) -> None:
    """Check the configuration and train. Raises StepError with axolotl's last words when it fails."""
    with log.open("a", encoding="utf-8") as lines:
        lines.write(f"{START}{config}\n")
    code = run_child(axolotl_command(config, environment, gpus), env=axolotl_environ(config, environment), log=log)
    if code != 0:
        raise StepError(failure(config, code, log))


def finished(checkpoint: Path | None) -> bool:
    """Whether a checkpoint is the last: a run killed between its training and the move has nothing left to train."""
    if checkpoint is None:
        return False
    state = state_of(checkpoint)
    return bool(state["global_step"] >= state["max_steps"])


def prepare_work(config: Path, work: Path) -> None:
    """Make `work` fit to start or continue from: no checkpoint of another run, none half-written, no prepared data.

    axolotl would continue from the newest checkpoint's folder and read prepared data, whole or not.
    """
    started_from = work / STARTED_FROM
    origin = origin_of(config)
    if not started_from.exists() or json.loads(started_from.read_text(encoding="utf-8")) != origin:
        shutil.rmtree(work / OUT, ignore_errors=True)
        (work / LOG).unlink(missing_ok=True)
        write_json(started_from, origin)
    shutil.rmtree(work / PREPARED, ignore_errors=True)
    remove_incomplete(work / OUT)


def origin_of(config: Path) -> Json:
    """What decides a training, to tell one from another: configuration, data, and a local base's files."""
    keys = keys_of(config)
    base = Path(keys["base_model"])
    files = sorted(base.glob("*")) if base.is_dir() else []
    stamps = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files if file.is_file()]
    return {
        "config": digest_of(config),
        "datasets": [digest_of(Path(dataset["path"])) for dataset in keys["datasets"]],
        "base": digest_of_text("\n".join(stamps)),
    }


def keys_of(config: Path) -> Json:
    """axolotl's configuration as it was written."""
    keys: Json = yaml.safe_load(config.read_text(encoding="utf-8"))
    return keys


def axolotl_command(config: Path, environment: Path, gpus: int) -> list[str]:
    """The command that checks the configuration and trains: one process, or one for each of several GPUs."""
    several = ["--launcher", "torchrun", "--", "--standalone", f"--nproc_per_node={gpus}"]
    launcher = several if gpus > 1 else ["--launcher", "python"]
    check = [str(environment / "bin" / "python"), "-m", "janus_recipes.training.check_config", str(config)]
    return [*check, "--gpus", str(gpus), "--then", "train", str(config), *launcher]


def axolotl_environ(config: Path, environment: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables of the training: no telemetry, and no hub where everything is on this machine.

    axolotl replaces itself with `torchrun`, which it looks up on the PATH.
    """
    root = str(Path(__file__).parents[2])
    environ = dict(inherited) | {
        "AXOLOTL_DO_NOT_TRACK": "1",
        "PATH": f"{environment / 'bin'}:{inherited.get('PATH', '')}",
        "AXOLOTL_DATASET_NUM_PROC": "0",  # the default where the configuration says 0, which axolotl reads as nothing
        "PYTHONPATH": f"{root}:{inherited['PYTHONPATH']}" if inherited.get("PYTHONPATH") else root,
    }
    keys = keys_of(config)
    # FlashAttention-2's kernel comes from the hub as well, so a local base alone does not make a run offline.
    if Path(keys["base_model"]).is_dir() and keys.get("attn_implementation") != "flash_attention_2":
        environ["HF_HUB_OFFLINE"] = "1"
    return environ


def failure(config: Path, code: int, log: Path) -> str:
    """The message when axolotl ended with an error."""
    if code == WRONG_CONFIG:
        return f"{config}: axolotl would refuse or ignore a part of it; nothing was trained:\n{last_lines(log)}"
    return (
        f"axolotl failed on {config} (exit {code}). Its last words:\n{last_lines(log)}\n"
        "Its checkpoints are kept: the same command continues from the last one."
    )


def no_step(config: Path, log: Path) -> str:
    """The message when axolotl ended well without a checkpoint: it saves an untrained model and calls it a success."""
    keys = keys_of(config)
    size = f"{keys['micro_batch_size']} x {keys['gradient_accumulation_steps']} x {keys['sequence_len']} tokens"
    return (
        f"{config}: axolotl ran no training step: the data set, packed, is smaller than one batch of {size}. "
        f"Lower sequence_len, micro_batch_size or gradient_accumulation_steps, or use more data.\n{last_lines(log, 5)}"
    )


def rows_dropped(log: Path) -> int:
    """How many rows axolotl left out at its last start, by its log. It prepares the data anew at each."""
    text = log.read_text(encoding="utf-8", errors="replace").rpartition(START)[2]
    return sum(int(count) for pattern in DROPPED for count in pattern.findall(text))


def loss_curve(state: Json) -> list[LossPoint]:
    """The loss at every step, from a checkpoint's state. A continued run's curve is whole: the state carries it on."""
    return [
        LossPoint(entry["step"], entry["epoch"], float(entry["loss"]), float(entry["learning_rate"]))
        for entry in state["log_history"]
        if "loss" in entry
    ]


def check_learned(curve: list[LossPoint], state: Json, config: Path) -> tuple[float, float]:
    """The mean loss of the first and of the last tenth of the steps. Raises StepError unless it is finite and fell."""
    if state["global_step"] < state["max_steps"]:
        raise StepError(
            f"{config}: axolotl stopped at step {state['global_step']} of {state['max_steps']}: run it again"
        )
    if len(curve) < 2:
        raise StepError(
            f"{config}: one step is not a training: the data set fills a single batch; use more data or epochs"
        )
    lost = next((point for point in curve if not math.isfinite(point.loss)), None)
    if lost is not None:
        raise StepError(
            f"{config}: the loss is {lost.loss} from step {lost.step} on: lower learning_rate or add warmup_steps"
        )
    window = math.ceil(len(curve) / 10)
    first, last = (fmean(point.loss for point in part) for part in (curve[:window], curve[-window:]))
    if last >= first:
        raise StepError(
            f"{config}: nothing was learned in {len(curve)} steps: the loss went from {first:.3f} to {last:.3f}. "
            "Look at learning_rate, epochs and the rows of the data set."
        )
    return first, last


def tokens_read(state: Json) -> tuple[int, int]:
    """Tokens read and tokens learned from, as axolotl counts them in its log; 0 where it did not."""
    counts = [entry for entry in state["log_history"] if "tokens/total" in entry]
    return (int(counts[-1]["tokens/total"]), int(counts[-1]["tokens/trainable"])) if counts else (0, 0)


def move_model(checkpoint: Path, curve: list[LossPoint], config: Path, out: Path) -> None:
    """Put the model, its loss curve and its configuration at `out`, whole or not at all. What was there is replaced."""
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for file in model_files(checkpoint):
        link_or_copy(file, half / file.name)
    shutil.copyfile(config, half / "axolotl.yaml")
    write_curve(half / "training.csv", curve)
    shutil.rmtree(out, ignore_errors=True)
    half.replace(out)


def link_or_copy(file: Path, target: Path) -> None:
    """The same file under a second name: 14 GB of weights need no copy, unless `target` is on another disk."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)


def write_curve(path: Path, curve: list[LossPoint]) -> None:
    """The loss curve as CSV: step, epoch, loss, learning_rate."""
    with written_whole(path) as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(("step", "epoch", "loss", "learning_rate"))
        rows.writerows((point.step, point.epoch, point.loss, point.learning_rate) for point in curve)
