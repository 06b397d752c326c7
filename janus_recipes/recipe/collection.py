"""What a recipe may say about the Multifaceted Collection (paper, section 3, appendices A and B) and its pools."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.section import Name, Section
from janus_recipes.rehearsal.variants import MOST_FRAMINGS

PreferenceCheck = Literal["at_most_two_sentences", "sets_differ"]
"""What a preference set must be, beside four preferences of the four dimensions (`collection/preferences.py`)."""

SystemMessageCheck = Literal["one_paragraph", "no_bullets", "no_greeting", "no_placeholder", "no_example", "unique"]
"""What a system message must be, beside JSON (`collection/system_messages.py`)."""

HelpfulCondition = Literal["none", "default"]
"""What stands before an instruction whose generally helpful response is asked for (paper, Table 10)."""

KeepSharedIn = Literal["first_listed", "last_listed", "smallest", "largest"]
"""Which of several sources keeps an instruction that they share."""

DEFAULT_MESSAGES = [
    *("vicuna_v1.1", "airoboros_v1", "alpaca", "chatgpt", "mpt-7b-chat"),
    *("OpenHermes-2.5-Mistral-7B", "Nous-Hermes-2-Mixtral-8x7B-DPO", "orca-2"),
]
"""Table 9, by the names that FastChat gives its conversation templates."""


class Located(Section):
    """Where a pool of records lies: on the hub, or in local json, jsonl, csv or parquet files, or in one on the web."""

    dataset: str | None = Field(None, description="hub id; needs `revision`")
    revision: str | None = Field(None, description="commit of the data set, so that it cannot change under us")
    split: str = "train"
    path: str | None = Field(
        None,
        description="local file instead of `dataset`: json, jsonl, csv or parquet, gzipped or not. With * in its name "
        "several files, whose order does not matter",
    )
    url: str | None = Field(None, pattern=r"^https?://", description="file on the web instead, fetched once")
    where: dict[str, str] = Field({}, description="only records whose field (dotted) has this value")
    max_bad_share: float = Field(0.01, ge=0, le=1, description="share of unreadable records above which the step stops")
    licence: str | None = Field(None, description="the data's own, for the cards of what is made from it: CC-BY-4.0")


class Source(Located):
    """One pool of instructions."""

    field: str = Field(description="where the instruction stands in a record, dotted: conversation_a.0.content")
    input_field: str | None = Field(
        None,
        description="where the text that the instruction works on stands, if anywhere; added after an empty line",
    )
    origin_field: str | None = Field(None, description="where the record's own source stands, kept for Table 5")
    pattern: str | None = Field(
        None, description="regular expression; the instruction is its first group, a record without a match is bad"
    )
    variants: int = Field(
        1,
        ge=1,
        le=MOST_FRAMINGS,
        description="rehearsal: how many framings of each instruction are made, itself included",
    )


class NearDuplicates(Section):
    """Beyond the paper: of instructions that share most of their words, one is kept."""

    similarity: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of two instructions' word runs from which they count as one"
    )
    words: int = Field(3, ge=1, description="length of the runs that are compared")


class Contamination(Section):
    """Beyond the paper: instructions that hold a prompt of one of the recipe's benchmarks are removed."""

    words: int = Field(
        13, ge=3, description="an instruction that shares so many words in a row with a bench prompt is removed"
    )


class InstructionSampling(Section):
    """From pools to instructions (paper, appendix A.1)."""

    per_source: int | Literal["smallest"] = Field(
        description="instructions taken from each source at most, before topping up. "
        "smallest: as many as the smallest source has after de-duplication"
    )
    keep_shared_in: KeepSharedIn = Field(
        "first_listed", description="which source keeps an instruction that several have; sizes are before it"
    )
    top_up_from: Name | None = Field(None, description="the source that fills up to `before_filter`")
    before_filter: int = Field(ge=1, description="instructions before the filter at most")
    exclude_pattern: str | None = Field(
        None,
        description="instructions that match it carry a system message already and are removed. In the syntax of the "
        "Rust regex crate, which takes linear time: no look-around, no back-references",
    )
    exclude_ignores_case: bool = Field(False, description="true: `exclude_pattern` matches capitals too")
    exclude_looks_in: Literal["whole_text", "first_sentence"] = Field(
        "whole_text", description="where `exclude_pattern` is searched for; a first sentence ends at a dot or line end"
    )
    near_duplicates: NearDuplicates | None = Field(None, description="null: near-duplicates are kept, as in the paper")
    contamination: Contamination | None = Field(
        None, description="null: nothing is compared with the benchmarks' prompts, as in the paper"
    )


class PreferenceSets(Asking):
    """Preference sets (paper, section 3.2): one preference per dimension, each request shown one seed set."""

    per_instruction: int = Field(3, ge=1)
    checks: list[PreferenceCheck] = Field(
        ["at_most_two_sentences", "sets_differ"],
        description="what a set must be; one that fails a check is asked again, then left out and counted",
    )


class SystemMessages(Asking):
    """System messages, one from each preference set (paper, section 3.2)."""

    examples: int = Field(3, ge=1, description="example system messages shown in each request")
    checks: list[SystemMessageCheck] = Field(
        ["one_paragraph", "no_bullets", "no_greeting", "no_placeholder", "no_example", "unique"],
        description="what a message must be; one that fails a check is asked again, then left out and counted",
    )


class Collection(Section):
    """The Multifaceted Collection (paper, section 3 and appendix A)."""

    sources: dict[Name, Source] = Field(min_length=1)
    instructions: InstructionSampling
    preference_sets: PreferenceSets
    system_messages: SystemMessages
    responses: Asking
    helpful_responses: dict[HelpfulCondition, Asking] = Field(
        {},
        description="generally helpful responses, one an instruction, asked for without a system message (none) or "
        "under one of `default_messages` (default); only data sets with `response: helpful` need them (Table 10)",
    )
    default_messages: list[str] = Field(
        DEFAULT_MESSAGES,
        min_length=1,
        description="FastChat's conversation templates whose system messages serve as default ones (paper, Table 9)",
    )
