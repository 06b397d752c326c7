"""What a data set is, in words, for its card: what a row holds, and what sets this data set apart from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.datasets.default_messages import LICENCE
from janus_recipes.recipe.dataset import Dataset, HelpfulMix, PairsDataset, SftDataset


def described(dataset: Dataset) -> dict[str, str]:
    """What the card's template says of the data set's kind."""
    if isinstance(dataset, HelpfulMix):
        return {"kind": dataset.kind, "section_of_paper": "appendix E.2"}
    if isinstance(dataset, PairsDataset):
        return {"kind": dataset.kind, "section_of_paper": "section 3.2 and appendix E"}
    before = {
        "multifaceted": "a system message that asks for certain preferences",
        "default": "a default system message",
    }
    answer = {"multifaceted": "the response to its own system message", "helpful": "a generally helpful response"}
    is_main = (dataset.system_message, dataset.response) == ("multifaceted", "multifaceted")
    return {
        "kind": dataset.kind,
        "section_of_paper": "section 3.2 and appendix E.1" if is_main else "section 6.2 and Table 10",
        "before": before.get(dataset.system_message, "no system message"),
        "answer": answer[dataset.response],
    }


def set_apart(dataset: Dataset, manifest: Mapping[str, Any]) -> list[str]:
    """What sets a data set apart, one sentence each, by the recipe and the manifest of its rows."""
    if isinstance(dataset, HelpfulMix):
        shares = ", ".join(f"{100 * pool.share:.4g}% from {name}" for name, pool in dataset.pools.items())
        return [f"It has {dataset.rows:,} pairs: {shares}."]
    if isinstance(dataset, SftDataset):
        return [rows_of_an_instruction(dataset), *whose_messages(manifest), *which_responses(dataset)]
    return [pairs_of_an_instruction(dataset), *what_it_is_without(dataset), *which_responses(dataset)]


def rows_of_an_instruction(dataset: SftDataset) -> str:
    """How many rows an instruction has at most."""
    each = dataset.system_messages_per_instruction
    if dataset.response == "helpful":
        return "Each instruction has one row."
    if each == 1:
        return "Each instruction has one row, with the response to one of its system messages."
    return f"Each instruction has up to {each} rows, each with the response to another of its system messages."


def pairs_of_an_instruction(dataset: PairsDataset) -> str:
    """How many pairs an instruction has at most."""
    if dataset.rejected_per_instruction == 1:
        return "Each instruction has one pair: one response is rejected."
    return f"Each instruction has up to {dataset.rejected_per_instruction} pairs, each with another response rejected."


def what_it_is_without(dataset: PairsDataset) -> Iterator[str]:
    """Which responses it leaves out because another data set has them."""
    if dataset.without is not None:
        yield (
            f"Responses that the data set `{dataset.without}` has are left out, so that a model trained on that one "
            "meets new system messages."
        )


def which_responses(dataset: SftDataset | PairsDataset) -> Iterator[str]:
    """Which statuses its responses have, where they are not the complete ones alone."""
    if set(dataset.keep) != {"ok"}:
        yield f"Its responses are those with the status {' or '.join(dataset.keep)}; usually they are `ok` alone."


def whose_messages(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Whose the default system messages are, where it has them."""
    if names := names_of_messages(manifest):
        yield (
            f"One of {len(names)} default system messages is drawn for each instruction. They are those of FastChat's "
            f"conversation templates {', '.join(names)} (package `fschat` {manifest['section']['fschat']}, {LICENCE})."
        )


def names_of_messages(manifest: Mapping[str, Any]) -> list[str]:
    """FastChat's names of the default messages that stand in a data set's manifest; mostly none."""
    return [one["name"] for one in manifest["section"].get("default_messages", ())]
