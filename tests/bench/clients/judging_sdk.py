"""The openai package on the very requests of a judging step: nothing is read, kept or counted.

python -m tests.bench.clients.judging_sdk URL REQUESTS IN_FLIGHT FOLDER
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from typing import Any

from janus_recipes.llm.chat import body_of
from tests.bench.clients.collection_sdk import by_workers
from tests.bench.job import Job, Kept, job, tell
from tests.bench.judging_steps import Judgings, step_of


def bodies_of(asked: Job) -> list[dict[str, Any]]:
    """The bodies of the first model's first requests."""
    recipe, step = step_of(Judgings(asked.folder), 0)
    provider = recipe.providers[step.asking.provider]
    return [body_of(request, provider) for request in islice(step.requests(), asked.requests)]


if __name__ == "__main__":
    asked = job()
    bodies = bodies_of(asked)
    began, used = time.perf_counter(), time.process_time()
    answers = asyncio.run(by_workers(asked, bodies))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - used
    tell(seconds, Kept(answers, len(bodies) - answers), asking_cpu_s=cpu_s)
