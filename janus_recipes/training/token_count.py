"""The tokens that ORPO reads, in the trainer's log: TRL counts those of its other methods, and none of this one.

    count_tokens(trainer)      # axolotl's plugin, training/stopping.py, once the trainer is made

Runs inside axolotl's environment.
"""

from __future__ import annotations

from typing import Any

MASKS = ("chosen_attention_mask", "rejected_attention_mask")
"""Of a batch of TRL's ORPO: 1 at each token that is no padding, of either side."""


class TokenCount:
    """Stands before a trainer's `compute_loss` and `log`. Counts from 0 at each start, as TRL does in DPO."""

    def __init__(self, trainer: Any) -> None:
        self.compute, self.tell, self.gather = trainer.compute_loss, trainer.log, trainer.accelerator.gather
        self.tokens: Any = 0

    def compute_loss(self, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        self.tokens = self.tokens + sum(inputs[mask].sum() for mask in MASKS)
        return self.compute(model, inputs, *others, **named)

    def log(self, logs: dict[str, float], *others: Any, **named: Any) -> None:
        """Adds `num_tokens` to a step's log, of all GPUs together: TRL's name for it in DPO."""
        if "loss" in logs:  # the last log is of the whole training, and no step's
            logs["num_tokens"] = int(self.gather(self.tokens).sum().item())
        self.tell(logs, *others, **named)


def count_tokens(trainer: Any) -> None:
    """Have TRL's ORPO trainer log the tokens that it has read."""
    counted = TokenCount(trainer)
    trainer.compute_loss, trainer.log = counted.compute_loss, counted.log
