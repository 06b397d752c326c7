"""What we change in OpenRLHF's reward trainer, on CPU and GPU alike, and why (OpenRLHF 0.11.2).

Each change is a function that replaces one name before the trainer's module looks it up; OpenRLHF's files stay as they
are. Runs inside OpenRLHF's environment; training/openrlhf_launch.py calls `install`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

STEPS = "steps.jsonl"
"""One line for each optimizer step, inside the work folder."""


def install(work: Path, keep_head: bool, pad_token: str, template: str) -> None:
    """Make all changes but the stand-in, which comes before everything. `work` is the training's work folder."""
    adam_of_torch()
    one_tokenizer(pad_token, template)
    if keep_head:
        keep_the_head()
    watch_the_trainer(work)


def stand_in_for_flash_attn() -> None:
    """OpenRLHF imports flash-attn, which takes an hour to compile, and calls it only when it packs samples.

    Where it is not installed, empty modules stand in. transformers does not take them for it: it looks for the
    package, and brings FlashAttention-2's kernel by itself, through `kernels`.
    """
    if find_spec("flash_attn") is not None:
        return

    def missing(*_: Any, **__: Any) -> None:
        raise RuntimeError("packing samples needs flash-attn: install it in this environment, or leave packing out")

    names = ("index_first_axis", "pad_input", "rearrange", "unpad_input")
    parts = {"": (), ".bert_padding": names, ".utils": (), ".utils.distributed": ("all_gather",)}
    for part, functions in parts.items():
        module = ModuleType(f"flash_attn{part}")
        module.__spec__ = ModuleSpec(module.__name__, None, is_package=True)
        module.__path__ = []
        module.__dict__.update(dict.fromkeys(functions, missing))
        sys.modules[module.__name__] = module


def adam_of_torch() -> None:
    """AdamW by torch: the same mathematics as DeepSpeed's FusedAdam, which is compiled at the first start.

    So a machine needs no compiler. An optimizer that is offloaded to the CPU stays DeepSpeed's: it takes no other.
    """
    strategy: Any = import_module("openrlhf.utils.deepspeed.deepspeed")
    original = strategy.get_train_ds_config

    def with_torchs(*args: Any, **options: Any) -> Any:
        config = original(*args, **options)
        optimizer = config.get("optimizer", {})
        if optimizer.get("type") == "AdamW" and config["zero_optimization"]["offload_optimizer"]["device"] == "none":
            optimizer["params"] = {**optimizer["params"], "torch_adam": True}
        return config

    strategy.get_train_ds_config = with_torchs


def one_tokenizer(pad_token: str, template: str) -> None:
    """The model is saved with the one template, and with padding that is not its end token.

    OpenRLHF pads with the end token where a tokenizer names none. Whoever loads the model then takes the last token
    that is not padding for its end, and reads the reward a token too early.
    """
    utils: Any = import_module("openrlhf.utils")
    original = utils.get_tokenizer

    def ours(pretrain: str, model: Any, *args: Any, **options: Any) -> Any:
        tokenizer = original(pretrain, model, *args, **options)
        tokenizer.pad_token = pad_token
        tokenizer.chat_template = template
        model.config.pad_token_id = tokenizer.pad_token_id
        return tokenizer

    utils.get_tokenizer = ours


def keep_the_head() -> None:
    """Go on with the value head of the model that the training starts from: OpenRLHF always draws a new one."""
    models: Any = import_module("openrlhf.models")
    original = models.get_llm_for_sequence_regression

    def with_its_head(*args: Any, **options: Any) -> Any:
        return original(*args, **{**options, "init_value_head": False})

    models.get_llm_for_sequence_regression = with_its_head


def watch_the_trainer(work: Path) -> None:
    """Write every step down, save and stop at SIGTERM, and stop at once where the loss is no number."""
    from janus_recipes.training.openrlhf_watched import Watched

    Watched.steps = work / STEPS
    trainer: Any = import_module("openrlhf.trainer.rm_trainer")
    trainer.RewardModelTrainer = Watched
