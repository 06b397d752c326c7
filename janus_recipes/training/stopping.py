"""axolotl's plugin `janus_recipes.training.stopping.Stopping`: a training stops well, and at once where it is lost.

At SIGTERM (a cluster's time-out, preemption or cancelling) the step under way is finished and a checkpoint written,
whatever the method and on however many GPUs; then the process ends with the exit code of SIGTERM. A loss that is no
number ends the training at that step, not after a day: transformers would log it as 0. DPO and ORPO get their tokens
per second into the trainer's log; ORPO's are counted here as well (training/token_count.py).

Runs inside axolotl's environment; `training/run.py` puts it into the configuration that is run.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from types import FrameType
from typing import Any

import torch
import torch.distributed as ranks
from axolotl.integrations.base import BasePlugin
from transformers import TrainerCallback

from janus_recipes.training.token_count import count_tokens

TOKENS_PER_SECOND = "tokens/train_per_sec_per_gpu"
"""axolotl's own name for it."""

STOPPED = 128 + signal.SIGTERM


class Stopping(BasePlugin):  # type: ignore[misc]
    """What axolotl asks of a plugin."""

    def get_training_args(self, cfg: Any) -> dict[str, Any]:
        """transformers' filter replaces a loss that is NaN or infinite by the mean since the last log: by 0."""
        return {"logging_nan_inf_filter": False}

    def add_callbacks_pre_trainer(self, cfg: Any, model: Any) -> list[TrainerCallback]:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # torchrun's ranks are born ignoring it (check_config.py)
        return [StopWell()]

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        if cfg.rl == "orpo":
            count_tokens(trainer)


class StopWell(TrainerCallback):  # type: ignore[misc]
    """Save and stop at SIGTERM; stop at a loss that is no number."""

    def __init__(self) -> None:
        self.asked = self.stopping = False
        self.rate = Rate()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # A continued training would go on saving as often as it did: a checkpoint's state wins over the configuration.
        state.compute_steps(args, state.max_steps)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        self.stopping = any_rank(self.asked, args.device)
        control.should_save = control.should_save or self.stopping
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """How many steps an epoch of packed rows has is an estimate. Where the last one has fewer, all is done."""
        is_last = math.ceil(state.epoch) >= state.num_train_epochs
        if is_last and state.global_step < state.max_steps and not control.should_training_stop:
            state.max_steps = state.global_step
            control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self.stopping:
            return
        if ranks.is_available() and ranks.is_initialized():
            ranks.barrier()  # the first to end would have torchrun end the others, in the middle of their writing
        if state.is_world_process_zero:
            print(f"SIGTERM: a checkpoint was saved at step {state.global_step}", file=sys.stderr, flush=True)
        sys.exit(STOPPED)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(float(loss)):
            raise RuntimeError(f"the loss is {loss} at step {state.global_step}")
        if loss is not None and (rate := self.rate.at((logs or {}).get("num_tokens"), args.world_size)) is not None:
            state.log_history[-1].setdefault(TOKENS_PER_SECOND, rate)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Rate:
    """Tokens per second on one GPU, by the tokens so far in DPO's and ORPO's log. axolotl logs SFT's rate."""

    last: tuple[float, float] | None = None

    def at(self, tokens: float | None, gpus: int) -> float | None:
        """The rate since the last call; None at the first, and where nothing is counted."""
        if tokens is None:
            return None
        before, self.last = self.last, (float(tokens), time.perf_counter())
        return before and (self.last[0] - before[0]) / (self.last[1] - before[1]) / max(1, gpus)


def any_rank(asked: bool, device: Any) -> bool:
    """Whether any process of the training was asked: they write a checkpoint together, so they decide together."""
    if not (ranks.is_available() and ranks.is_initialized()):
        return asked
    flag = torch.tensor(int(asked), device=device)
    ranks.all_reduce(flag, op=ranks.ReduceOp.MAX)
    return bool(flag.item())
