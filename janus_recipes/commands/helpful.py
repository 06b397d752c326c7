"""`janus helpful-mix`: general helpfulness pairs from public pools (paper, appendix E.2)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.collection.sources import Aside, SourceReport, keeping_aside, read_texts
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes, work_folder
from janus_recipes.datasets.helpful import mix
from janus_recipes.datasets.pairs_of_pools import PoolReport, read_pool
from janus_recipes.datasets.section import section_of
from janus_recipes.errors import UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.dataset import HelpfulMix
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import row_of
from janus_recipes.workflow.entries import pools_of_mix
from janus_recipes.workflow.files import local_files

app = typer.Typer()

OVERLAPS_SHOWN = 20


@app.command()
def helpful_mix(
    name: Annotated[str, typer.Argument(help="A data set of the recipe, of the kind helpful_mix.")],
    recipe: Recipes,
    out: Out,
) -> None:
    """Mix general helpfulness pairs from public pools; what cannot be read lies in <name>.bad.jsonl beside it."""
    spec = load_recipe(recipe)
    wanted = named(spec.datasets, name, "data set")
    if not isinstance(wanted, HelpfulMix):
        raise UsageError(f"datasets.{name} is cut from the Collection: `janus dataset {name}` makes it")
    files = {path: Path(path) for path in local_files(pools_of_mix(spec, name))}
    bad = out.with_suffix(".bad.jsonl")
    with (
        making(out, recipe=spec.name, section=section_of(spec, name), inputs=files, also=[bad]) as made,
        keeping_aside(work_folder(out) / "bad.jsonl") as aside,
    ):
        reports = {pool: PoolReport() for pool in wanted.pools}
        pools = {
            pool: read_pool(pool, located, spec.seed, reports[pool], aside) for pool, located in wanted.pools.items()
        }
        mixed = mix(pools, reports, wanted, spec.seed, bench_prompts(spec) if wanted.contamination else {})
        write_jsonl(bad, aside.rows)
        rows = write_jsonl(out, (pair.as_row() for pair in mixed.pairs))
        made.counts = {"rows": rows, "pools": {pool: row_of(report) for pool, report in reports.items()}}
        if mixed.overlaps:
            by_bench = Counter(overlap.benchmark for overlap in mixed.overlaps.values())
            shown = dict(list(mixed.overlaps.items())[:OVERLAPS_SHOWN])
            made.notes = {"contaminated": dict(by_bench), "examples": {id: row_of(one) for id, one in shown.items()}}


def bench_prompts(recipe: Recipe) -> dict[str, list[str]]:
    """All prompts of the recipe's benchmarks, by benchmark and pool. Raises StepError where one cannot be read."""
    found: dict[str, list[str]] = {}
    for bench, section in recipe.benchmarks.items():
        for name, source in section.sources.items():
            texts = read_texts(name, source, SourceReport(), Aside())
            found[f"{bench}/{name}"] = [text for text, _ in texts]
    return found
