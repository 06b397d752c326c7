"""`janus seeds check`: what the hand-written seeds hold, what the system messages cover, and what is wrong with them.

janus seeds check
janus seeds check --recipe recipes/mine.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from janus_recipes.collection.seed_checks import SeedFiles, coverage, faults_of, read_seed_files
from janus_recipes.errors import StepError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Seeds
from janus_recipes.records import Preference

WIDTH_OF_A_FILE = 140
"""Columns where the output is no terminal."""

app = typer.Typer(help="Look at the hand-written examples that the teacher is shown.")

OwnRecipes = Annotated[
    list[Path] | None,
    typer.Option("--recipe", envvar="JANUS_RECIPE", help="Whose seeds; without it those of this project."),
]


@app.command()
def check(recipe: OwnRecipes = None) -> None:
    """Print what the seeds hold and cover, and check them. Ends with exit code 1 and every fault at once."""
    files = read_seed_files(load_recipe(recipe).seeds if recipe else Seeds())
    faults = faults_of(files)
    console = Console()
    console.width = console.width if console.is_terminal else max(console.width, WIDTH_OF_A_FILE)
    console.print(held(files), highlight=False)
    console.print(coverage_table(coverage(files)))
    console.print(checks_table(faults))
    found = [fault for several in faults.values() for fault in several]
    if found:
        raise StepError("\n".join([f"{len(found)} faults in the seeds:", *found]))


def held(files: SeedFiles) -> str:
    """How much the seed files hold, in a line."""
    dimensions, seeds = files.preferences.dimensions, files.preferences.preferences
    return (
        f"{len(dimensions)} dimensions, {sum(len(one.subdimensions) for one in dimensions)} subdimensions, "
        f"{len(seeds)} preferences, {len(files.messages)} system messages, {len(files.rubrics)} rubrics"
    )


def coverage_table(counts: Mapping[Preference, int]) -> Table:
    """Each subdimension's preferences with the number of messages that cover them."""
    table = _table("How many system messages cover each preference")
    for name in ("dimension", "subdimension"):
        table.add_column(name, overflow="fold")
    for name in ("preferences", "uncovered"):
        table.add_column(name, justify="right")
    table.add_column("covered by", overflow="fold")
    for (dimension, subdimension), group in groupby(counts, key=lambda one: (one.dimension, one.subdimension)):
        several = list(group)
        uncovered = sum(not counts[one] for one in several)
        each = ", ".join(f"{short(one)} {counts[one]}" for one in several)
        table.add_row(escape(dimension), escape(subdimension), str(len(several)), str(uncovered), escape(each))
    return table


def checks_table(faults: Mapping[str, list[str]]) -> Table:
    """Each check with the number of faults that it found."""
    table = _table("Checks")
    table.add_column("check")
    table.add_column("faults", justify="right")
    for name, found in faults.items():
        table.add_row(name, str(len(found)) if found else "none")
    return table


def short(one: Preference) -> str:
    """The preference's name without what it says in parentheses."""
    return one.preference.split(" (")[0]


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
