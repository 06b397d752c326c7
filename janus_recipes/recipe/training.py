"""What a recipe may say about trainings (paper, section 3.2, appendices D and E). The names are the paper's.

A training is one run of one engine: axolotl for sft, dpo and orpo, OpenRLHF for reward models. A reward model's two
stages are two models, the second of which starts from the first.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from janus_recipes.recipe.axolotl_names import Optimizer, Scheduler
from janus_recipes.recipe.section import Name, Section

Attention = Literal["flash_attention_2", "sdpa", "eager"]
Precision = Literal["bf16", "fp32"]


class Adapter(Section):
    """Train a few added weights in place of all, for GPUs with less memory. They are merged into the model last."""

    kind: Literal["lora", "qlora"] = Field(description="qlora: the frozen weights are held in 4 bits")
    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class TrainingRun(Section):
    """What every training has."""

    dataset: Name = Field(description="a name under `datasets`")
    start: Name | None = Field(
        None, description="a trained model under `models` whose weights this one starts from; null: the base model's"
    )
    gpus: int = Field(4, ge=0, description="0: train on the CPU")
    batch_size: int = Field(
        ge=1,
        description="rows (with sample_packing: packed sequences) that one step learns from, on all GPUs together: "
        "gpus x micro_batch_size x as many accumulated steps as it takes",
    )
    micro_batch_size: int = Field(ge=1, description="rows that one GPU holds at a time")
    sequence_len: int = Field(ge=8, description="tokens")
    epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0)
    lr_scheduler: Scheduler = "cosine"
    weight_decay: float = Field(ge=0)
    gradient_checkpointing: bool = True
    attention: Attention = "flash_attention_2"
    precision: Precision = "bf16"
    saves_per_epoch: int = Field(
        1, ge=1, description="checkpoints; a killed run continues from the last one. May change while it is trained"
    )
    hours: float = Field(24.0, gt=0, description="wall-clock limit asked of the cluster")

    @property
    def accumulated_steps(self) -> int:
        """Backward passes before each optimizer step. `recipe/check_training.py` refuses what does not divide."""
        return max(1, self.batch_size // (max(1, self.gpus) * self.micro_batch_size))

    def decides(self) -> dict[str, Any]:
        """What decides the model, as manifests hold it: not how long it may take, nor how often it is saved."""
        return self.model_dump(mode="json", exclude={"hours", "saves_per_epoch"})


class AxolotlTraining(TrainingRun):
    """One axolotl run."""

    optimizer: Optimizer = "adamw_bnb_8bit"
    warmup_steps: int = Field(ge=0)
    adapter: Adapter | None = Field(None, description="LoRA or QLoRA; null: all weights learn, as in the paper")
    sharding: Literal["fsdp", "zero2", "zero3"] | None = Field(
        None,
        description="what the GPUs share instead of each holding all of it; null: each holds all, as in the paper. "
        "fsdp: PyTorch's fully sharded data parallelism; zero2, zero3: DeepSpeed's",
    )
    axolotl: dict[str, Any] = Field(
        {},
        description="further axolotl keys, written as they are. Those that the recipe sets elsewhere are refused; "
        "so are unknown ones, unless `plugins` is among them, which may have keys of their own",
    )


class SftTraining(AxolotlTraining):
    """Supervised fine-tuning (appendix D.1). A row longer than `sequence_len` is left out and counted."""

    method: Literal["sft"]
    sample_packing: bool = True


class DpoTraining(AxolotlTraining):
    """Direct preference optimisation (appendix E.1). The reference is what the training starts from."""

    method: Literal["dpo"]
    beta: float = Field(0.1, gt=0, description="how strongly it is held to the reference")


class OrpoTraining(AxolotlTraining):
    """Odds-ratio preference optimisation (appendix E.1): from the base, without a reference."""

    method: Literal["orpo"]
    alpha: float = Field(0.1, gt=0, description="weight of the odds ratio beside the likelihood (the paper's alpha)")


class RewardTraining(TrainingRun):
    """One stage of a reward model, by OpenRLHF (appendix E.2)."""

    method: Literal["reward"]
    head: Literal["new", "keep"] = Field(
        "new",
        description="new: begin with a random value head, as from a language model. keep: go on with the head of "
        "`start`, a reward model; OpenRLHF by itself always makes a new one",
    )
    betas: list[Annotated[float, Field(ge=0, lt=1)]] = Field(
        [0.9, 0.95], min_length=2, max_length=2, description="of AdamW"
    )
    warmup_ratio: float = Field(0.03, ge=0, lt=1, description="share of the steps")
    zero_stage: int = Field(3, ge=0, le=3, description="DeepSpeed's sharding")
    openrlhf: dict[str, Any] = Field(
        {},
        description="further flags of openrlhf.cli.train_rm, dotted, without dashes: {ds.adam_offload: true}. Unknown "
        "ones, and those that the recipe or the project sets, are refused",
    )


Training = Annotated[
    SftTraining | DpoTraining | OrpoTraining | RewardTraining,
    Field(discriminator="method"),
]
"""How a model is trained."""


class WandbTracking(Section):
    """Weights & Biases. The key is read from WANDB_API_KEY."""

    project: str
    entity: str | None = None


class MlflowTracking(Section):
    """MLflow; axolotl's trainings alone, OpenRLHF knows none."""

    uri: str
    experiment: str


class Tracking(Section):
    """Where trainings report to besides their own logs. Decides nothing about the models, so it re-runs none."""

    wandb: WandbTracking | None = None
    mlflow: MlflowTracking | None = None
    tensorboard: str | None = Field(None, description="folder of event files; one below it for each model")


class RehearsalTraining(Section):
    """What a rehearsal changes in trainings, also in those that an ablation adds: sizes and engine."""

    gpus: int | None = Field(None, ge=0)
    batch_size: int | None = Field(None, ge=1)
    micro_batch_size: int | None = Field(None, ge=1)
    sequence_len: int | None = Field(None, ge=8)
    epochs: float | None = Field(None, gt=0)
    optimizer: Optimizer | None = None
    warmup_steps: int | None = Field(None, ge=0)
    gradient_checkpointing: bool | None = None
    attention: Attention | None = None
    precision: Precision | None = None
    sample_packing: bool | None = None
    saves_per_epoch: int | None = Field(None, ge=1)
    hours: float | None = Field(None, gt=0)
    learning_rate_times: float | None = Field(
        None, gt=0, description="the learning rate is multiplied by it, so that an ablation of it stays one"
    )


class RehearsalTrainings(Section):
    """A rehearsal's changes to every training, on top of them those to one method's trainings, then to one model's."""

    every: RehearsalTraining = RehearsalTraining()
    sft: RehearsalTraining = RehearsalTraining()
    dpo: RehearsalTraining = RehearsalTraining()
    orpo: RehearsalTraining = RehearsalTraining()
    reward: RehearsalTraining = RehearsalTraining()
    models: dict[Name, RehearsalTraining] = Field({}, description="by the model's name")
