"""`janus overlap`: what a recipe's pools have in common with each other and with its bench prompts."""

from __future__ import annotations

from typing import Annotated

import typer

from janus_recipes.collection.overlap import SHOWN, Finding, findings, pool_of
from janus_recipes.collection.pool_files import input_files
from janus_recipes.collection.sources import Aside, SourceReport, read_texts, stop_at_empty
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.files import written_whole
from janus_recipes.manifest import making
from janus_recipes.recipe.collection import Contamination, NearDuplicates, Source
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import row_of
from janus_recipes.reporting.text import csv_text, markdown_table, plain

app = typer.Typer()

COLUMNS = ("source", "finding", "with", "instructions", "of", *(f"example_{number}" for number in range(1, SHOWN + 1)))


@app.command()
def overlap(
    recipe: Recipes,
    out: Out,
    source: Annotated[
        list[str] | None, typer.Option(help="A source of the recipe, again for further ones; without it all.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="A benchmark of the recipe; without it all.")] = None,
) -> None:
    """Report duplicates, near-duplicates and bench prompts in the recipe's whole pools, as .csv or .md."""
    if out.suffix not in (".csv", ".md"):
        raise UsageError(f"--out {out}: the report is written as .csv or .md")
    spec = load_recipe(recipe)
    sources = {name: named(spec.collection.sources, name, "source") for name in source or spec.collection.sources}
    benches = bench_pools(spec, benchmark)
    near = spec.collection.instructions.near_duplicates or NearDuplicates()
    limit = spec.collection.instructions.contamination or Contamination()
    section = {"near_duplicates": near.model_dump(), "contamination": limit.model_dump(), "benchmarks": list(benches)}
    with making(out, recipe=spec.name, section=section, inputs=input_files(sources | benches)) as made:
        reports = {name: SourceReport() for name in sources | benches}
        pools = {name: pool_of(texts_of(name, one, reports[name])) for name, one in sources.items()}
        prompts = {name: texts_of(name, one, reports[name]) for name, one in benches.items()}
        stop_at_empty(reports)
        found = findings(pools, prompts, near, limit)
        head = [*([spec.rehearsal.notice] if spec.rehearsal else []), settings(near, limit)]
        with written_whole(out) as file:
            file.write(csv_of(found) if out.suffix == ".csv" else markdown_of(found, head))
        made.counts = {name: row_of(report) for name, report in reports.items()}
    typer.echo(f"{out}: {len(found)} findings in {sum(reports[name].records for name in sources):,} records")


def bench_pools(recipe: Recipe, benchmark: str | None) -> dict[str, Source]:
    """The pools that a benchmark, or each of them, takes its prompts from."""
    chosen = {benchmark: named(recipe.benchmarks, benchmark, "benchmark")} if benchmark else recipe.benchmarks
    return {f"{bench}/{name}": pool for bench, one in chosen.items() for name, pool in one.sources.items()}


def texts_of(name: str, source: Source, report: SourceReport) -> list[str]:
    """The texts of a pool, in its order."""
    return [text for text, _ in read_texts(name, source, report, Aside())]


def csv_of(found: list[Finding]) -> str:
    """The findings, one a row."""
    counts = ((one.source, one.what, one.other, str(one.count), str(one.of)) for one in found)
    examples = ([*one.examples, *[""] * (SHOWN - len(one.examples))] for one in found)
    return csv_text(COLUMNS, ([*row, *shown] for row, shown in zip(counts, examples, strict=True)))


def settings(near: NearDuplicates, contamination: Contamination) -> str:
    """What counts as a finding."""
    return (
        f"Near-duplicates have at least {near.similarity:.0%} of their runs of {near.words} words in common; the "
        "first, in the order of the sources, is the one that others repeat. Bench prompts are found as the same text "
        f"or by {contamination.words} words in a row; one of several benchmarks counts for each. Nothing was removed."
    )


def markdown_of(found: list[Finding], head: list[str]) -> str:
    """The findings as a table, then examples of each."""
    rows = [[one.source, one.what, one.other, f"{one.count:,}", f"{one.of:,}"] for one in found]
    table = markdown_table(["Source", "Finding", "With", "Instructions", "Of"], rows, {0, 1, 2}) if rows else "None."
    parts = ["# What the pools have in common", *map(plain, head), table]
    for one in found:
        lines = [f"- {plain(example)}" for example in one.examples]
        parts += [f"## {plain(one.source)}: {one.what} {plain(one.other)}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"
