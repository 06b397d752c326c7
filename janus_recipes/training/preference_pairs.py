"""Give a row of preference pairs to axolotl's DPO or ORPO as texts of the one template (axolotl 0.19.0).

    datasets: [{path: results/janus/datasets/dpo.jsonl, ds_type: json, type: janus_recipes.preference_pairs}]

The prompt is the conversation up to the answer, rendered exactly as generation renders it; what the template writes
after it is the answer, with the space in front and the end token. axolotl's own types do not do so: DPO's
`chat_template.argilla_chat` looks for the answer's text in the rendered one and loses that space, ORPO's
`chat_template.argilla` refuses a system message among the turns.

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
        return rendered(row, tokenizer, get_chat_template_from_config(cfg, tokenizer=tokenizer))

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
