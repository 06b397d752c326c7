"""`janus bench ...`: Multifaceted Bench's own steps (paper, section 4 and appendix C.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from janus_recipes import asking_steps
from janus_recipes.benchmarks.assemble import Assembled, BenchParts, combination, instances
from janus_recipes.benchmarks.prompts import choose_prompts
from janus_recipes.benchmarks.rubrics import RubricText
from janus_recipes.collection.sources import SourceReport, read_source
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.collect import Instructions
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import ok_values, preference_set_from, read_instructions, row_of

app = typer.Typer(help="Multifaceted Bench: its prompts, rubrics and instances.")

Name = Annotated[str, typer.Argument(help="A benchmark of the recipe.")]
Preferences = Annotated[Path, typer.Option(help="The bench's preference sets.")]


@app.command()
def prompts(bench: Name, recipe: Recipes, instructions: Instructions, out: Out) -> None:
    """Choose each benchmark's quota of instructions that the Collection does not use."""
    spec = load_recipe(recipe)
    sources = named(spec.benchmarks, bench, "benchmark").sources
    files = {name: Path(source.path) for name, source in sources.items() if source.path}
    with making(
        out, recipe=spec.name, section=row_sections(sources), inputs={"collection": instructions, **files}
    ) as made:
        reports = {name: SourceReport() for name in sources}
        pools = {name: read_source(name, source, reports[name]) for name, source in sources.items()}
        used = {one.id for one in read_instructions(instructions)}
        count = write_jsonl(out, map(row_of, choose_prompts(pools, sources, used, spec.seed)))
        made.counts = {"prompts": count, "sources": {name: row_of(one) for name, one in reports.items()}}


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
    """Put the bench's instances together."""
    spec = load_recipe(recipe)
    section = named(spec.benchmarks, bench, "benchmark")
    inputs = {
        "prompts": prompts,
        "preferences": preferences,
        "system_messages": system_messages,
        "references": references,
        "rubrics": rubrics,
        "collection": collection_preferences,
    }
    with making(out, recipe=spec.name, section=row_sections(section.sources), inputs=inputs) as made:
        parts = BenchParts(
            preferences=ok_values(preferences, preference_set_from),
            system_messages=ok_values(system_messages, str),
            references=ok_values(references, str),
            rubrics=ok_values(rubrics, lambda value: RubricText(value["criteria"], tuple(value["scores"]))),
        )
        seen = {combination(one) for one in ok_values(collection_preferences, preference_set_from).values()}
        report = Assembled()
        rows = instances(
            read_instructions(prompts), section.preference_sets.per_instruction, section.sources, parts, seen, report
        )
        count = write_jsonl(out, map(row_of, rows))
        made.counts = {"instances": count, "left_out": dict(report.left_out)}
        if not count:
            raise StepError(f"the bench {bench} has no instance left; left out: {dict(report.left_out)}")


def row_sections(sections: Any) -> dict[str, Any]:
    """Named sections of a recipe as JSON."""
    return {name: section.model_dump(mode="json") for name, section in sections.items()}
