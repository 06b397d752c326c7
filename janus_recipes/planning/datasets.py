"""The rows of each training set, and their tokens: counted where the set is made, else from typical texts."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from janus_recipes.datasets.needs import helpful_condition, takes_gold
from janus_recipes.files import Json, read_jsonl
from janus_recipes.planning.count import SAMPLE
from janus_recipes.planning.made import mean
from janus_recipes.planning.nodes import instructions_at_most, rows_of
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.planning.typical import answer_tokens_of, default_message_tokens
from janus_recipes.recipe.dataset import HelpfulMix, PairsDataset, SftDataset
from janus_recipes.recipe.schema import Recipe

SIDES = 2
"""Conversations of a pair."""


def file_of(recipe: Recipe, name: str) -> Path:
    """Where a data set lies."""
    return Path("results", recipe.name, "datasets", f"{name}.jsonl")


def rows_at_most(recipe: Recipe, name: str) -> int:
    """The rows of a data set: those that are there, else at most."""
    wanted = recipe.datasets[name]
    if isinstance(wanted, HelpfulMix):
        return rows_of(file_of(recipe, name), wanted.rows)
    instructions = instructions_at_most(recipe, recipe.collection, "collection")
    if isinstance(wanted, PairsDataset):
        each = wanted.rejected_per_instruction
    else:
        each = wanted.system_messages_per_instruction if takes_gold(wanted) else 1
    return rows_of(file_of(recipe, name), instructions * each)


def row_tokens(recipe: Recipe, name: str, tokens: TokenCounter, most: int) -> float:
    """Mean tokens of a row, both sides of a pair: of the first rows where they are made, else of typical texts.

    No row counts for more than `most`.
    """
    data = file_of(recipe, name)
    if data.exists():
        return mean(min(tokens.count(text_of(row)), most) for row in islice(read_jsonl(data), SAMPLE)) or 0.0
    return min(typical_row_tokens(recipe, name, tokens), most)


def typical_row_tokens(recipe: Recipe, name: str, tokens: TokenCounter) -> float:
    """Tokens of a typical row of a data set, before it is made."""
    wanted, instruction = recipe.datasets[name], recipe.throughput.instruction_tokens
    gold = answer_tokens_of(recipe.collection.responses)
    if isinstance(wanted, SftDataset):
        return message_tokens(recipe, wanted, tokens) + instruction + response_tokens(recipe, wanted)
    if isinstance(wanted, HelpfulMix):
        return SIDES * (instruction + gold)
    return SIDES * (answer_tokens_of(recipe.collection.system_messages) + instruction + gold)


def message_tokens(recipe: Recipe, wanted: SftDataset, tokens: TokenCounter) -> float:
    """Tokens of a typical system message of a data set, before it is made."""
    if wanted.system_message == "multifaceted":
        return answer_tokens_of(recipe.collection.system_messages)
    return default_message_tokens(recipe, tokens) if wanted.system_message == "default" else 0


def response_tokens(recipe: Recipe, wanted: SftDataset) -> int:
    """Tokens of a typical response of a data set, before it is made."""
    helpful = helpful_condition(wanted)
    return answer_tokens_of(recipe.collection.helpful_responses[helpful] if helpful else recipe.collection.responses)


def text_of(row: Json) -> str:
    """All that a row holds: one conversation, or the two of a pair."""
    messages = row["messages"] if "messages" in row else [*row["chosen"], *row["rejected"]]
    return "\n".join(one["content"] for one in messages)
