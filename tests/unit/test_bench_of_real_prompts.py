"""The five real benchmarks share prompts as it is known of them, and the bench takes its quotas from them all the same.

The files are not ours to ship. They are looked for in data/ and in shared/data beside the checkout; without them these
tests skip and say so.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.benchmarks.prompts import choose_prompts
from janus_recipes.collection.contamination import contaminated
from janus_recipes.collection.sources import Aside, SourceReport, read_pools, read_texts
from janus_recipes.recipe.collection import Contamination
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import BenchSource
from tests.real_pools import NONE_HERE, REAL_POOLS

pytestmark = pytest.mark.skipif(REAL_POOLS is None, reason=NONE_HERE)

FILES = {
    "self-instruct": "self_instruct.jsonl",
    "mt-bench": "mt_bench.jsonl",
    "koala": "koala.jsonl",
    "flask": "flask.jsonl.gz",
    "alpaca-eval": "alpaca_eval.jsonl",
}


def real_sources() -> dict[str, BenchSource]:
    """The recipe's own five, its quotas included, read from the files here."""
    sources = load_recipe([Path("recipes/janus.yaml")]).benchmarks["multifaceted"].sources
    assert REAL_POOLS is not None
    here = {name: str(REAL_POOLS / "benchmarks" / file) for name, file in FILES.items()}
    return {name: one.model_copy(update={"url": None, "path": here[name]}) for name, one in sources.items()}


def texts(name: str, source: BenchSource) -> list[str]:
    return [text for text, _ in read_texts(name, source, SourceReport(), Aside())]


@pytest.mark.parametrize(
    ("holder", "held", "count", "of"),
    [
        ("alpaca-eval", "self-instruct", 252, 252),
        ("alpaca-eval", "vicuna", 80, 80),
        ("alpaca-eval", "koala", 144, 180),
        ("flask", "koala", 176, 180),
    ],
)
def test_a_benchmark_that_holds_another_ones_prompts_is_found_out(holder: str, held: str, count: int, of: int) -> None:
    sources = real_sources()
    assert REAL_POOLS is not None
    vicuna = sources["mt-bench"].model_copy(update={"path": str(REAL_POOLS / "benchmarks/vicuna_bench.jsonl")})
    pool = texts(held, vicuna if held == "vicuna" else sources[held])
    assert len(pool) == of
    prompts = {holder: texts(holder, sources[holder])}
    found = contaminated({text: text for text in pool}, prompts, Contamination())
    assert sum(one.how == "same text" for one in found.values()) == count


def test_the_bench_takes_63_different_prompts_of_each_although_they_share_so_many() -> None:
    sources = real_sources()
    pools = read_pools(sources, {name: SourceReport() for name in sources}, Aside())
    used = {pools["koala"][0].id}  # as if the Collection had it
    chosen = choose_prompts(pools, sources, used, seed=42)
    assert {name: sum(one.source == name for one in chosen) for name in sources} == dict.fromkeys(FILES, 63)
    assert len({one.id for one in chosen} - used) == 315
