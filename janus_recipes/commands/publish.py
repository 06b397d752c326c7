"""`janus card`, `model-card` and `push`: describe data sets and models, and put them on the Hugging Face hub."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.files import written_whole
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe

if TYPE_CHECKING:  # what they import takes a second to load
    from janus_recipes.datasets.lineage import Made
    from janus_recipes.hub.upload import Upload

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
def model_card(
    name: Annotated[str, typer.Argument(help="A model of the recipe.")],
    recipe: Recipes,
    out: Out,
    tables: Annotated[list[Path] | None, typer.Argument(help="CSVs of tables and rankings that show it.")] = None,
) -> None:
    """Write a model's card: its data, its settings beside the paper's, its figures and its known faults."""
    from janus_recipes.training.beside_paper import read_published_trainings
    from janus_recipes.training.model_card import model_card  # the hub's library takes a second to load
    from janus_recipes.training.trained import MANIFEST, read_model

    spec, shown = load_recipe(recipe), tables or []
    named(spec.models, name, "model")
    folder = Path("results", spec.name, "models", name)
    model, published = read_model(name, spec, folder), Path(spec.published_figures)
    inputs = {
        **{"model": model.folder / MANIFEST, "published": published, "known_models": Path(spec.known_models)},
        **{str(path): path for path in shown},
    }
    section = {"model": model.train.model_dump(mode="json"), "seed": spec.seed}
    with making(out, recipe=spec.name, section=section, inputs=inputs), written_whole(out) as text:
        text.write(model_card(model, spec, read_published_trainings(published), shown))


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="A data set or a model of the recipe.")],
    recipe: Recipes,
    to: Annotated[str, typer.Option(help="The repository on the hub: organisation/name.")],
    private: Annotated[bool, typer.Option("--private", help="Nobody else may see it.")] = False,
    for_real: Annotated[bool, typer.Option("--for-real", help="Upload it. Without this it is only shown.")] = False,
) -> None:
    """Show what would be uploaded of a data set or a model to the Hugging Face hub, or upload it (--for-real)."""
    from janus_recipes.datasets.lineage import is_made_up
    from janus_recipes.hub.upload import Target, checked_repository, upload

    spec = load_recipe(recipe)
    finished = finished_model if is_model(spec, name) else finished_dataset
    target = Target(checked_repository(to), private)
    steps, lay_out = finished(spec, name)
    made_up = spec.rehearsal is not None or is_made_up(steps)
    if for_real and made_up:
        raise UsageError(f"{spec.name}: a rehearsal's data and models are made up and are not uploaded")
    prepared = lay_out(Path("work", spec.name, "hub", name))
    kind = prepared.kind.replace("dataset", "data set")
    print(f"{target.repository}, a {target.visibility} {kind} on the hub, of {prepared.amount}:")
    for file, size in prepared.sizes.items():
        print(f"  {size:>15,} bytes  {file}")
    if for_real:
        print(f"uploaded: {upload(prepared, target)}")
    else:
        print_beginning(prepared.card)
        print(
            f"Nothing was uploaded; the files lie in {prepared.folder}.",
            "A rehearsal's data and models never are." if made_up else next_step(),
        )


def is_model(spec: Recipe, name: str) -> bool:
    """Whether a model has this name, or a data set. Raises UsageError where both do, or none."""
    named({**spec.datasets, **spec.models}, name, "data set or model")
    if name in spec.models and name in spec.datasets:
        raise UsageError(f"{name} is a data set and a model of the recipe: give one of them another name")
    return name in spec.models


def finished_dataset(spec: Recipe, name: str) -> tuple[list[Made], Callable[[Path], Upload]]:
    """A data set's steps, and what lays it out in a folder."""
    from janus_recipes.datasets.lineage import lineage
    from janus_recipes.datasets.push import prepare

    rows = Path("results", spec.name, "datasets", f"{name}.jsonl")
    return lineage(rows), partial(prepare, rows, rows.with_suffix(".card.md"))


def finished_model(spec: Recipe, name: str) -> tuple[list[Made], Callable[[Path], Upload]]:
    """A model's steps, and what lays it out in a folder."""
    from janus_recipes.training.push import prepare_model
    from janus_recipes.training.trained import read_model

    folder = Path("results", spec.name, "models", name)
    return read_model(name, spec, folder).steps, partial(prepare_model, folder, folder / "card.md")


def print_beginning(card: str) -> None:
    """Print the card's first lines."""
    lines = card.split("\n")
    print(f"\nIts card, {len(lines)} lines, begins:\n")
    print(*(f"  {line}".rstrip() for line in lines[:CARD_LINES]), "", sep="\n")


def next_step() -> str:
    """The command that does what was shown."""
    return f"To upload them:\n  {shlex.join(['janus', *sys.argv[1:], '--for-real'])}"
