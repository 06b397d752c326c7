"""`janus judge` and `janus table`: from answers to verdicts to tables (paper, appendix F.2, Table 2)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Bench, Out, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import read_bench

app = typer.Typer()


class Rubrics(StrEnum):
    """Whose rubrics an answer is judged by."""

    OWN = "own"
    SWAPPED = "swapped"


@app.command()
def judge(
    recipe: Recipes,
    bench: Bench,
    answers: Annotated[Path, typer.Option(help="A model's answers.")],
    out: Out,
    rubrics: Annotated[
        Rubrics, typer.Option(help="swapped: another system message's rubrics, as a control.")
    ] = Rubrics.OWN,
) -> None:
    """Ask the judge for verdicts: every answer, every rubric, every run."""
    spec = load_recipe(recipe)
    make_asked(out, spec, asking_steps.verdicts(spec, bench, answers, by_swapped=rubrics is Rubrics.SWAPPED))


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="A table of the recipe.")],
    verdicts: Annotated[list[Path], typer.Argument(help="Verdicts: .../<model>/<condition>.<own|swapped>.jsonl")],
    recipe: Recipes,
    bench: Bench,
    out: Annotated[Path, typer.Option(help="The table's page; .md and .csv are written beside it.")],
) -> None:
    """Average verdicts into a table, beside the paper's figures."""
    # scipy takes seconds to import, and only tables need it.
    from janus_recipes.reporting.make import files_beside, make_table

    spec = load_recipe(recipe)
    wanted = named(spec.tables, name, "table")
    published = Path(spec.published_figures)
    inputs = {"bench": bench, "published": published, **{str(path): path for path in verdicts}}
    if out.name != f"{name}.html":
        raise UsageError(f"--out {out}: the page of the table {name} is called {name}.html")
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        made.counts = {"rows": make_table(name, spec, list(read_bench(bench)), verdicts, out.parent)}
