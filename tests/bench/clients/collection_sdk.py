"""The openai package on the very requests of one of the Collection's steps: nothing is read, kept or counted.

python -m tests.bench.clients.collection_sdk URL REQUESTS IN_FLIGHT FOLDER preferences|system-messages|responses
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import islice
from typing import Any, cast

import openai

from janus_recipes.llm.chat import body_of
from tests.bench.collection_steps import StepName, files_in, step_of
from tests.bench.job import Job, Kept, job, tell


def bodies_of(asked: Job, name: StepName) -> list[dict[str, Any]]:
    """The bodies of the step's first requests."""
    recipe, step = step_of(files_in(asked.folder), name)
    provider = recipe.providers[step.asking.provider]
    return [body_of(request, provider) for request in islice(step.requests(), asked.requests)]


async def by_workers(asked: Job, bodies: list[dict[str, Any]]) -> int:
    """Each of `in_flight` workers asks the next when its last is answered. Returns how many answers have a text."""
    waiting = iter(bodies)

    async def work() -> int:
        return sum(
            [bool((await client.chat.completions.create(**body)).choices[0].message.content) for body in waiting]
        )

    async with openai.AsyncOpenAI(base_url=asked.base_url, api_key="none") as client:
        return sum(await asyncio.gather(*(work() for _ in range(asked.in_flight))))


if __name__ == "__main__":
    asked = job()
    bodies = bodies_of(asked, cast(StepName, sys.argv[5]))
    began, used = time.perf_counter(), time.process_time()
    answers = asyncio.run(by_workers(asked, bodies))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - used
    tell(seconds, Kept(answers, len(bodies) - answers), asking_cpu_s=cpu_s)
