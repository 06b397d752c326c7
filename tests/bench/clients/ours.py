"""This project's `ask`: ledger on disk, a budget kept, every answer validated and asked again if need be."""

from __future__ import annotations

import time
from collections.abc import Iterator

import janus_recipes.llm.flow  # noqa: F401  # loaded before the clock starts, as the other clients' packages are
from janus_recipes.llm.ask import ask
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import ChatRequest, Message, Unparsed
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Prices, Provider, Sampling
from janus_recipes.records import Status
from tests.bench.job import MODEL, Job, job, kept, peak_mb, tell
from tests.bench.load import is_whole, prompt

RE_ASKS = 3
BUDGET_USD = 1e6
"""Never reached, and looked at before each request."""
SAMPLING = Sampling(max_tokens=256)


def provider_of(asked: Job) -> Provider:
    """The load server as a recipe would name it."""
    return Provider(
        kind="openai",
        model=MODEL,
        base_url=asked.base_url,
        concurrency=asked.in_flight,
        prices=Prices(input=1.0, output=2.0),
    )


def question(number: int) -> ChatRequest:
    """The question with this number."""
    return ChatRequest(str(number), (Message("user", prompt(number)),), SAMPLING)


def whole(text: str) -> str:
    """The answer. Raises Unparsed when it is not the JSON that was asked for."""
    if not is_whole(text):
        raise Unparsed("not the JSON asked for")
    return text


def main() -> None:
    """Do the job, and say how much memory was held at its tenth and at its end."""
    asked = job()
    at_a_tenth = 0.0

    def requests() -> Iterator[ChatRequest]:
        nonlocal at_a_tenth
        for number in range(asked.requests):
            if number == asked.requests // 10:
                at_a_tenth = at_a_tenth or peak_mb()
            yield question(number)

    began = time.perf_counter()
    provider = provider_of(asked)
    with Ledger.open(asked.folder, MODEL) as ledger, Purse.open(asked.folder, MODEL, BUDGET_USD, provider) as purse:
        rows = ask(requests, provider, ledger, whole, RE_ASKS, purse=purse)
        found = kept(row.raw if row.status is Status.OK else None for row in rows)
        usd = purse.spent_usd
    tell(time.perf_counter() - began, found, peak_mb_at_a_tenth=at_a_tenth, usd=usd)


if __name__ == "__main__":
    main()
