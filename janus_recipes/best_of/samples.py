"""Several answers to each bench instance, from which best-of-n selects (paper, section 6.3).

    janus best-of sample janus-star-7b --samples 64 --condition multifaceted --bench bench.jsonl ... --out samples.jsonl

Rows are those of plain generation, one a sample, under `<instance>/<sample>`; samples are counted from 0. A prompt's
requests follow one another, so that vLLM reads it once and keeps it for the others (prefix caching).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from janus_recipes.files import Json
from janus_recipes.generation.run import generation_requests
from janus_recipes.recipe.section import Condition
from janus_recipes.records import BenchInstance
from janus_recipes.seeding import derive_seed


def sample_id(instance: str, number: int) -> str:
    """The id of an instance's sample."""
    return f"{instance}/{number}"


def sample_requests(
    instances: Iterable[BenchInstance], condition: Condition, default_system_message: str, seed: int, samples: int
) -> Iterator[Json]:
    """One request for each sample of each instance, with a seed of its own: id, messages, seed.

    A sample's seed depends on its number, not on how many there are: the first 8 of 64 are those of 8.
    """
    for request in generation_requests(instances, condition, default_system_message, seed):
        for number in range(samples):
            drawn = derive_seed(seed, "best-of", request["id"], number)
            yield {**request, "id": sample_id(request["id"], number), "seed": drawn}


def as_samples(bench: Iterable[BenchInstance], samples: int) -> list[BenchInstance]:
    """Each instance as often as it has samples, under their ids, so that every sample is judged as an answer is."""
    return [replace(one, id=sample_id(one.id, number)) for one in bench for number in range(samples)]
