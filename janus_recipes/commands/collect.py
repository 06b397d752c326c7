"""`janus collect ...`: the Collection's steps (paper, section 3.2), which make the bench's parts too (`--bench`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.collection.instructions import sample_instructions
from janus_recipes.collection.preferences import parse_preference_set, preference_requests
from janus_recipes.collection.responses import parse_response, response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_system_messages
from janus_recipes.collection.sources import SourceReport, read_source
from janus_recipes.collection.system_messages import parse_system_message, system_message_requests
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import OfBench, Out, Recipes
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Benchmark, Collection, Recipe
from janus_recipes.records import (
    Asked,
    Preference,
    Status,
    preference_set_from,
    read_asked,
    read_instructions,
    row_of,
)

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
    asking = part_of(spec, bench).preference_sets
    prompt, seeds = read_prompt(spec.prompts.preference_set), read_seed_preferences(spec.seeds.preferences)
    make_asked(
        out,
        spec,
        asking,
        lambda: preference_requests(read_instructions(instructions), seeds, asking, prompt, spec.seed),
        parse_preference_set,
        wanted=lambda: (
            f"{one.id}/{n}" for one in read_instructions(instructions) for n in range(asking.per_instruction)
        ),
        inputs={"instructions": instructions, "prompt": prompt.path, "seeds": Path(spec.seeds.preferences)},
    )


@app.command()
def system_messages(
    recipe: Recipes,
    preferences: Annotated[Path, typer.Option(help="The preference sets to put into words.")],
    out: Out,
    bench: OfBench = None,
) -> None:
    """Ask the teacher for system messages."""
    spec = load_recipe(recipe)
    asking = part_of(spec, bench).system_messages
    prompt, examples = read_prompt(spec.prompts.system_message), read_seed_system_messages(spec.seeds.system_messages)
    make_asked(
        out,
        spec,
        asking,
        lambda: system_message_requests(ok_sets(preferences), examples, asking, prompt, spec.seed),
        parse_system_message,
        wanted=lambda: (one.id for one in read_asked(preferences, preference_set_from)),
        inputs={"preferences": preferences, "prompt": prompt.path, "seeds": Path(spec.seeds.system_messages)},
    )


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
    prompt = read_prompt(spec.prompts.response)
    texts = {one.id: one.text for one in read_instructions(instructions)}
    make_asked(
        out,
        spec,
        asking,
        lambda: response_requests(ok_texts(system_messages), texts, asking, prompt),
        parse_response,
        wanted=lambda: (one.id for one in read_asked(system_messages, str)),
        inputs={"instructions": instructions, "system_messages": system_messages, "prompt": prompt.path},
    )


def part_of(recipe: Recipe, bench: str | None) -> Collection | Benchmark:
    """The settings of the Collection, or of a benchmark that is made by the same steps."""
    return named(recipe.benchmarks, bench, "benchmark") if bench else recipe.collection


def ok_sets(path: Path) -> Iterator[Asked[tuple[Preference, ...]]]:
    """The preference sets that are there."""
    return (one for one in read_asked(path, preference_set_from) if one.status is Status.OK)


def ok_texts(path: Path) -> Iterator[Asked[str]]:
    """The rows of a file of texts that are there."""
    return (one for one in read_asked(path, str) if one.status is Status.OK)
