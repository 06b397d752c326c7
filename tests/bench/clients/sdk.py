"""The openai package as its users use it: as many workers as may be in flight, or batches that wait for their slowest.

    python -m tests.bench.clients.sdk BASE_URL REQUESTS IN_FLIGHT FOLDER workers|aiohttp|barrier

`barrier` is what the paper's own script does: everything is kept in memory and written at the end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import openai

from tests.bench.job import MODEL, Job, job, kept, tell

Answer = Callable[[str], Awaitable[str | None]]


async def in_batches(asked: Job, answer: Answer) -> list[str | None]:
    """Ask `in_flight` at once, and the next when all of them are answered."""
    prompts, texts = asked.prompts, list[str | None]()
    for start in range(0, asked.requests, asked.in_flight):
        texts += await asyncio.gather(*(answer(one) for one in prompts[start : start + asked.in_flight]))
    (asked.folder / "answers.json").write_text(json.dumps(texts))
    return texts


async def by_workers(asked: Job, answer: Answer) -> list[str | None]:
    """Each of `in_flight` workers asks the next when its last is answered."""
    waiting = enumerate(asked.prompts)
    texts: list[str | None] = [None] * asked.requests

    async def work() -> None:
        for number, prompt in waiting:
            texts[number] = await answer(prompt)

    await asyncio.gather(*(work() for _ in range(asked.in_flight)))
    return texts


async def main(asked: Job, way: str) -> None:
    """Do the job in one of the three ways. The package's own two retries are on, as they are for its users."""
    http = openai.DefaultAioHttpClient() if way == "aiohttp" else None
    client = openai.AsyncOpenAI(base_url=asked.base_url, api_key="none", http_client=http)

    async def answer(prompt: str) -> str | None:
        try:
            chat = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": prompt}], max_completion_tokens=256
            )
        except openai.APIError:
            return None
        return chat.choices[0].message.content

    began = time.perf_counter()
    async with client:
        texts = await (in_batches if way == "barrier" else by_workers)(asked, answer)
    tell(time.perf_counter() - began, kept(texts))


if __name__ == "__main__":
    asyncio.run(main(job(), sys.argv[5]))
