"""`janus check`: which cells of finished tables agree with the paper's figures, within what the recipe tolerates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Recipes
from janus_recipes.errors import UsageError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe

app = typer.Typer()


@app.command()
def check(
    recipe: Recipes,
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="Tables of the recipe, or a table's CSV kept elsewhere. Without: all with a tolerance."),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Points, instead of what the recipe's tables state.", min=0.0)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")] = False,
) -> None:
    """Compare finished tables with the paper's figures. Exits with 1 where a cell differs, else with 0."""
    # scipy takes seconds to import, and the tables' own code comes with it.
    from janus_recipes.reporting.agreement import Finding, check_table
    from janus_recipes.reporting.agreement_text import text_of

    wanted = _wanted(load_recipe(recipe), tables or [], tolerance)
    checked = [check_table(path, points) for path, points in wanted.items()]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in checked], indent=2, ensure_ascii=False))
    else:
        typer.echo("\n\n".join(map(text_of, checked)))
    raise typer.Exit(int(any(Finding.DIFFERS in one.counts for one in checked)))


def _wanted(recipe: Recipe, tables: list[str], tolerance: float | None) -> dict[Path, float]:
    """The CSV files to check, each with its tolerance. Raises UsageError with all that is missing."""
    stated = {name: table.tolerance if tolerance is None else tolerance for name, table in recipe.tables.items()}
    names = tables or [name for name, table in recipe.tables.items() if table.published and stated[name] is not None]
    if not names:
        raise UsageError("no table states a tolerance: give one under tables.<table>.tolerance, or with --tolerance")
    wanted, problems = {}, []
    for name in names:
        path, table = _csv_of(recipe, name)
        points = tolerance if tolerance is not None else _stated(stated, name, table)
        if points is None and name.endswith(".csv"):
            problems.append(f"{path}: the recipe states no tolerance for a table {table}: give --tolerance")
        elif points is None:
            problems.append(f"tables.{table}.tolerance: none is stated; add it, or give --tolerance")
        elif not path.is_file():
            problems.append(f"{path}: not there yet; make it with `snakemake {path}`")
        else:
            wanted[path] = points
    if problems:
        raise UsageError("\n".join(problems))
    return wanted


def _stated(tolerances: Mapping[str, float | None], name: str, table: str) -> float | None:
    """The tolerance of a table of the recipe; a CSV may be called what no table is."""
    return tolerances.get(table) if name.endswith(".csv") else named(tolerances, table, "table")


def _csv_of(recipe: Recipe, name: str) -> tuple[Path, str]:
    """The CSV of a table and the table's name: the CSV itself may be named."""
    if name.endswith(".csv"):
        return Path(name), Path(name).stem
    return Path("results", recipe.name, "tables", f"{name}.csv"), name
