"""curator's online LLM with its cache on disk, limits out of the way and as many requests in flight as agreed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import litellm
from bespokelabs import curator

from tests.bench.job import MODEL, Job, job, kept, tell

# curator counts tokens by an encoding that tiktoken would fetch; litellm, which curator needs, brings it along.
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")

UNLIMITED = 100_000_000
"""Requests and tokens a minute: its own default is a fraction of what the server gives."""


class Asker(curator.LLM):  # type: ignore[misc]  # this package's environment has no types
    """Asks each row's prompt and keeps the text."""

    def prompt(self, row: dict[str, Any]) -> str:
        return str(row["prompt"])

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        return {"number": row["number"], "text": response}


def texts_of(asked: Job) -> list[str | None]:
    """The answers, None where curator gave none."""
    asker = Asker(
        model_name=MODEL,
        backend="openai",
        generation_params={"max_tokens": 256},
        backend_params={
            "base_url": asked.base_url,
            "api_key": "none",
            "max_requests_per_minute": UNLIMITED,
            "max_tokens_per_minute": UNLIMITED,
            "max_concurrent_requests": asked.in_flight,
            "require_all_responses": False,
        },
    )
    rows = [{"number": number, "prompt": prompt} for number, prompt in enumerate(asked.prompts)]
    texts: list[str | None] = [None] * asked.requests
    for row in asker(rows, working_dir=str(asked.folder / "curator")).dataset:
        texts[row["number"]] = row["text"]
    return texts


def main() -> None:
    """Do the job."""
    asked = job()
    began = time.perf_counter()
    texts = texts_of(asked)
    tell(time.perf_counter() - began, kept(texts))


if __name__ == "__main__":
    main()
