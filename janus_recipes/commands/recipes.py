"""`janus validate`, `plan`, `schema` and `show`: what a person asks of a recipe. Nothing here spends or needs a key."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from janus_recipes.commands.options import Recipes
from janus_recipes.errors import UsageError
from janus_recipes.planning import planned_requests, planned_trainings
from janus_recipes.preview import PREVIEWS, preview
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.registry import retirement_warnings
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.schema_export import recipe_json_schema

app = typer.Typer()
show = typer.Typer(help="Look at what would be sent.")
app.add_typer(show, name="show")

Files = Annotated[list[Path], typer.Argument(help="A recipe and the overlays on it, in order.")]


@app.command()
def validate(recipe: Files) -> None:
    """Check a recipe: every problem at once, with its path in the YAML. Needs no key and no network."""
    checked = load_recipe(recipe)
    warn_of_retirements(checked)
    typer.echo(f"{' + '.join(map(str, recipe))}: ok ({len(checked.models)} models, {len(checked.tables)} tables)")


@app.command()
def schema() -> None:
    """Print the JSON schema that editors check recipes with."""
    typer.echo(json.dumps(recipe_json_schema(), indent=2, ensure_ascii=False))


@app.command()
def plan(recipe: Files) -> None:
    """Print how often each step would ask which model, and what would be trained, before anything runs."""
    checked = load_recipe(recipe)
    warn_of_retirements(checked)
    shown = Table("step", "provider", "model", "requests at most")
    for step in planned_requests(checked):
        shown.add_row(step.name, step.provider, checked.providers[step.provider].model, f"{step.requests:,}")
    console = Console()
    console.print(shown)
    for line in planned_trainings(checked):
        console.print(line)


@show.command()
def prompt(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(PREVIEWS)}.")],
    recipe: Recipes,
    item: Annotated[
        str | None, typer.Option(help="An item's id; without it the first, or a seed where nothing is made yet.")
    ] = None,
) -> None:
    """Print what would be sent for an item: made already, or put together from the seeds."""
    if name not in PREVIEWS:
        raise UsageError(f"no prompt {name}; there are {', '.join(PREVIEWS)}")
    shown = preview(load_recipe(recipe), name, item)
    typer.echo(f"# {name} for {shown.item}, to {shown.provider} ({shown.model})")
    for message in shown.messages:
        typer.echo(f"\n[{message.role}]\n{message.content}")


def warn_of_retirements(recipe: Recipe) -> None:
    """Name retired models on stderr: they stop the steps that would spend, not this."""
    for line in retirement_warnings(recipe, date.today()):
        typer.echo(f"warning: {line}", err=True)
