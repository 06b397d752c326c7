"""Give a row of preference pairs to axolotl's DPO or ORPO as texts of the one template (axolotl 0.19.0).

    datasets: [{path: results/janus/datasets/dpo.jsonl, ds_type: json, type: janus_recipes.preference_pairs}]

The prompt is the conversation up to the answer, rendered exactly as generation renders it; what the template writes
after it is the answer, with the space in front and the end token. axolotl's own types do not do so: DPO's
`chat_template.argilla_chat` looks for the answer's text in the rendered one and loses that space, ORPO's
`chat_template.argilla` refuses a system message among the turns.

What becomes of the texts is TRL's: ORPO's trainer takes their tokens as they are, DPO's does not, so it has one of ours
(training/dpo_trainer.py).

Runs inside axolotl's environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axolotl.utils.chat_templates import get_chat_template_from_config

Row = dict[str, Any]


def strategy(cfg: Any, **_: Any) -> tuple[Callable[..., Row], dict[str, Any]]:
    """What axolotl asks a preference strategy for: a function of a row, and arguments for mapping it over the rows."""

    def of_row(row: Row, tokenizer: Any = None) -> Row:
        texts = rendered(row, tokenizer, get_chat_template_from_config(cfg, tokenizer=tokenizer))
        pair_ids(texts, tokenizer)  # a pair that the trainer could not divide is found here, before a model is loaded
        return texts

    return of_row, {"remove_columns": "__all__"}


def rendered(row: Row, tokenizer: Any, template: str) -> Row:
    """`prompt`, `chosen` and `rejected` as texts, of a row with two conversations that differ in their last turn.

    Raises ValueError where they differ before it: the answers would not be to the same prompt.
    """
    if row["chosen"][:-1] != row["rejected"][:-1]:
        raise ValueError(f"the two conversations of {row.get('id')} are not the same up to the answer")

    def text(turns: list[Row], *, asks: bool) -> str:
        return str(
            tokenizer.apply_chat_template(turns, chat_template=template, add_generation_prompt=asks, tokenize=False)
        )

    prompt = text(row["chosen"][:-1], asks=True)
    sides = {side: text(row[side], asks=False) for side in ("chosen", "rejected")}
    if not all(whole.startswith(prompt) for whole in sides.values()):
        raise ValueError("the chat template renders a prompt otherwise once an answer follows it")
    return {"prompt": prompt, **{side: whole[len(prompt) :] for side, whole in sides.items()}}


def pair_ids(texts: Row, tokenizer: Any) -> dict[str, list[int]]:
    """Token ids of a row's prompt and of both answers after it, with nothing added.

    Raises ValueError where a token reaches across the prompt's end: generation would begin from other tokens.
    """

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    prompt = ids(texts["prompt"])
    found = {"prompt_ids": prompt}
    for side in ("chosen", "rejected"):
        whole = ids(texts["prompt"] + texts[side])
        if whole[: len(prompt)] != prompt:
            raise ValueError(f"chat_template: a token reaches from the prompt into the answer {texts[side][:80]!r}")
        found[f"{side}_ids"] = whole[len(prompt) :]
    return found
