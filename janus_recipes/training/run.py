"""Run axolotl on a configuration, continue it after a stop, and check that something was learned.

    janus train run janus-7b --recipe recipes/janus.yaml ...   # what rules/training.smk runs

The same for SFT, DPO and ORPO. The finished model is moved to its place in one piece.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import yaml

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.processes import alone_in, last_lines
from janus_recipes.recipe.training import AxolotlTraining
from janus_recipes.training.axolotl import OUT, PREPARED, write_config
from janus_recipes.training.check_config import WRONG_CONFIG
from janus_recipes.training.checkpoints import last_checkpoint, model_files, remove_incomplete, state_of, step_of
from janus_recipes.training.curves import CurvePoint
from janus_recipes.training.engine import EngineFailed, last_start, run_engine
from janus_recipes.training.failures import check_learned
from janus_recipes.training.merge import ADAPTER, merge_adapter
from janus_recipes.training.tracking import Tracked
from janus_recipes.training.work import begin, move_model, origin_of, timed

LOG = "axolotl.log"

RUN = "run.yaml"
"""The configuration as it is run, inside the work folder: the model's, and what may change under way."""

MERGED = "merged"
"""The whole model of an adapter, inside the work folder."""

STOPPING = "janus_recipes.training.stopping.Stopping"

DROPPED = (
    re.compile(r"Dropped (\d+) sequences outside valid range"),
    re.compile(r"Dropped (\d+) samples with no trainable tokens"),
    re.compile(r"Dropped (\d+) long samples from dataset"),
)
"""What axolotl 0.19.0 logs when it leaves rows out: too long, without an answer, or pairs with a side too long."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    `first_loss` and `last_loss` are means over the first and the last tenth of the steps, `reward_accuracy` the last
    tenth's share of pairs whose chosen answer is scored higher; None in SFT. `seconds` is the wall time of all starts
    together. `rows_dropped` were longer than `sequence_len` or had no answer. `tokens` were read: in SFT with padding,
    of pairs both sides without. `tokens_learned` are those that SFT took its loss of, by the labels that it was fed.
    """

    steps: int
    first_loss: float
    last_loss: float
    reward_accuracy: float | None
    seconds: float
    rows_dropped: int
    tokens: int | None
    tokens_learned: int | None


def train(
    config: Path, work: Path, out: Path, *, environment: Path, spec: AxolotlTraining, tracked: Tracked | None = None
) -> tuple[TrainingResult, list[CurvePoint]]:
    """Train as `config` (axolotl's YAML, with `work`/out as its output folder) says; the model's files go into `out`.

    `spec` is the training that the YAML was written of: the number of GPUs and of checkpoints do not stand in it.
    `environment` is axolotl's virtual environment. Continues from the newest whole checkpoint in `work` if it was
    written by the same configuration on the same data. Returns the result and every step of the curve. Raises StepError
    when axolotl fails or is stopped, trains no step, or the loss is not finite or did not fall; `out` is then
    untouched. `work` is kept: it goes when the manifest is written.
    """
    if tracked is not None:
        tracked.check(environment)
    with alone_in(work):
        prepare_work(config, work, spec)
        with timed(work, work / LOG) as seconds:
            if not finished(last_checkpoint(work / OUT)):
                run_axolotl(config, work, environment, spec, tracked)
            checkpoint = last_checkpoint(work / OUT)
            if checkpoint is None or step_of(checkpoint) == 0:
                raise StepError(no_step(config, work / LOG))
            state = state_of(checkpoint)
            points = curve_of(state)
            first, last = check_learned(points, what=str(config), done=state["global_step"], planned=state["max_steps"])
            move_model(whole_model(config, work, checkpoint, environment), out)
        dropped, (tokens, learned) = rows_dropped(work / LOG), tokens_read(state)
    accuracy = last_accuracy(points)
    return TrainingResult(len(points), first, last, accuracy, seconds(), dropped, tokens, learned), points


def prepare_work(config: Path, work: Path, spec: AxolotlTraining) -> None:
    """Make `work` fit to start or continue from: no checkpoint of another run, none half-written, no prepared data.

    axolotl would continue from the newest checkpoint's folder and read prepared data, whole or not. Its configuration
    knows accumulated steps alone: 4 GPUs with a batch of 32 and 8 with one of 64 look the same there.
    """
    keys = keys_of(config)
    origin = origin_of(config, [Path(dataset["path"]) for dataset in keys["datasets"]], keys["base_model"])
    begin(work, origin | {"gpus": spec.gpus, "batch_size": spec.batch_size})
    shutil.rmtree(work / PREPARED, ignore_errors=True)
    remove_incomplete(work / OUT)


def run_axolotl(config: Path, work: Path, environment: Path, spec: AxolotlTraining, tracked: Tracked | None) -> None:
    """Check the configuration and train. Raises StepError with axolotl's last words when it fails."""
    as_run = work / RUN
    write_config(as_run, keys_as_run(keys_of(config), spec, tracked))
    log = work / LOG
    try:
        run_engine(
            "axolotl",
            axolotl_command(as_run, environment, spec.gpus),
            env=axolotl_environ(as_run, environment) | (tracked.environ() if tracked else {}),
            log=log,
            what=str(config),
            continues_from=lambda: step_of(last_checkpoint(work / OUT)),
        )
    except EngineFailed as failed:
        if failed.code != WRONG_CONFIG:
            raise
        refused = "axolotl would refuse or ignore a part of it; nothing was trained"
        raise StepError(f"{config}: {refused}:\n{last_lines(log)}") from None


def keys_as_run(keys: Json, spec: AxolotlTraining, tracked: Tracked | None) -> Json:
    """A model's configuration with what decides nothing about the model, and so may change while it is trained."""
    reports = tracked.axolotl_keys() if tracked else {}
    saves = {"saves_per_epoch": spec.saves_per_epoch}
    return {**keys, **saves, **reports, "plugins": [*keys.get("plugins", []), STOPPING]}


def whole_model(config: Path, work: Path, checkpoint: Path, environment: Path) -> list[Path]:
    """The files of the model that a training's last checkpoint holds; an adapter is merged into its base first."""
    if not (checkpoint / ADAPTER).exists():
        return model_files(checkpoint)
    merged, environ = work / MERGED, axolotl_environ(config, environment)
    merge_adapter(config, checkpoint, merged, environment=environment, environ=environ, log=work / LOG)
    return model_files(merged)


def finished(checkpoint: Path | None) -> bool:
    """Whether a checkpoint is the last: a run killed between its training and the move has nothing left to train."""
    if checkpoint is None:
        return False
    state = state_of(checkpoint)
    return bool(state["global_step"] >= state["max_steps"])


def keys_of(config: Path) -> Json:
    """axolotl's configuration as it was written."""
    keys: Json = yaml.safe_load(config.read_text(encoding="utf-8"))
    return keys


def axolotl_command(config: Path, environment: Path, gpus: int) -> list[str]:
    """The command that checks the configuration and trains: one process, or one for each of several GPUs."""
    # torchrun would give its ranks 30 s after SIGTERM. They get the signal as well, and end when they have saved.
    signals = "--signals-to-handle=SIGINT,SIGHUP,SIGQUIT"
    several = ["--launcher", "torchrun", "--", "--standalone", signals, f"--nproc_per_node={gpus}"]
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


def no_step(config: Path, log: Path) -> str:
    """The message when axolotl ended well without a checkpoint: it saves an untrained model and calls it a success."""
    keys = keys_of(config)
    size = f"{keys['micro_batch_size']} x {keys['gradient_accumulation_steps']} x {keys['sequence_len']} tokens"
    return (
        f"{last_lines(log, 5)}\n{config}: axolotl ran no training step: the data set, packed, is smaller than one "
        f"batch of {size}. Lower sequence_len, micro_batch_size or batch_size, or use more data."
    )


def rows_dropped(log: Path) -> int:
    """How many rows axolotl left out at its last start, by its log. It prepares the data anew at each."""
    text = last_start(log)
    return sum(int(count) for pattern in DROPPED for count in pattern.findall(text))


def curve_of(state: Json) -> list[CurvePoint]:
    """Every step, from a checkpoint's state. A continued run's curve is whole: the state carries it on."""
    return [
        CurvePoint(
            entry["step"],
            entry["epoch"],
            float(entry["loss"]),
            float(entry["learning_rate"]),
            entry.get("rewards/accuracies"),
            entry.get("tokens/train_per_sec_per_gpu"),
        )
        for entry in state["log_history"]
        if "loss" in entry
    ]


def last_accuracy(points: list[CurvePoint]) -> float | None:
    """The reward accuracy of the last tenth of the steps; None where there is none."""
    rights = [point.reward_accuracy for point in points if point.reward_accuracy is not None]
    return fmean(rights[-max(1, len(rights) // 10) :]) if rights else None


def tokens_read(state: Json) -> tuple[int | None, int | None]:
    """Tokens read and tokens learned from, as axolotl counts them in SFT; of pairs read as their log counts."""
    log = state["log_history"]
    read = _all_starts([int(entry["tokens/total"]) for entry in log if "tokens/total" in entry])
    learned = _all_starts([int(entry["tokens/trainable"]) for entry in log if "tokens/trainable" in entry])
    return read or _all_starts([int(entry["num_tokens"]) for entry in log if "num_tokens" in entry]), learned


def _all_starts(so_far: list[int]) -> int | None:
    """What was counted in all. The log counts on from step to step, and from 0 again at each start."""
    if not so_far:
        return None
    ends = [count for count, following in pairwise(so_far) if following <= count]
    return sum(ends) + so_far[-1]
