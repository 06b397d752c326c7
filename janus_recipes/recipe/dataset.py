"""What a recipe may say about training sets (paper, section 3.2 and appendix E)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from janus_recipes.recipe.collection import Contamination, Located
from janus_recipes.recipe.section import Condition, Name, Section


class SftDataset(Section):
    """Conversations of system message, instruction and response."""

    kind: Literal["sft"]
    system_messages_per_instruction: int = Field(3, ge=1, description="3, 2 or 1 of each instruction's system messages")
    system_message: Condition = Field(
        "multifaceted", description="what stands before the instruction: its own message, a default one, or none"
    )
    response: Literal["multifaceted", "helpful"] = Field(
        "multifaceted",
        description="multifaceted: the gold response to the instruction's own message. helpful: the one of "
        "`collection.helpful_responses` for this system message, once an instruction (paper, Table 10)",
    )
    keep: list[Literal["ok", "truncated", "refused"]] = Field(
        ["ok"], min_length=1, description="responses with these statuses become rows; others are left out and counted"
    )


class PairsDataset(Section):
    """Preference pairs for DPO, ORPO and the reward model's first stage.

    Of one instruction one system message's response is chosen, another message's is rejected; the chosen one's message
    stands before both.
    """

    kind: Literal["pairs"]
    rejected_per_instruction: int = Field(
        1, ge=1, description="1: one of the other messages' responses (section 3.2). 2: a pair with each (appendix E.1)"
    )
    without: Name | None = Field(
        None, description="an sft data set whose rows are left out: a model trained on them meets new messages (E.1)"
    )
    keep: list[Literal["ok", "truncated", "refused"]] = Field(
        ["ok"], min_length=1, description="responses with these statuses are used; others are left out and counted"
    )


class PreferencePool(Located):
    """One pool of preference pairs: for each prompt two or more answers, the better one known."""

    share: float = Field(gt=0, le=1, description="of the mix's rows")
    prompt: str | None = Field(
        None, description="where what is answered stands, dotted; null: at the head of each answer, as in HH-RLHF"
    )
    answers: list[str] = Field(
        min_length=1, description="where the answers stand, best first, or one place with a list of them"
    )
    scores: list[str] | None = Field(
        None, description="where the answers' scores stand, higher is better; null: the answers are ordered"
    )
    user_mark: str | None = Field(
        None, description='what opens a user\'s turn in a dialogue: "\\n\\nHuman: "; null: the prompt is one turn'
    )
    assistant_mark: str | None = Field(None, description='what opens an assistant\'s turn: "\\n\\nAssistant: "')


class HelpfulMix(Section):
    """General helpfulness pairs, for the reward model's second stage (paper, appendix E.2)."""

    kind: Literal["helpful_mix"]
    rows: int = Field(ge=1, description="pairs in all; each pool gives its share")
    pools: dict[Name, PreferencePool] = Field(min_length=1)
    contamination: Contamination | None = Field(
        None, description="beyond the paper: pairs whose prompt holds one of the benchmarks' are left out; null: kept"
    )


Dataset = Annotated[SftDataset | PairsDataset | HelpfulMix, Field(discriminator="kind")]
"""How a training set is made."""
