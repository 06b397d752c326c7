"""What training sets must be to each other and to the Collection.

    janus validate RECIPE...

A data set that can have no rows would show only after the teacher was paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.datasets.default_messages import fastchat_messages, problem_with
from janus_recipes.recipe.collection import DEFAULT_MESSAGES, PreferenceSets
from janus_recipes.recipe.dataset import PairsDataset, SftDataset
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem

SHARES_MAY_MISS = 1e-6
"""How far from 1 the shares of a mix may sum, for 0.33 + 0.33 + 0.34 is not exactly 1 either."""

SETS_MADE = "collection.preference_sets.per_instruction"


def dataset_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the training sets of a recipe. `config` may break the schema: what is odd is passed by."""
    datasets = {name: one for name, one in part(config, "datasets").items() if isinstance(one, Mapping)}
    collection = part(config, "collection")
    made = value(part(collection, "preference_sets"), "per_instruction", PreferenceSets)
    for name, wanted in datasets.items():
        path: Path = ("datasets", name)
        match wanted.get("kind"):
            case "sft":
                yield from _bad_sft(path, wanted, part(collection, "helpful_responses"), made)
            case "pairs":
                yield from _bad_pairs(path, wanted, datasets, made)
            case "helpful_mix":
                yield from _bad_shares(path, wanted)
    yield from _bad_default_messages(collection)


def _bad_sft(path: Path, wanted: Mapping[str, Any], asked: Mapping[str, Any], made: Any) -> Iterator[Problem]:
    if _is_gold(wanted):
        taken = value(wanted, "system_messages_per_instruction", SftDataset)
        if isinstance(taken, int) and isinstance(made, int) and taken > made:
            what = f"wants {taken} system messages of each instruction, but {SETS_MADE} is {made}"
            yield Problem((*path, "system_messages_per_instruction"), what)
        return
    message = value(wanted, "system_message", SftDataset)
    if message == "multifaceted":
        what = "helpful responses answer no system message of their own: set system_message to none or default"
        yield Problem((*path, "response"), what)
    elif isinstance(message, str) and message not in asked:
        what = f"needs collection.helpful_responses.{message}: say there which provider is asked for them, and how"
        yield Problem((*path, "response"), what)


def _bad_pairs(path: Path, wanted: Mapping[str, Any], datasets: Mapping[str, Any], made: Any) -> Iterator[Problem]:
    without = wanted.get("without")
    first = datasets.get(without) if isinstance(without, str) else None
    if first is not None and not _is_gold(first):
        yield Problem(
            (*path, "without"),
            f"{without} is no sft data set with gold responses, so there is nothing of the pairs' to leave out",
        )
        return
    taken = value(first, "system_messages_per_instruction", SftDataset) if first is not None else 0
    rejected = value(wanted, "rejected_per_instruction", PairsDataset)
    if not all(isinstance(number, int) for number in (made, taken, rejected)):
        return
    left = made - taken
    if rejected > left - 1:
        why = f"of {made} responses an instruction" + (f", {taken} of them in {without}," if taken else "")
        most = f"{left - 1} can be rejected at most" if left > 1 else "no two are left for a pair"
        yield Problem((*path, "without" if left < 2 and taken else "rejected_per_instruction"), f"{why} {most}")


def _is_gold(wanted: Mapping[str, Any]) -> bool:
    return wanted.get("kind") == "sft" and value(wanted, "response", SftDataset) == "multifaceted"


def _bad_shares(path: Path, wanted: Mapping[str, Any]) -> Iterator[Problem]:
    pools = part(wanted, "pools").values()
    shares = [one.get("share") for one in pools if isinstance(one, Mapping)]
    numbers = [share for share in shares if isinstance(share, int | float)]
    total = sum(numbers)
    if numbers and len(numbers) == len(pools) and abs(total - 1) > SHARES_MAY_MISS:
        yield Problem((*path, "pools"), f"the shares sum to {total:g}: they are parts of the whole, so make it 1")


def _bad_default_messages(collection: Mapping[str, Any]) -> Iterator[Problem]:
    names = collection.get("default_messages")
    if not isinstance(names, list) or names == DEFAULT_MESSAGES:
        return  # the schema's own names are right: FastChat is read only where a recipe names others
    known = fastchat_messages()
    for number, name in enumerate(names):
        if isinstance(name, str) and (problem := problem_with(name, known)):
            yield Problem(("collection", "default_messages", number), problem)
