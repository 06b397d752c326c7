"""Why a training failed: a cause and a remedy in the last line. Processes really fail where they can without a GPU."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.training.curves import CurvePoint
from janus_recipes.training.engine import EngineFailed, run_engine
from janus_recipes.training.failures import check_learned, why_it_failed

ROOT = Path(__file__).parents[2]

TAKE_A_PORT_TWICE = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); t = socket.socket(); "
TAKE_A_PORT_TWICE += "t.bind(s.getsockname())"


def run(folder: Path, code: str, step: int | None = None) -> None:
    """Run Python code as an engine would be."""
    run_engine(
        "axolotl",
        [sys.executable, "-c", code],
        env=dict(os.environ),
        log=folder / "log",
        what="mine.yaml",
        continues_from=lambda: step,
    )


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("open('/dev/full', 'w').write('x' * 100000)", "no space left on the disk"),
        ("bytearray(1 << 60)", "out of memory on the machine"),
        ("import os; os.kill(os.getpid(), 9)", "killed (signal 9): most likely out of memory on the machine"),
        (TAKE_A_PORT_TWICE, "a port is in use"),
        ("raise RuntimeError('the loss is nan at step 7')", "the loss is nan at step 7: lower learning_rate"),
        ("raise RuntimeError('something new')", "the cause is not known: read the log"),
    ],
)
def test_the_last_line_of_a_failed_training_says_why_and_what_the_same_command_does(
    tmp_path: Path, code: str, cause: str
) -> None:
    with pytest.raises(EngineFailed) as failed:
        run(tmp_path, code, step=40)
    last = str(failed.value).splitlines()[-1]
    assert last.startswith(f"axolotl failed: {cause}") and last.endswith("the same command continues from step 40")


@pytest.mark.parametrize(
    ("logged", "cause"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "out of GPU memory: lower micro_b"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling", "out of GPU memory"),
        ("  exitcode  : -9 (pid: 4242)", "out of memory on the machine"),
        ("[Rank 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9", "the GPUs lost each other"),
        ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", "the hub asks for leave"),
        ("OSError: We couldn't connect to 'https://huggingface.co' to load the files", "the hub cannot be reached"),
        ("RuntimeError: Found no NVIDIA driver on your system.", "no GPU was found"),
        ("safetensors_rust.SafetensorError: Error while deserializing header", "a checkpoint could not be read"),
    ],
)
def test_what_engines_log_is_told_in_plain_words(logged: str, cause: str) -> None:
    told = why_it_failed(f"Traceback (most recent call last):\n{logged}\n")
    assert told is not None and told.startswith(cause)


def test_a_lost_peer_is_not_blamed_for_the_memory_that_ran_out_before_it() -> None:
    log = "DistBackendError: NCCL error: remote process exited\ntorch.OutOfMemoryError: CUDA out of memory.\n"
    assert str(why_it_failed(log)).startswith("out of GPU memory")


def test_what_was_warned_of_is_not_the_cause_of_a_later_error() -> None:
    warned = "WARNING couldn't connect to 'https://hub'\nOSError: No space left on device (ignored)\n"
    log = warned + "Traceback (most recent call last):\nKeyError: 'messages'\n"
    assert why_it_failed(log) is None
    assert str(why_it_failed(warned)).startswith("no space left")  # ended without a word of Python's


@pytest.mark.parametrize(
    "log",
    [
        # an error in the handling of another one
        "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\nRuntimeError: writing failed\n",
        # one rank's, then another's, then torchrun's own
        "[rank1]: Traceback (most recent call last):\n[rank1]: OSError: [Errno 28] No space left on device\n"
        "[rank0]: Traceback (most recent call last):\n[rank0]: RuntimeError: Connection closed by peer\n"
        "E1122 api.py:984] failed (exitcode: 1) local_rank: 1 (pid: 7) of binary: python\n"
        "Traceback (most recent call last):\nChildFailedError: axolotl.cli.train FAILED\n",
    ],
    ids=["handled", "ranks"],
)
def test_the_cause_is_found_in_the_error_that_others_came_of(log: str) -> None:
    assert str(why_it_failed(log)).startswith("no space left")


def test_causes_of_an_earlier_start_are_not_told_again(tmp_path: Path) -> None:
    for code, cause in (("raise MemoryError", "out of memory on the machine"), ("raise SystemExit(3)", "not known")):
        with pytest.raises(EngineFailed, match=cause):
            run(tmp_path, code)


STOPPED = """
import sys
from pathlib import Path
from janus_recipes.errors import StepError
from janus_recipes.training.engine import run_engine
slow = ["sh", "-c", "echo ' 50%|#####     | 40/80 [00:01<00:01]'; sleep 30"]
try:
    run_engine("axolotl", slow, env={}, log=Path(sys.argv[1]), what="mine.yaml", continues_from=lambda: 20)
except StepError as error:
    sys.exit(f"janus: {error}")
"""


def test_sigterm_ends_a_training_with_where_it_was_and_where_it_goes_on(tmp_path: Path) -> None:
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    step = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path / "log")], env=environ, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "log").exists() or "40/80" not in (tmp_path / "log").read_text():
        time.sleep(0.01)
    step.send_signal(signal.SIGTERM)
    told = step.communicate(timeout=10)[1].splitlines()[-1]
    expected = "stopped by SIGTERM at step 40 of 80; the same command continues from step 20"
    assert told == f"janus: mine.yaml: {expected}"
    assert step.returncode == 1


def curve(losses: Sequence[float], accuracy: float | None = None) -> list[CurvePoint]:
    return [CurvePoint(step, 1.0, loss, 1e-3, accuracy) for step, loss in enumerate(losses, start=1)]


def learned(points: list[CurvePoint], planned: int | None = None) -> tuple[float, float]:
    done = len(points)
    return check_learned(points, what="mine.yaml", done=done, planned=done if planned is None else planned)


def test_a_training_that_learned_reports_the_loss_it_began_and_ended_with() -> None:
    # 11 steps: a tenth is 1.1, so windows of 2. (4 + 3) / 2 = 3.5 and (2 + 1) / 2 = 1.5.
    assert learned(curve([4.0, 3.0, *[2.5] * 7, 2.0, 1.0])) == (3.5, 1.5)


@pytest.mark.parametrize(
    ("points", "planned", "words"),
    [
        ([], 0, "no training step was run"),
        (curve([2.0]), 1, "one step is not a training"),
        (curve([2.0, 1.0]), 5, "stopped at step 2 of 5"),
        (curve([2.0, math.nan, math.nan]), 3, "the loss is nan from step 2 on"),
        (curve([2.0, math.inf, 1.0]), 3, "the loss is inf from step 2 on"),
        (curve([2.0, 2.0, 2.1]), 3, "nothing was learned in 3 steps: the loss went from 2.000 to 2.100"),
        (curve([math.log(2)] * 30, accuracy=0.5), 30, "nothing was learned"),  # DPO that never left its reference
    ],
)
def test_a_training_that_did_not_learn_says_how(points: list[CurvePoint], planned: int, words: str) -> None:
    with pytest.raises(StepError, match=words):
        learned(points, planned)


def test_a_loss_that_only_goes_up_and_down_with_the_batches_has_not_fallen() -> None:
    # Of 200 trainings that learned nothing half end lower than they began; by more than two deviations 2.3% do, 5.
    # Ten are 2.3 deviations of a binomial away.
    drawn = random.Random(1)
    passed = 0
    for _ in range(200):
        try:
            learned(curve([drawn.gauss(2.0, 0.1) for _ in range(100)]))
        except StepError:
            continue
        passed += 1
    assert passed < 10


@pytest.mark.parametrize("fall", [0.05, 0.2, 1.0])
def test_a_small_fall_counts_where_the_batches_differ_little(fall: float) -> None:
    # 300 steps: windows of 30, in which a deviation of 0.02 a step becomes 0.02 * sqrt(2 / 30) = 0.005.
    drawn = random.Random(1)
    losses = [0.7 - fall * step / 300 + drawn.gauss(0, 0.02) for step in range(300)]
    first, last = learned(curve(losses))
    # The windows' middles are 270 steps apart, of 300.
    assert first - last == pytest.approx(0.9 * fall, abs=0.02)


def test_a_reward_model_that_knew_its_pairs_from_the_start_need_not_learn_more() -> None:
    level = [0.02, 0.03] * 20
    learned(curve(level, accuracy=0.98))
    with pytest.raises(StepError, match="nothing was learned"):
        learned(curve(level, accuracy=0.7))
