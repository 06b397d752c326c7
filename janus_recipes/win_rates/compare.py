"""Ask the judge to compare two models' answers: each instance in both orders, so that the place decides nothing.

    janus win-rates judge whole-to-third --bench bench.jsonl --first a.jsonl --second b.jsonl --out verdicts.jsonl

Ids are `<instance>/<order>/<run>`. In the order `first` the pair's first model stands at A, in the order `second` its
second one. The run is the request's sample index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from janus_recipes.llm.chat import ChatRequest
from janus_recipes.prompts import Prompt
from janus_recipes.recipe.provider import Sampling
from janus_recipes.records import BenchInstance

Order = Literal["first", "second"]
ORDERS: tuple[Order, Order] = ("first", "second")
"""Which of the pair's models stands at A."""


EQUAL_ANSWERS = "equal_answers"
"""The key of the manifest's notes under which the instances stand to which both models gave the same text."""


class PairAnswers(NamedTuple):
    """Two models' answers by instance, in the order of the pair."""

    first: Mapping[str, str]
    second: Mapping[str, str]

    def equal(self) -> list[str]:
        """The instances with the same text from both. Both orders are one request there, whatever the judge prefers."""
        return sorted(item for item, text in self.first.items() if self.second.get(item) == text)


def comparison_ids(bench: Sequence[BenchInstance], runs: int) -> Iterator[str]:
    """The ids of all verdicts on a pair: instances, orders and runs, in that order."""
    return (f"{one.id}/{order}/{run}" for one in bench for order in ORDERS for run in range(runs))


def compare_requests(
    bench: Sequence[BenchInstance], answers: PairAnswers, runs: int, sampling: Sampling, prompt: Prompt
) -> Iterator[ChatRequest]:
    """The requests for each instance that both models have answered, in the order of `comparison_ids`."""
    for instance in bench:
        if instance.id not in answers.first or instance.id not in answers.second:
            continue
        pair = answers.first[instance.id], answers.second[instance.id]
        for order in ORDERS:
            at_a, at_b = pair if order == "first" else pair[::-1]
            messages = prompt.render(
                instruction=instance.instruction,
                system_message=instance.system_message,
                response_a=at_a,
                response_b=at_b,
                reference_answer=instance.reference_answer,
                rubrics=instance.rubrics,
            )
            for run in range(runs):
                yield ChatRequest(f"{instance.id}/{order}/{run}", messages, sampling, sample=run)
