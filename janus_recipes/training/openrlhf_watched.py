"""OpenRLHF's reward trainer, watched: each step is written down, and a training stops well (OpenRLHF 0.11.2).

At SIGTERM (a cluster's time-out, preemption or cancelling) the step under way is finished and a checkpoint written, on
however many GPUs; then the process ends with the exit code of SIGTERM. A loss that is no number ends the training at
that step. Runs inside OpenRLHF's environment; training/openrlhf_changes.py puts it in the trainer's place.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

STOPPED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, when a checkpoint was saved."""


class Watched(import_module("openrlhf.trainer.rm_trainer").RewardModelTrainer):  # type: ignore[misc]
    """OpenRLHF's trainer. Its means of a step are rank 0's alone; those written down are all ranks'."""

    steps: Path
    tokens = 0
    stopping = False

    def fit(self, *args: Any, **options: Any) -> None:
        self.since = time.monotonic()
        signal.signal(signal.SIGTERM, self.stop)
        super().fit(*args, **options)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def concatenated_inputs(self, *sides: Any) -> tuple[Any, Any]:
        ids, masks = super().concatenated_inputs(*sides)
        if self.model.training:
            self.tokens += int(masks.sum())
        return ids, masks

    def save_logs_and_checkpoints(
        self, args: Any, global_step: int, step_bar: Any, logs_dict: Any = None, client_states: Any = None
    ) -> None:
        self.write_down(global_step, logs_dict)
        super().save_logs_and_checkpoints(args, global_step, step_bar, logs_dict, client_states)
        if self.strategy.all_reduce({"stop": float(self.stopping)}, op="max")["stop"]:
            self.save_and_stop(args, global_step, client_states)
        self.tokens, self.since = 0, time.monotonic()

    def write_down(self, step: int, logs: dict[str, float]) -> None:
        seconds = time.monotonic() - self.since
        wanted = {"loss": logs["loss_mean"], "reward_accuracy": logs["acc_mean"], "tokens": float(self.tokens)}
        means = self.strategy.all_reduce(wanted)
        if self.strategy.is_rank_0():
            line = {"step": step, "epoch": step / self.num_update_steps_per_epoch, "learning_rate": logs["lr"]}
            line |= {**means, "tokens_per_second": means["tokens"] / seconds}
            with self.steps.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
        if not math.isfinite(means["loss"]):
            raise RuntimeError(f"the loss is {means['loss']} at step {step}")

    def save_and_stop(self, args: Any, step: int, client_states: Any) -> None:
        if step % args.ckpt.save_steps:
            keep = (args.ckpt.max_num, args.ckpt.max_mem, client_states)
            self.strategy.save_ckpt(self.model, args.ckpt.path, f"global_step{step}", *keep)
        self.strategy.all_reduce({"saved": 1.0})  # the first to end would have torchrun end the others
        print(f"SIGTERM: a checkpoint was saved at step {step}", file=sys.stderr, flush=True)
        sys.exit(STOPPED)
