"""axolotl's prompt strategy `type: janus_recipes.training.answers_only`: learn what follows the prompt, nothing else.

The prompt is the conversation up to the last turn, rendered exactly as generation renders it; what follows, to the last
token of the template, is learned. axolotl's own `chat_template` looks for the answer's text instead, and leaves out
what the template writes around it: where the space after [/INST] is a token of its own, as before a Chinese word, it is
not learned, though the model has to write it; and LLaMA 3's end of turn is learned only when told by name.

Runs inside axolotl's environment. Everything else is axolotl's own chat_template strategy.
"""

from __future__ import annotations

from typing import Any

from axolotl.prompt_strategies.chat_template import ChatTemplateStrategy, StrategyLoader

NOT_LEARNED = -100
"""The label of a token that no loss is taken of."""


class AnswersOnly(ChatTemplateStrategy):  # type: ignore[misc]
    """axolotl's chat_template strategy with labels by position."""

    def _tokenize_single_prompt(self, prompt: dict[str, Any]) -> dict[str, list[int]]:
        """Token ids and labels of one conversation. Raises ValueError where the prompt's ids do not begin the whole's.

        They would not if a token reached across the prompt's end: generation would then begin from other tokens.
        """
        turns = self.get_conversation_thread(prompt)
        before = _ids(self.prompter.build_prompt(turns[:-1], add_generation_prompt=True))
        whole = _ids(self.prompter.build_prompt(turns))
        if whole[: len(before)] != before:
            raise ValueError(f"chat_template: a token reaches from the prompt into the answer of {turns[-2:]}")
        labels = [NOT_LEARNED] * len(before) + whole[len(before) :]
        return {"input_ids": whole, "attention_mask": [1] * len(whole), "labels": labels}


class _Loader(StrategyLoader):  # type: ignore[misc]
    def _get_strategy_cls(self, cfg: Any) -> type[AnswersOnly]:
        return AnswersOnly


def _ids(built: Any) -> list[int]:
    """The prompter gives ids, or a dictionary with them, depending on the tokenizer."""
    return list(built["input_ids"] if isinstance(built, dict) else built)


load = _Loader()
