"""`janus collect ...`: the Collection's steps (paper, section 3.2), which make the bench's parts too (`--bench`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.collection.instructions import sample_instructions
from janus_recipes.collection.sources import SourceReport, read_source
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import OfBench, Out, Recipes
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Benchmark, Collection, Recipe
from janus_recipes.records import row_of

app = typer.Typer(help="The Multifaceted Collection: instructions, preference sets, system messages, responses.")

Instructions = Annotated[Path, typer.Option(help="The instructions to ask about.")]


@app.command()
def instructions(recipe: Recipes, out: Out) -> None:
    """Sample the Collection's instructions from its pools."""
    spec = load_recipe(recipe)
    sources = spec.collection.sources
    files = {name: Path(source.path) for name, source in sources.items() if source.path}
    with making(out, recipe=spec.name, section=spec.collection.instructions, inputs=files) as made:
        reports = {name: SourceReport() for name in sources}
        pools = {name: read_source(name, source, reports[name]) for name, source in sources.items()}
        sampled = sample_instructions(pools, spec.collection.instructions, spec.seed)
        write_jsonl(out, map(row_of, sampled.instructions))
        made.counts = {"funnel": sampled.funnel, "sources": {name: row_of(one) for name, one in reports.items()}}


@app.command()
def preferences(recipe: Recipes, instructions: Instructions, out: Out, bench: OfBench = None) -> None:
    """Ask the teacher for preference sets."""
    spec = load_recipe(recipe)
    make_asked(out, spec, asking_steps.preference_sets(spec, part_of(spec, bench).preference_sets, instructions))


@app.command()
def system_messages(
    recipe: Recipes,
    preferences: Annotated[Path, typer.Option(help="The preference sets to put into words.")],
    out: Out,
    bench: OfBench = None,
) -> None:
    """Ask the teacher for system messages."""
    spec = load_recipe(recipe)
    make_asked(out, spec, asking_steps.system_messages(spec, part_of(spec, bench).system_messages, preferences))


@app.command()
def responses(
    recipe: Recipes,
    instructions: Instructions,
    system_messages: Annotated[Path, typer.Option(help="The system messages to answer under.")],
    out: Out,
    bench: OfBench = None,
) -> None:
    """Ask the teacher for gold responses."""
    spec = load_recipe(recipe)
    asking = named(spec.benchmarks, bench, "benchmark").reference_answers if bench else spec.collection.responses
    make_asked(out, spec, asking_steps.responses(spec, asking, instructions, system_messages))


def part_of(recipe: Recipe, bench: str | None) -> Collection | Benchmark:
    """The settings of the Collection, or of a benchmark that is made by the same steps."""
    return named(recipe.benchmarks, bench, "benchmark") if bench else recipe.collection
