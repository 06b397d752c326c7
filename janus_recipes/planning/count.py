"""The requests of each asking step: how many, how many of them are in the ledger, and how long they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from janus_recipes.asking_steps import AskingStep
from janus_recipes.llm.batches.state import BatchFolder
from janus_recipes.llm.chat import ChatRequest, address_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.repeats import Repeats
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.made import manifest, mean, same_question
from janus_recipes.planning.nodes import AskingNode
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.recipe.provider import Provider

SAMPLE = 200
"""Requests, and answers in the ledger, whose tokens are counted; of the others' prompts the characters are."""


@dataclass(frozen=True)
class Seen:
    """Of the rows that are in the ledger: the mean tokens of an answer, and how many answers a row took.

    It takes more than one where an answer did not parse and the question was asked again.
    """

    answer_tokens: float
    answers_a_row: float = 1.0


@dataclass(frozen=True)
class Count:
    """The requests of a node. `to_ask` and the mean `prompt_tokens` are of those without an answer.

    `in_ledger` has those too that a batch under way will answer; `under_way` says how many they are.
    `seen` is what the answers that the ledger has come to, as far as it has any.
    """

    requests: int
    in_ledger: int
    to_ask: int
    prompt_tokens: float
    seen: Seen | None = None
    made: bool = False
    """Whether the step is finished, so that it would ask nothing."""
    under_way: int = 0


def counted(step: AskingStep[Any], provider: Provider, ledger: Ledger, tokens: TokenCounter) -> Count:
    """Build every request that the step would send; look each one up in ledger and batches. Nothing is asked."""
    rows = Rows(provider, ledger, step.parse, step.asking.re_asks, check=Repeats(step.differ).check_in_order)
    in_batches = BatchFolder(ledger.folder).addresses_under_way()
    missing: set[bytes] = set()  # the same question under two ids is asked once
    sample: list[str] = []
    answers: list[int] = []
    requests = in_ledger = under_way = characters = attempts = 0
    for request in step.requests():
        requests += 1
        standing = rows.standing_since(request)
        if isinstance(standing, Step):
            if (address := bytes.fromhex(standing.address)) in in_batches:
                under_way += 1
            elif address not in missing:
                missing.add(address)
                text = text_of(request)
                characters += len(text)
                if len(sample) < SAMPLE:
                    sample.append(text)
            continue
        in_ledger += 1
        attempts += standing[0].attempts
        if len(answers) < SAMPLE:
            answers += answer_tokens(request, provider, ledger)
    return Count(
        requests,
        in_ledger + under_way,
        len(missing),
        characters / len(missing) * tokens_per_character(sample, tokens) if missing else 0.0,
        seen_in(answers, attempts, in_ledger),
        under_way=under_way,
    )


def finished(out: Path, step: AskingStep[Any], provider: Provider, ledger: Ledger) -> Count | None:
    """The rows of a finished step; None where it is not finished, or would now ask something else.

    Its settings, its model and the digests of its inputs must be those of the manifest, and its first requests must be
    answered in the ledger. So a step of 200,000 requests is known to be done without building them all.
    """
    found = manifest(manifest_of(out)) if out.exists() else {}
    if not found or not same_question(found, step, provider):
        return None
    rows = Rows(provider, ledger, step.parse, step.asking.re_asks, check=Repeats(step.differ).check_in_order)
    first = list(islice(step.requests(), SAMPLE))
    attempts = 0
    for request in first:
        standing = rows.standing_since(request)
        if isinstance(standing, Step):
            return None  # what a manifest does not hold, such as the seed, was changed
        attempts += standing[0].attempts
    made = found["asked"]["rows"]
    answers = [tokens for request in first for tokens in answer_tokens(request, provider, ledger)]
    return Count(made, made, 0, 0.0, seen_in(answers, attempts, len(first)), made=True)


def estimated(node: AskingNode, tokens: TokenCounter) -> Count:
    """As many typical requests as there may be. What the ledger may hold of them is not known."""
    typical = [tokens.count(text_of(request)) for request in islice(node.typical(), SAMPLE)]
    return Count(node.at_most, 0, node.at_most, sum(typical) / len(typical))


def seen_in(answers: list[int], attempts: int, rows: int) -> Seen | None:
    """What is seen in the ledger: the tokens of some answers, and how many answers so many rows took; None: nothing."""
    tokens = mean(answers)
    return None if tokens is None else Seen(tokens, attempts / rows)


def answer_tokens(request: ChatRequest, provider: Provider, ledger: Ledger) -> list[int]:
    """The tokens of a request's first answer in the ledger; empty where it has none."""
    reply = ledger.get(address_of(request, provider))
    return [] if reply is None else [reply.completion_tokens]


def text_of(request: ChatRequest) -> str:
    """All that is sent of a request, as one text."""
    return "\n".join(message.content for message in request.messages)


def tokens_per_character(texts: Iterable[str], tokens: TokenCounter) -> float:
    """Of some texts, together."""
    together = "\n".join(texts)
    return tokens.count(together) / len(together)
