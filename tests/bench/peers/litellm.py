"""litellm's `acompletion` under as many workers as may be in flight, with its retries on."""

from __future__ import annotations

import asyncio
import time

import litellm

from tests.bench.job import MODEL, Job, job, kept, tell


async def texts_of(asked: Job) -> list[str | None]:
    """The answers, None where litellm raised."""
    waiting = enumerate(asked.prompts)
    texts: list[str | None] = [None] * asked.requests

    async def work() -> None:
        for number, prompt in waiting:
            texts[number] = await answer(asked, prompt)

    await asyncio.gather(*(work() for _ in range(asked.in_flight)))
    return texts


async def answer(asked: Job, prompt: str) -> str | None:
    """One answer."""
    try:
        chat = await litellm.acompletion(
            model=f"openai/{MODEL}",
            api_base=asked.base_url,
            api_key="none",
            messages=[{"role": "user", "content": prompt}],
            max_tokens=256,
            num_retries=3,
        )
    except litellm.exceptions.OpenAIError:
        return None
    return str(chat.choices[0].message.content)


def main() -> None:
    """Do the job."""
    asked = job()
    began = time.perf_counter()
    texts = asyncio.run(texts_of(asked))
    tell(time.perf_counter() - began, kept(texts))


if __name__ == "__main__":
    main()
