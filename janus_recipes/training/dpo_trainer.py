"""axolotl's DPO trainer, with each pair's tokens taken from the one template's text as it stands (axolotl 0.19.0).

    rl: dpo
    trainer_cls: janus_recipes.training.dpo_trainer.OneTemplateDPOTrainer

TRL lets the tokenizer put its own begin token in front of a text that has one already. axolotl takes it off again, by
a method that TRL 1.9 no longer calls: Mistral and LLaMA would learn from prompts that begin with <s><s>, as generation
never does. A text without the begin token would not do either: what a SentencePiece tokenizer makes of a first word
depends on whether something stands before it. ORPO's trainer has no such fault.

Runs inside axolotl's environment. Everything else is axolotl's and TRL's own.
"""

from __future__ import annotations

from typing import Any

from axolotl.core.trainers.dpo.trainer import AxolotlDPOTrainer

from janus_recipes.training.preference_pairs import pair_ids


class OneTemplateDPOTrainer(AxolotlDPOTrainer):  # type: ignore[misc]
    """Takes rows of `prompt`, `chosen` and `rejected` as texts that begin and end as they should."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        """TRL's place for tokenizing: adds `prompt_ids`, `chosen_ids` and `rejected_ids`, lists of token ids."""
        what = f"Tokenizing {dataset_name} dataset"
        with args.main_process_first(desc=what):  # the others read what it has written
            tokenizer = {"tokenizer": processing_class}
            return dataset.map(pair_ids, fn_kwargs=tokenizer, num_proc=args.dataset_num_proc, desc=what)
