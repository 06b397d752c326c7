"""Why a training failed, in one sentence with what to do, and whether it learned: the last lines of a job's log.

`why_it_failed` reads an engine's log, `check_learned` its curve. Both are the same for axolotl and OpenRLHF.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from janus_recipes.errors import StepError
from janus_recipes.training.curves import CurvePoint

GPU_MEMORY = (
    "out of GPU memory: lower micro_batch_size (batch_size may stay: more steps are then accumulated) or sequence_len, "
    "keep gradient_checkpointing on, or hold less on each GPU: sft, dpo and orpo by sharding (fsdp or zero3) or an "
    "adapter, a reward model by zero_stage: 3 on more gpus"
)
HOST_MEMORY = (
    "out of memory on the machine, the GPUs' apart: ask for more (resources.engine_mem_mb), or on a CPU lower "
    "micro_batch_size or sequence_len"
)
DISK = (
    "no space left on the disk, or a quota is reached: free some where the work folder lies; a checkpoint of a 7B "
    "takes 29 GB by axolotl, with three there at a time, and 100 GB by OpenRLHF, with two"
)
SHARED_MEMORY = "no space left in /dev/shm: give the job more (containers: --shm-size), or fewer loader processes"
PORT = "a port is in use: another training runs on this machine; wait for it, or set MASTER_PORT to a free one"
PEERS = (
    "the GPUs lost each other (NCCL time-out): one of the processes hung or died; look for the first error of any rank "
    "above, and at the interconnect; NCCL_DEBUG=INFO says more"
)
HUB_KEY = "the hub asks for leave: accept the model's terms on its page and set HF_TOKEN for this account"
HUB_AWAY = "the hub cannot be reached: fetch the base model first where there is a network, or name a local folder"
NO_ROWS = "no row of the data set is left: all are longer than sequence_len or without an answer to learn from"
NO_CUDA = "no GPU was found: ask for one (gpus), look at the driver with nvidia-smi, or train on the CPU with gpus: 0"
CHECKPOINT = (
    "a checkpoint could not be read: delete it in the work folder; the same command continues from the one before it"
)

CAUSES: tuple[tuple[str, str], ...] = (
    (r"the loss is (?:nan|-?inf) at step \d+", r"\g<0>: lower learning_rate or add warmup_steps"),
    (r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|CUDA error: out of memory", GPU_MEMORY),
    (r"unable to (?:open|write|allocate) shared memory|unexpected bus error .*shared memory", SHARED_MEMORY),
    (r"No space left on device|Disk quota exceeded|file write failed|\[Errno 28\]|\[Errno 122\]|os error 28", DISK),
    (r"EADDRINUSE|Address already in use|address already in use", PORT),
    (
        r"MemoryError|Cannot allocate memory|DefaultCPUAllocator: (?:can't|not enough)|DataLoader worker .* killed"
        r"|exitcode +: -9\b",
        HOST_MEMORY,
    ),
    (
        r"Watchdog caught collective operation timeout|ncclRemoteError|ncclSystemError|NCCL timeout|DistBackendError",
        PEERS,
    ),
    (r"GatedRepoError|401 Client Error|403 Client Error|Access to model .* is restricted", HUB_KEY),
    (r"LocalEntryNotFoundError|OfflineModeIsEnabled|Name or service not known|couldn't connect to '?https", HUB_AWAY),
    (r"num_samples should be a positive integer value, but got num_samples=0|[Dd]ataset is empty", NO_ROWS),
    (r"No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device", NO_CUDA),
    (r"SafetensorError|PytorchStreamReader failed|invalid load key|Can't find a valid checkpoint", CHECKPOINT),
)
"""What engines, torch and the kernel say, and what it means. A log may hold several: causes stand above effects."""

KILLED = 137
"""The exit code of a process that was killed by SIGKILL (128 + 9)."""


WARNED_OF = (DISK, PORT, HUB_KEY, HUB_AWAY)
"""What engines and trackers also log and go on after: a cause only where the error that ended it says so."""

TRACEBACK = re.compile(
    r"(?<!exception:\n\n)(?<!occurred:\n\n)^(\[rank\d+\]: *)?Traceback \(most recent call last\)", re.MULTILINE
)
"""Begins an error, which may have come of another one; torchrun's ranks name themselves."""

TORCHRUN_ENDS = re.compile(r"failed \(exitcode: -?\d+\) local_rank")
"""After it comes torchrun's own traceback, which says nothing."""


def why_it_failed(log_text: str) -> str | None:
    """The cause and the remedy, by what an engine logged; None where it is not known.

    `log_text` is the log of the last start alone, or its end.
    """
    end = last_error(log_text)
    found = ((re.search(pattern, end if cause in WARNED_OF else log_text), cause) for pattern, cause in CAUSES)
    return next((match.expand(cause) for match, cause in found if match), None)


def last_error(log_text: str) -> str:
    """A log from the error that ended the training on, of several ranks' from the first; all where there is none."""
    text = TORCHRUN_ENDS.split(log_text)[0]
    errors = list(TRACEBACK.finditer(text))
    of_ranks = [error for error in errors if error[1]]
    began = of_ranks[:1] or errors[-1:]
    return text[began[0].start() :] if began else log_text


def why_it_was_killed(code: int) -> str | None:
    """The cause where an engine's exit code tells one: the kernel kills who takes more memory than there is."""
    if code != KILLED:
        return None
    return f"killed (signal 9): most likely {HOST_MEMORY}"


NOISE = 2.0
"""A loss has fallen when it fell by more than twice what chance does between two windows of its steps."""

STEPS_FOR_NOISE = 20
"""From this many steps on the noise of a step is known well enough to ask that."""

KNOWN = 0.9
"""From this reward accuracy on a model knew the pairs before it began, as a reward model's second stage may."""


def check_learned(points: Sequence[CurvePoint], *, what: str, done: int, planned: int) -> tuple[float, float]:
    """The mean loss of the first and of the last tenth of the steps.

    Raises StepError, with a message of its own each, for no step, a run that ended early (`done` of `planned` steps), a
    single step, a loss that is no number, and one that never fell. `what` names the configuration.
    """
    if done < planned:
        raise StepError(f"{what}: it stopped at step {done} of {planned}: the same command continues from there")
    if not points:
        raise StepError(f"{what}: no training step was run: the data set is smaller than one batch")
    if len(points) < 2:
        raise StepError(
            f"{what}: one step is not a training: the data set fills a single batch; use more data or epochs"
        )
    lost = next((point for point in points if not math.isfinite(point.loss)), None)
    if lost is not None:
        raise StepError(
            f"{what}: the loss is {lost.loss} from step {lost.step} on: lower learning_rate or add warmup_steps"
        )
    first, last = _tenths([point.loss for point in points])
    if not _fell(points) and not _knew(points):
        raise StepError(
            f"{what}: nothing was learned in {len(points)} steps: the loss went from {first:.3f} to {last:.3f}. "
            "Look at learning_rate, epochs and the rows of the data set."
        )
    return first, last


def _fell(points: Sequence[CurvePoint]) -> bool:
    """Whether the last tenth of the steps lies below the first, by more than chance where there are enough steps.

    The same for every method. DPO and reward models begin at ln 2, what a coin costs, and stay there when nothing is
    learned; SFT and ORPO stay at the start's likelihood, and go up and down by the batch. The noise of a step is taken
    from neighbouring steps, between which the trend hardly shows.
    """
    losses = [point.loss for point in points]
    first, last = _tenths(losses)
    if len(losses) < STEPS_FOR_NOISE:
        return last < first
    noise = math.sqrt(fmean((after - before) ** 2 for before, after in pairwise(losses)) / 2)
    return first - last > NOISE * noise * math.sqrt(2 / _window(losses))


def _knew(points: Sequence[CurvePoint]) -> bool:
    """Whether a training on pairs began and ended with nearly all of them right: then there was little to fall."""
    rights = [point.reward_accuracy for point in points if point.reward_accuracy is not None]
    return len(rights) == len(points) and min(_tenths(rights)) >= KNOWN


def _tenths(values: Sequence[float]) -> tuple[float, float]:
    window = _window(values)
    return fmean(values[:window]), fmean(values[-window:])


def _window(values: Sequence[float]) -> int:
    return math.ceil(len(values) / 10)
