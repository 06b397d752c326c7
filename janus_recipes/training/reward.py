"""Train one stage of a reward model with OpenRLHF, continue it after a stop, and check that something was learned.

    janus reward run janus-rm-7b --recipe recipes/janus.yaml ...   # what rules/training.smk runs

The work folder and what may be continued there are as in `training/run.py`. The finished model is moved to its place in
one piece, with what transformers and vLLM need to load it as one that gives a single number.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of, read_jsonl, write_json, write_jsonl, written_whole
from janus_recipes.processes import alone_in
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.training.checkpoints import model_files
from janus_recipes.training.curves import CurvePoint
from janus_recipes.training.engine import last_start, run_engine
from janus_recipes.training.failures import check_learned
from janus_recipes.training.openrlhf_changes import STEPS
from janus_recipes.training.openrlhf_launch import CHECKPOINTS, FINISHED, MODEL, REFUSED
from janus_recipes.training.reward_rows import prepared_rows
from janus_recipes.training.run import last_accuracy
from janus_recipes.training.tracking import Tracked
from janus_recipes.training.work import begin, move_model, origin_of, timed

LOG = "openrlhf.log"
JOB = "job.json"

TAG = "global_step"
"""A checkpoint's folder is named by this and its step; the file `latest` beside it names the one to continue from."""

HEAD = "score.weight"
"""The value head's name in a reward model's weights."""


@dataclass(frozen=True)
class RewardResult:
    """What a stage came to.

    `first_loss` and `last_loss` are means over the first and the last tenth of the steps, `reward_accuracy` is the last
    tenth's share of pairs whose chosen side was scored higher before the step learned from them. Of the data set's
    `rows`, `rows_cut` lost the beginning of their prompt to `sequence_len`, and `rows_dropped` had no room for their
    answer; `rows_left_over`, the last ones, would not have filled a batch. `tokens` were read, both sides, without
    padding. `seconds` is the wall time of all starts.
    """

    steps: int
    first_loss: float
    last_loss: float
    reward_accuracy: float
    rows: int
    rows_cut: int
    rows_dropped: int
    rows_left_over: int
    tokens: int
    seconds: float


@dataclass(frozen=True)
class RewardJob:
    """What a stage is trained from: OpenRLHF's flags, pairs, the one template, the weights to start from."""

    args: Path
    data: Path
    template: Path
    start: str
    spec: RewardTraining


def train_reward(
    job: RewardJob, work: Path, out: Path, *, environment: Path, tracked: Tracked | None = None
) -> tuple[RewardResult, list[CurvePoint]]:
    """Train as `job` says; the model's files go into `out`. `environment` is OpenRLHF's virtual environment.

    Continues from the newest whole checkpoint in `work` if it was begun by the same job. Returns the result and every
    step of the curve. Raises StepError when OpenRLHF refuses, fails or is stopped, trains no step, or the loss is not
    finite or did not fall; `out` is then untouched. `work` is kept: it goes when the manifest is written.
    """
    if tracked is not None:
        tracked.check(environment)
    check_head(job)
    with alone_in(work):
        begin(work, origin(job))
        with timed(work, work / LOG) as seconds:
            if not (work / FINISHED).exists():
                run_openrlhf(job, work, environment, tracked)
        rows = prepared_rows(work) or {}
        steps = list(read_jsonl(work / STEPS))
        points = curve_of(steps)
        planned = rows["kept"] // job.spec.batch_size * int(job.spec.epochs)
        done = points[-1].step if points else 0
        first, last = check_learned(points, what=str(job.args), done=done, planned=planned)
        if not has_head(work / MODEL):
            raise StepError(f"{job.args}: OpenRLHF saved no value head ({HEAD}): look at {work / LOG}")
        move_model(model_files(work / MODEL), out)
    counts = {"rows": rows["rows"], "rows_cut": rows["cut"], "rows_dropped": rows["dropped"]}
    counts["rows_left_over"] = rows["kept"] % job.spec.batch_size
    result = RewardResult(
        steps=len(points),
        first_loss=first,
        last_loss=last,
        reward_accuracy=last_accuracy(points) or 0.0,
        tokens=round(sum(step["tokens"] for step in steps)) * max(1, job.spec.gpus),
        seconds=seconds(),
        **counts,
    )
    return result, points


def run_openrlhf(job: RewardJob, work: Path, environment: Path, tracked: Tracked | None) -> None:
    """One start of OpenRLHF. Raises StepError when it is refused, fails or is stopped."""
    keep_whole_checkpoints(work / CHECKPOINTS)
    keep_steps(work / STEPS, last_step(work / CHECKPOINTS) or 0)
    write_json(work / JOB, launched(job, work, tracked))
    launch = [str(environment / "bin" / "python"), "-m", "janus_recipes.training.openrlhf_launch", str(work / JOB)]
    try:
        run_engine(
            "OpenRLHF",
            launch,
            env=openrlhf_environ(job, work) | (tracked.environ() if tracked else {}),
            log=work / LOG,
            what=str(job.args),
            continues_from=lambda: last_step(work / CHECKPOINTS),
        )
    except StepError:
        refusal = last_start(work / LOG).partition(REFUSED)[2].strip()
        if refusal:
            raise StepError(f"{refusal}\nNothing was trained.") from None
        raise


def launched(job: RewardJob, work: Path, tracked: Tracked | None) -> Json:
    """The job of `training/openrlhf_launch.py`."""
    return {
        "args": str(job.args),
        "data": str(job.data),
        "work": str(work),
        "template": job.template.read_text(encoding="utf-8"),
        "start": job.start,
        "head": job.spec.head,
        "gpus": job.spec.gpus,
        "batch_size": job.spec.batch_size,
        "saves_per_epoch": job.spec.saves_per_epoch,
        "reports": tracked.openrlhf_flags() if tracked else [],
    }


def origin(job: RewardJob) -> Json:
    """What decides a stage, to tell one from another."""
    decided = origin_of(job.args, [job.data], job.start)
    return {**decided, "template": digest_of(job.template), "head": job.spec.head, "gpus": job.spec.gpus}


def openrlhf_environ(job: RewardJob, work: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables of the training: our code, its own cache of rows, no hub where all is on this machine."""
    root = str(Path(__file__).parents[2])
    environ = dict(inherited) | {
        "PYTHONPATH": f"{root}:{inherited['PYTHONPATH']}" if inherited.get("PYTHONPATH") else root,
        "HF_DATASETS_CACHE": str((work / "rows-cache").absolute()),
        "PYTHONWARNINGS": "ignore::FutureWarning",  # one of torch's at every step would bury what a log has to say
    }
    environ.pop("RANK", None)  # a cluster may set it; here it tells torchrun's ranks from the first process
    if Path(job.start).is_dir() and job.spec.attention != "flash_attention_2":  # its kernel comes from the hub
        environ["HF_HUB_OFFLINE"] = "1"
    return environ


def check_head(job: RewardJob) -> None:
    """Raises StepError where the head is to be kept and the start has none: a random one would pass for it."""
    if job.spec.head == "keep" and not has_head(Path(job.start)):
        raise StepError(
            f"{job.start}: no value head ({HEAD}) to keep: start from a reward model, or choose `head: new`"
        )


def has_head(model: Path) -> bool:
    """Whether the weights in a folder are a reward model's."""
    return any(HEAD in tensors_of(file) for file in model.glob("*.safetensors"))


def tensors_of(path: Path) -> set[str]:
    """The names of the tensors in a safetensors file, by its header: its length in 8 bytes, then JSON."""
    with path.open("rb") as data:
        header = json.loads(data.read(int.from_bytes(data.read(8), "little")))
    return set(header)


def keep_whole_checkpoints(folder: Path) -> None:
    """Leave the newest whole checkpoint and those before it, and have `latest` name it.

    DeepSpeed names a checkpoint there when it is written; a kill before leaves a half-written one behind, which
    OpenRLHF would count among those it keeps, and delete the whole one for.
    """
    whole = [step for step in checkpoint_steps(folder) if is_whole(folder / f"{TAG}{step}")]
    for step in checkpoint_steps(folder):
        if step not in whole:
            shutil.rmtree(folder / f"{TAG}{step}")
    if whole:
        with written_whole(folder / "latest") as latest:
            latest.write(f"{TAG}{whole[-1]}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def last_step(folder: Path) -> int | None:
    """The step of the newest whole checkpoint; None where there is none."""
    return next((step for step in reversed(checkpoint_steps(folder)) if is_whole(folder / f"{TAG}{step}")), None)


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps of all checkpoints, whole or not, in order."""
    names = [path.name for path in folder.glob(f"{TAG}*") if path.is_dir()]
    return sorted(int(name.removeprefix(TAG)) for name in names if re.fullmatch(rf"{TAG}\d+", name))


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to its end: OpenRLHF writes `metric.json` last; .pt files are zip archives."""
    states = list(checkpoint.glob("*.pt"))
    return (checkpoint / "metric.json").exists() and bool(states) and all(map(zipfile.is_zipfile, states))


def keep_steps(path: Path, until: int) -> None:
    """Leave the steps that the checkpoint has behind it. Those after it come again; the last may be half a line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_jsonl(path, (step for step in map(read_step, lines) if step is not None and step["step"] <= until))


def read_step(line: str) -> Json | None:
    """A step as it was written down; None where the line is torn."""
    try:
        step: Json = json.loads(line)
    except ValueError:
        return None
    return step


def curve_of(steps: list[Json]) -> list[CurvePoint]:
    """The steps as a curve."""
    names = ("step", "epoch", "loss", "learning_rate", "reward_accuracy", "tokens_per_second")
    return [CurvePoint(**{name: step[name] for name in names}) for step in steps]
