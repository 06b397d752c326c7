"""`janus bench ...`: Multifaceted Bench's own steps (paper, section 4 and appendix C.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.benchmarks.assemble import Assembled, BenchParts, assembling, excluded_as, instances
from janus_recipes.benchmarks.excluded import read_excluded, without_excluded
from janus_recipes.benchmarks.expected import (
    NOTED,
    NOTED_INSTRUCTIONS,
    asked_for,
    instructions_asked_for,
    instructions_of,
    instructions_without,
    without,
)
from janus_recipes.benchmarks.prompts import choose_prompts
from janus_recipes.benchmarks.published import load_bench
from janus_recipes.benchmarks.rubrics import RubricText
from janus_recipes.collection.pool_files import input_files
from janus_recipes.collection.reading import fetched_digests
from janus_recipes.collection.sources import SourceReport, fetched_note, keeping_aside, read_pools, section_of
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.collect import Instructions
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes, work_folder
from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import write_jsonl, written_whole
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Benchmark
from janus_recipes.records import Preference, ok_values, preference_set_from, read_asked, read_instructions, row_of
from janus_recipes.reporting.text import csv_text

app = typer.Typer(help="Multifaceted Bench: its prompts, rubrics and instances.")

Name = Annotated[str, typer.Argument(help="A benchmark of the recipe.")]
Preferences = Annotated[Path, typer.Option(help="The bench's preference sets.")]


@app.command()
def prompts(bench: Name, recipe: Recipes, instructions: Instructions, out: Out) -> None:
    """Choose each benchmark's quota of instructions that the Collection does not use.

    Records of the benchmarks that cannot be used are kept in prompts.bad.jsonl.
    """
    spec = load_recipe(recipe)
    sources = named(spec.benchmarks, bench, "benchmark").sources
    inputs, bad = {"collection": instructions, **input_files(sources)}, out.with_suffix(".bad.jsonl")
    with (
        making(out, recipe=spec.name, section=section_of(spec.seed, sources), inputs=inputs, also=[bad]) as made,
        keeping_aside(work_folder(out) / "bad.jsonl") as aside,
    ):
        reports = {name: SourceReport() for name in sources}
        pools = read_pools(sources, reports, aside)
        used = {one.id for one in read_instructions(instructions)}
        count = write_jsonl(out, map(row_of, choose_prompts(pools, sources, used, spec.seed)))
        write_jsonl(bad, aside.rows)
        made.counts = {"prompts": count, "sources": {name: row_of(one) for name, one in reports.items()}}
        made.notes = fetched_note(sources)


@app.command()
def rubrics(bench: Name, recipe: Recipes, preferences: Preferences, out: Out) -> None:
    """Ask the teacher for score rubrics."""
    spec = load_recipe(recipe)
    asking = named(spec.benchmarks, bench, "benchmark").rubrics
    make_asked(out, spec, asking_steps.rubrics(spec, asking, preferences))


@app.command()
def assemble(
    bench: Name,
    recipe: Recipes,
    prompts: Annotated[Path, typer.Option(help="The bench's instructions.")],
    preferences: Preferences,
    system_messages: Annotated[Path, typer.Option(help="The bench's system messages.")],
    references: Annotated[Path, typer.Option(help="The bench's reference answers.")],
    rubrics: Annotated[Path, typer.Option(help="The bench's rubrics.")],
    collection_preferences: Annotated[Path, typer.Option(help="The Collection's preference sets, which are out.")],
    out: Out,
) -> None:
    """Put the bench's instances together. What is nearest to each in the Collection goes into bench.unseen.csv."""
    # numpy and rapidfuzz are needed here alone.
    from janus_recipes.benchmarks.unseen import UNSEEN_COLUMNS, compare, distribution, unseen_rows

    spec = load_recipe(recipe)
    section = named(spec.benchmarks, bench, "benchmark")
    inputs = {"prompts": prompts, "preferences": preferences, "system_messages": system_messages}
    inputs |= {"references": references, "rubrics": rubrics, "collection": collection_preferences}
    inputs |= excluded_input(section)
    excluded, unseen = read_excluded(section.excluded), out.with_suffix(".unseen.csv")
    with making(out, recipe=spec.name, section=assembling(section), inputs=inputs, also=[unseen]) as made:
        parts = bench_parts(preferences, system_messages, references, rubrics)
        compared = compare(parts.preferences, collection_sets(collection_preferences), section.unseen)
        report, sets = Assembled(), section.preference_sets.per_instruction
        asked = list(read_instructions(prompts))
        columns = {f"{one.id}/{n}": section.sources[one.source].column for one in asked for n in range(sets)}
        rows = list(instances(asked, sets, section.sources, parts, compared.seen, report))
        count = write_jsonl(out, map(row_of, without_excluded(rows, excluded, columns, section.excluded)))
        report.exclude({item: one.reason for item, one in excluded.items()})
        with written_whole(unseen) as csv:
            csv.write(csv_text(UNSEEN_COLUMNS, unseen_rows(parts.preferences, compared, report.reasons)))
        made.counts = {
            "instances": count,
            NOTED: without(asked_for(section), columns, excluded),
            NOTED_INSTRUCTIONS: instructions_without(instructions_asked_for(section), columns, excluded),
            "left_out": dict(report.left_out),
            "highest_rouge_l": distribution([near.rouge_l for near in compared.nearest.values()]),
        }
        if not count:
            raise StepError(f"the bench {bench} has no instance left; left out: {dict(report.left_out)}")


def bench_parts(preferences: Path, system_messages: Path, references: Path, rubrics: Path) -> BenchParts:
    """The parts of a bench's instances, of those rows that are ok."""
    return BenchParts(
        preferences=ok_values(preferences, preference_set_from),
        system_messages=ok_values(system_messages, str),
        references=ok_values(references, str),
        rubrics=ok_values(rubrics, lambda value: RubricText(value["criteria"], tuple(value["scores"]))),
    )


@app.command()
def load(bench: Name, recipe: Recipes, out: Out) -> None:
    """Load a bench that somebody has published whole, as the recipe's `published` says; nothing is asked."""
    spec = load_recipe(recipe)
    section = named(spec.benchmarks, bench, "benchmark")
    if section.published is None:
        raise UsageError(f"the benchmark {bench} is made, not loaded: benchmarks.{bench}.published is not set")
    pool = {bench: section.published}
    inputs = {**input_files(pool), **excluded_input(section)}
    with making(out, recipe=spec.name, section=section.published, inputs=inputs) as made:
        loaded, excluded = load_bench(bench, section.published), read_excluded(section.excluded)
        columns = {one.id: one.benchmark for one in loaded.instances}
        rows = without_excluded(loaded.instances, excluded, columns, section.excluded)
        made.counts = {
            "instances": write_jsonl(out, map(row_of, rows)),
            NOTED: without(Counter(columns.values()), columns, excluded),
            NOTED_INSTRUCTIONS: instructions_without(len(instructions_of(columns)), columns, excluded),
            "left_out": dict(Counter(excluded_as(one.reason) for one in excluded.values())),
            "sources": dict(sorted(loaded.sources.items())),
        }
        made.notes = {"fetched": fetched} if (fetched := fetched_digests(pool)) else {}


def excluded_input(section: Benchmark) -> dict[str, Path]:
    """The file of the instances that people found bad, as an input; none where the recipe names none."""
    return {"excluded": Path(section.excluded)} if section.excluded else {}


def collection_sets(path: Path) -> Iterator[tuple[Preference, ...]]:
    """The Collection's preference sets, one at a time."""
    return (row.value for row in read_asked(path, preference_set_from) if row.value is not None)
