"""`janus validate`, `plan`, `schema` and `show`: what a person asks of a recipe. Nothing here spends or needs a key."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.options import Recipes
from janus_recipes.errors import UsageError
from janus_recipes.llm.prices import price_warnings
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
    warn(checked)
    typer.echo(f"{' + '.join(map(str, recipe))}: ok ({len(checked.models)} models, {len(checked.tables)} tables)")


@app.command()
def schema() -> None:
    """Print the JSON schema that editors check recipes with."""
    typer.echo(json.dumps(recipe_json_schema(), indent=2, ensure_ascii=False))


@app.command()
def plan(
    recipe: Files, as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")] = False
) -> None:
    """Print requests, tokens, dollars, hours and GPU-hours of each step, before anything runs. Needs no key."""
    # The ledger, the prices and the tokenizer: only this command needs them.
    from rich.console import Console

    from janus_recipes.planning.plan import plan_of
    from janus_recipes.planning.show import print_plan

    checked = load_recipe(recipe)
    warn(checked)
    with Console(stderr=True).status("") as status:  # nothing where that is no terminal
        planned = plan_of(checked, lambda step: status.update(f"counting {step}"))
    if as_json:
        typer.echo(json.dumps(planned.as_json(), indent=2, ensure_ascii=False))
    else:
        print_plan(planned)


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


def warn(recipe: Recipe) -> None:
    """Name on stderr what will stop the steps that would spend, not this: retired models, a budget without prices."""
    for line in (*retirement_warnings(recipe, date.today()), *price_warnings(recipe)):
        typer.echo(f"warning: {line}", err=True)
