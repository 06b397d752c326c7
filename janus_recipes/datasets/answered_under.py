"""What generally helpful responses were answered under: their manifest says it, and their rows must have the same.

A row whose system message is not the one that its response was written under would teach what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from janus_recipes.datasets.default_messages import default_messages
from janus_recipes.datasets.lineage import read_manifest
from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.manifest import manifest_of, redacted
from janus_recipes.recipe.collection import HelpfulCondition
from janus_recipes.recipe.schema import Recipe


def answered_under(recipe: Recipe, condition: HelpfulCondition) -> Json:
    """The condition and, where it is `default`, what decides each instruction's message: their texts, in order."""
    if condition == "none":
        return {"condition": condition}
    return {"condition": condition, "seed": recipe.seed, **messages_section(recipe)}


def messages_section(recipe: Recipe) -> Json:
    """The default messages for a manifest: a list, because a draw depends on their order, and whose texts they are."""
    texts = default_messages(recipe.collection.default_messages)
    listed = [{"name": name, "text": text} for name, text in texts.items()]
    return {"default_messages": listed, "fschat": version("fschat")}


def refuse_other_responses(responses: Path, wanted: Mapping[str, Any]) -> None:
    """Raise StepError where the manifest of responses does not say that they were answered under what is `wanted`.

    `wanted` is from `answered_under`. Of FastChat the texts count, not its version.
    """
    if not manifest_of(responses).exists():
        raise StepError(f"{responses} has no manifest beside it, so nobody knows what was answered: make it again")
    section = read_manifest(manifest_of(responses)).get("section", {})
    condition = section.get("condition")
    if condition is None:
        raise StepError(
            f"{responses}: these are no generally helpful responses; give helpful.{wanted['condition']}.jsonl. "
            "If it is that file, an earlier version made it: have it made again with `snakemake --force`; "
            "its answers are kept"
        )
    if condition != wanted["condition"]:
        raise StepError(
            f"{responses}: answered under the condition {condition}, and the data set has {wanted['condition']}; give "
            f"helpful.{wanted['condition']}.jsonl"
        )
    differing = [key for key in wanted if key != "fschat" and section.get(key) != redacted(wanted[key])]
    if differing:
        told = " and ".join(differing).replace("_", " ")
        raise StepError(f"{responses}: answered under another {told} than the recipe's: make it again")
