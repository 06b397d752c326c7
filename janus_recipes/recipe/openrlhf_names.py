"""What OpenRLHF 0.11.2 calls its flags and schedulers, and which of its flags a recipe sets elsewhere.

OpenRLHF looks at a flag when a training starts and at a scheduler's name when the model is loaded, long after the
Collection was paid for: a recipe is checked with these lists. tests/contract/test_openrlhf_flags.py compares them with
the installed OpenRLHF's.
"""

from __future__ import annotations

from janus_recipes.recipe.problem import change_there

FLAGS = (
    *("ckpt.disable_ds", "ckpt.load_enable", "ckpt.max_mem", "ckpt.max_num", "ckpt.output_dir", "ckpt.path"),
    *("ckpt.save_hf", "ckpt.save_steps"),
    *("data.apply_chat_template", "data.chosen_key", "data.dataloader_num_workers", "data.dataset"),
    *("data.dataset_probs", "data.dataset_split", "data.disable_fast_tokenizer", "data.input_template", "data.max_len"),
    *("data.max_samples", "data.prompt_key", "data.rejected_key", "data.tokenizer_chat_template"),
    *("ds.adam_offload", "ds.attn_implementation", "ds.deepcompile", "ds.experts_implementation"),
    *("ds.grad_accum_dtype", "ds.load_in_4bit", "ds.lora.alpha", "ds.lora.dropout", "ds.lora.rank"),
    *("ds.lora.target_modules", "ds.overlap_comm", "ds.packing_samples", "ds.param_dtype", "ds.ring_attn_head_stride"),
    *("ds.ring_attn_size", "ds.tensor_parallel_size", "ds.use_universal_ckpt", "ds.value_head_prefix"),
    *("ds.zero_stage", "ds.zpg"),
    *("eval.dataset", "eval.split", "eval.steps"),
    *("logger.logging_steps", "logger.tensorboard_dir", "logger.wandb.group", "logger.wandb.key", "logger.wandb.org"),
    *("logger.wandb.project", "logger.wandb.run_name"),
    *("model.aux_loss_coef", "model.compute_fp32_loss_enable", "model.gradient_checkpointing_enable"),
    *("model.gradient_checkpointing_reentrant", "model.loss_type", "model.margin_loss_enable"),
    *("model.model_name_or_path",),
    *("optim", "adam.betas", "adam.eps", "adam.lr", "adam.weight_decay"),
    *("muon.lr", "muon.momentum", "muon.nesterov", "muon.no_nesterov", "muon.ns_steps"),
    *("lr_scheduler", "lr_warmup_ratio", "min_lr_ratio", "max_norm"),
    *("train.batch_size", "train.full_determinism_enable", "train.max_epochs", "train.micro_batch_size", "train.seed"),
    *("local_rank", "use_ms"),
)
"""All flags of openrlhf.cli.train_rm, without dashes."""

SCHEDULERS = (
    *("linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt"),
    *("cosine_with_min_lr", "cosine_warmup_with_min_lr"),
)
"""Of transformers' schedulers those that need no arguments, or the one that OpenRLHF gives: `min_lr_ratio`."""

RUN = "the project, which looks for its files there and continues a killed training: it cannot be changed"
ROWS = "the project, which renders the rows in the one template before: it cannot be changed"
WHOLE = "the project, which trains and saves all weights of a reward model: it cannot be changed"
GPUS = "the project, where each GPU reads rows of its own: it cannot be changed"
TRACKING = "the recipe's tracking: change it there"


SET_ELSEWHERE = {
    "model.model_name_or_path": change_there("train.start"),
    "model.gradient_checkpointing_enable": change_there("train.gradient_checkpointing"),
    "ds.attn_implementation": change_there("train.attention"),
    "ds.param_dtype": change_there("train.precision"),
    "ds.zero_stage": change_there("train.zero_stage"),
    "ds.value_head_prefix": "the project, whose scoring looks for the head there: it cannot be changed",
    "data.max_len": change_there("train.sequence_len"),
    "train.batch_size": change_there("train.batch_size"),
    "train.micro_batch_size": change_there("train.micro_batch_size"),
    "train.max_epochs": change_there("train.epochs"),
    "adam.lr": change_there("train.learning_rate"),
    "adam.betas": change_there("train.betas"),
    "adam.weight_decay": change_there("train.weight_decay"),
    "lr_scheduler": change_there("train.lr_scheduler"),
    "lr_warmup_ratio": change_there("train.warmup_ratio"),
    "train.seed": change_there("seed"),
    **dict.fromkeys(("ckpt.output_dir", "ckpt.path", "ckpt.load_enable", "ckpt.max_num", "ckpt.max_mem"), RUN),
    **dict.fromkeys(("ckpt.disable_ds", "ckpt.save_hf", "ds.use_universal_ckpt", "logger.logging_steps"), RUN),
    **dict.fromkeys(("ds.lora.rank", "ds.lora.alpha", "ds.lora.dropout", "ds.lora.target_modules"), WHOLE),
    "ds.load_in_4bit": WHOLE,
    **dict.fromkeys(("ds.tensor_parallel_size", "ds.ring_attn_size", "ds.ring_attn_head_stride"), GPUS),
    "local_rank": GPUS,
    "ds.packing_samples": "the project, whose locked environment has no flash-attn to pack with: it cannot be changed",
    "ckpt.save_steps": change_there("train.saves_per_epoch"),
    **dict.fromkeys(
        ("data.dataset", "data.dataset_probs", "data.max_samples", "data.prompt_key", "data.chosen_key"), ROWS
    ),
    **dict.fromkeys(("data.rejected_key", "data.input_template", "data.apply_chat_template"), ROWS),
    **dict.fromkeys(("data.tokenizer_chat_template", "data.dataset_split", "eval.dataset", "eval.split"), ROWS),
    **dict.fromkeys(("data.disable_fast_tokenizer", "model.margin_loss_enable"), ROWS),
    "use_ms": "the project, which takes models from a folder or the Hugging Face hub: it cannot be changed",
    **dict.fromkeys(
        ("logger.wandb.key", "logger.wandb.org", "logger.wandb.project", "logger.wandb.run_name"), TRACKING
    ),
    "logger.tensorboard_dir": TRACKING,
}
"""OpenRLHF's flags that `train.openrlhf` may not hold, each with what sets it."""
