"""distilabel's pipeline: one text generation step whose batches are as large as what may be in flight, cache on."""

from __future__ import annotations

import time

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

from tests.bench.job import MODEL, Job, job, kept, tell


def texts_of(asked: Job) -> list[str | None]:
    """The answers, None where distilabel gave none."""
    rows = [{"number": number, "instruction": prompt} for number, prompt in enumerate(asked.prompts)]
    with Pipeline(name="bench", cache_dir=asked.folder / "distilabel") as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=asked.in_flight)
        model = OpenAILLM(
            model=MODEL, base_url=asked.base_url, api_key="none", generation_kwargs={"max_new_tokens": 256}
        )
        load >> TextGeneration(llm=model, input_batch_size=asked.in_flight)
    made = pipeline.run(use_cache=True)["default"]["train"]
    texts: list[str | None] = [None] * asked.requests
    for row in made:
        texts[row["number"]] = row["generation"]
    return texts


def main() -> None:
    """Do the job."""
    asked = job()
    began = time.perf_counter()
    texts = texts_of(asked)
    tell(time.perf_counter() - began, kept(texts))


if __name__ == "__main__":
    main()
