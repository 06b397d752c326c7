"""`janus win-rates`: two models' answers compared by the judge in both orders, and how often each wins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Bench, Out, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe

app = typer.Typer(help="Compare two models' answers, and tell how often each wins.")

Page = Annotated[str, typer.Argument(help="A page of win rates of the recipe.")]


@app.command()
def judge(
    page: Page,
    recipe: Recipes,
    bench: Bench,
    first: Annotated[Path, typer.Option(help="The answers of the pair's first model.")],
    second: Annotated[Path, typer.Option(help="The answers of its second model.")],
    out: Out,
) -> None:
    """Ask the judge which of two answers is better: every instance, both orders, every run."""
    spec = load_recipe(recipe)
    named(spec.win_rates, page, "page of win rates")
    make_asked(out, spec, asking_steps.comparisons(spec, page, bench, first, second))


@app.command()
def build(
    page: Page,
    verdicts: Annotated[list[Path], typer.Argument(help="Verdicts: .../<first model>/<second model>.jsonl")],
    recipe: Recipes,
    bench: Bench,
    out: Annotated[Path, typer.Option(help="The page's CSV; the other files are written beside it.")],
) -> None:
    """Count the verdicts: win rates with their intervals, ties, and what the order did."""
    # scipy takes seconds to import, and only this and tables need it.
    from janus_recipes.win_rates.page import files_beside, write_win_rates
    from janus_recipes.win_rates.read import read_win_rates

    spec = load_recipe(recipe)
    wanted = named(spec.win_rates, page, "page of win rates")
    if out.name != f"{page}.csv":
        raise UsageError(f"--out {out}: the CSV of the win rates {page} is called {page}.csv")
    inputs = {"bench": bench, **{str(path): path for path in verdicts}}
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        built = read_win_rates(page, spec, bench, verdicts, expected_by_column(spec, wanted.benchmark, bench))
        write_win_rates(built, out.parent)
        made.counts = {"pairs": len(wanted.pairs), "instances": built.n_instances, "expected": built.n_expected}
