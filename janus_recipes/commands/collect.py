"""`janus collect ...`: the Collection's steps (paper, section 3.2), which make the bench's parts too (`--bench`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.collection.make_instructions import make_instructions
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import OfBench, Out, Recipes, work_folder
from janus_recipes.recipe.collection import Collection
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Benchmark, Recipe

app = typer.Typer(help="The Multifaceted Collection: instructions, preference sets, system messages, responses.")

Instructions = Annotated[Path, typer.Option(help="The instructions to ask about.")]


@app.command()
def instructions(recipe: Recipes, out: Out) -> None:
    """Sample the Collection's instructions from its pools."""
    make_instructions(load_recipe(recipe), out, work_folder(out))


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


@app.command()
def helpful_responses(
    condition: Annotated[str, typer.Argument(help="What stands before the instruction: none, or default.")],
    recipe: Recipes,
    instructions: Instructions,
    out: Out,
) -> None:
    """Ask the teacher for generally helpful responses, one an instruction."""
    spec = load_recipe(recipe)
    asked = {str(one): one for one in spec.collection.helpful_responses}
    wanted = named(asked, condition, "collection.helpful_responses")
    make_asked(out, spec, asking_steps.helpful_responses(spec, wanted, instructions))


def part_of(recipe: Recipe, bench: str | None) -> Collection | Benchmark:
    """The settings of the Collection, or of a benchmark that is made by the same steps."""
    return named(recipe.benchmarks, bench, "benchmark") if bench else recipe.collection
