"""`janus card` and `janus push`: describe a data set, and put it on the Hugging Face hub."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes, work_folder
from janus_recipes.errors import UsageError
from janus_recipes.files import written_whole
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="A data set of the recipe.")]

CARD_LINES = 24
"""Lines of the card that are shown before an upload."""


@app.command()
def card(
    name: Name,
    recipe: Recipes,
    rows: Annotated[Path, typer.Option(help="The data set's rows; their manifest lies beside them.")],
    out: Out,
) -> None:
    """Write a data set's card: what it is, how it was made, its licences and its known faults."""
    from janus_recipes.datasets.cards import card_of, sources_of  # the hub's library takes a second to load
    from janus_recipes.datasets.lineage import lineage
    from janus_recipes.datasets.section import refuse_other_rows

    spec = load_recipe(recipe)
    wanted = named(spec.datasets, name, "data set")
    steps = lineage(rows)
    refuse_other_rows(steps[-1], spec, name)
    inputs = {"rows": rows, "published": Path(spec.published_figures), "known_models": Path(spec.known_models)}
    section = {"dataset": wanted.model_dump(mode="json"), "sources": list(sources_of(spec, name)), "seed": spec.seed}
    with making(out, recipe=spec.name, section=section, inputs=inputs), written_whole(out) as text:
        text.write(card_of(name, spec, steps))


@app.command()
def push(
    name: Name,
    recipe: Recipes,
    to: Annotated[str, typer.Option(help="The repository on the hub: organisation/name.")],
    private: Annotated[bool, typer.Option("--private", help="Nobody else may see it.")] = False,
    for_real: Annotated[bool, typer.Option("--for-real", help="Upload it. Without this it is only shown.")] = False,
) -> None:
    """Show what would be uploaded of a data set to the Hugging Face hub, or upload it (--for-real)."""
    from janus_recipes.datasets.lineage import is_made_up, lineage
    from janus_recipes.datasets.push import Target, checked_repository, prepare, upload

    spec = load_recipe(recipe)
    named(spec.datasets, name, "data set")
    target = Target(checked_repository(to), private)
    rows = Path("results", spec.name, "datasets", f"{name}.jsonl")
    made_up = spec.rehearsal is not None or is_made_up(lineage(rows))
    if for_real and made_up:
        raise UsageError(f"{spec.name}: a rehearsal's data are made up and are not uploaded")
    prepared = prepare(rows, rows.with_suffix(".card.md"), work_folder(rows) / "hub")
    print(f"{target.repository}, a {target.visibility} data set on the hub, of {prepared.rows:,} rows:")
    for file, size in prepared.sizes.items():
        print(f"  {size:>15,} bytes  {file}")
    if for_real:
        print(f"uploaded: {upload(prepared, target)}")
    else:
        print_beginning(prepared.card)
        print(
            f"Nothing was uploaded; the files lie in {prepared.folder}.",
            "A rehearsal's data never are." if made_up else next_step(),
        )


def print_beginning(card: str) -> None:
    """Print the card's first lines."""
    lines = card.split("\n")
    print(f"\nIts card, {len(lines)} lines, begins:\n")
    print(*(f"  {line}".rstrip() for line in lines[:CARD_LINES]), "", sep="\n")


def next_step() -> str:
    """The command that does what was shown."""
    return f"To upload them:\n  {shlex.join(['janus', *sys.argv[1:], '--for-real'])}"
