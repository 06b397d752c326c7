"""GPU-hours of a training by its arithmetic: parameters x tokens x operations, at the speed that a GPU reaches.

A token takes 2 operations a parameter forward and 4 backward; gradient checkpointing computes the forward pass again.
DPO's reference reads every token forward once more. Frozen weights, under an adapter, need no gradient of their own: 2
of the 4. Not counted are attention (3% more at rows of 760 tokens in a 7B model, 30% where one row fills 8192), padding
(none in packed rows), loading and saving. Pairs count both sides, the prompt in each.

The paper (appendix D.2) says "approximately 1 day in terms of GPU time" for each of instruction tuning, DPO and ORPO on
four A100; its authors' release says 1 to 2 GPU-days a method and 9 GPU-hours for the reward model. At 760 tokens a row
and 40% of an A100's peak this file gives for the paper's numbers of rows:

    SFT      196,957 rows x 760 x 4 epochs = 599M tokens x 8 x 7.24e9 = 3.5e19 operations    77 GPU-hours
    DPO       65,653 pairs x 1,520 x 2     = 200M tokens x 10 x 7.24e9                        32
    ORPO      65,653 pairs x 1,520 x 1     = 100M tokens x 8 x 7.24e9                         13
    reward    the same, then 66,000 pairs x 1,200 x 1 = 79M tokens                            13 + 10

So DPO fits 1 to 2 GPU-days, and ORPO does with the 2 epochs of the release (26 GPU-hours). SFT fits a day on all four
GPUs (96 GPU-hours), not one or two GPU-days: 48 GPU-hours would take 64% of the peak, and 24 more than all of it. The
reward model's 9 GPU-hours would be 100% of it; helpful dialogues are shorter than the 1,200 tokens assumed here, which
a finished data set shows.
"""

from __future__ import annotations

from janus_recipes.recipe.schema import Throughput
from janus_recipes.recipe.training import AxolotlTraining, DpoTraining, TrainingRun

FORWARD = 2.0
"""Operations a parameter and token: a multiplication and an addition."""


def operations_per_token(train: TrainingRun, parameters: float) -> float:
    """Floating point operations of one token of one epoch, in a model of so many parameters."""
    adapted = isinstance(train, AxolotlTraining) and train.adapter is not None
    backward = FORWARD if adapted else 2 * FORWARD
    again = FORWARD if train.gradient_checkpointing else 0.0
    reference = FORWARD if isinstance(train, DpoTraining) else 0.0
    return parameters * (FORWARD + backward + again + reference)


def stated_speed(throughput: Throughput) -> float:
    """Operations per second that one GPU is stated to reach in training."""
    return throughput.gpu_tflops * 1e12 * throughput.flops_utilization
