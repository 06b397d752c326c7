"""Make the Collection's instructions from its pools, and the report of what became of each pool.

janus collect instructions --recipe recipes/janus.yaml --out results/janus/collection/instructions.jsonl

instructions.jsonl              the instructions, ordered by id
instructions.bad.jsonl          the records that could not be used, each with file, number and reason
instructions.funnel.csv, .md    what each step left (funnel_report.py)
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from janus_recipes.analysis.published import read_published_collection
from janus_recipes.collection.funnel import ALL
from janus_recipes.collection.funnel_report import Report, csv_of, markdown_of
from janus_recipes.collection.instructions import Sampled, sample_instructions
from janus_recipes.collection.pool_files import compared_pools, input_files
from janus_recipes.collection.sources import (
    Aside,
    SourceReport,
    fetched_note,
    keeping_aside,
    read_pools,
    section_of,
)
from janus_recipes.files import write_jsonl, written_whole
from janus_recipes.manifest import making
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import row_of

BESIDE = ("bad.jsonl", "funnel.csv", "funnel.md")


def make_instructions(recipe: Recipe, out: Path, work: Path) -> None:
    """Read the pools, sample, and write `out` with its reports beside it. `work` is for what a failure leaves."""
    bad, table, report = (out.with_name(f"{out.stem}.{suffix}") for suffix in BESIDE)
    pools = recipe.collection.sources | compared_pools(recipe)
    inputs = {**input_files(pools), "published": Path(recipe.published_figures)}
    decides = section_of(recipe.seed, pools, recipe.collection.instructions)
    with (
        making(out, recipe=recipe.name, section=decides, inputs=inputs, also=[bad, table, report]) as made,
        keeping_aside(work / "bad.jsonl") as aside,
    ):
        reports = {name: SourceReport() for name in recipe.collection.sources}
        with no_garbage_collection():
            sampled = sampled_from(recipe, reports, aside)
        written = report_of(recipe, sampled, reports)
        write_jsonl(bad, aside.rows)
        for path, text in ((table, csv_of(written)), (report, markdown_of(written))):
            with written_whole(path) as file:
                file.write(text)
        write_jsonl(out, map(vars, sampled.instructions))
        counts = {name: row_of(one) for name, one in reports.items()}
        made.counts = {"funnel": sampled.funnel.for_manifest(), "sources": counts}
        made.notes = fetched_note(pools)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A million instructions are no garbage: to look through them again and again takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def sampled_from(recipe: Recipe, reports: dict[str, SourceReport], aside: Aside) -> Sampled:
    """The recipe's instructions. What reading them came to is added to `reports` and `aside`."""
    pools = read_pools(recipe.collection.sources, reports, aside)
    sampled = sample_instructions(pools, recipe.collection.instructions, recipe.seed, bench_prompts(recipe, aside))
    for step in ("records", "bad"):
        sampled.funnel.add(step, {(name, ALL): getattr(one, step) for name, one in reports.items()})
    return sampled


def bench_prompts(recipe: Recipe, aside: Aside) -> dict[str, list[str]]:
    """All prompts of the benchmarks that instructions are compared with, by the benchmark's own pools."""
    pools = compared_pools(recipe)
    found = read_pools(pools, {name: SourceReport() for name in pools}, aside)
    return {name: [one.text for one in instructions] for name, instructions in found.items()}


def report_of(recipe: Recipe, sampled: Sampled, reports: dict[str, SourceReport]) -> Report:
    """What the report is written from."""
    return Report(
        recipe.name,
        recipe.collection.instructions,
        sampled.funnel,
        reports,
        read_published_collection(Path(recipe.published_figures)),
        recipe.rehearsal.notice if recipe.rehearsal else None,
    )
