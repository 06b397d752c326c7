"""`janus judge` and `janus table`: from answers to verdicts to tables (paper, appendix F.2, Table 2).

janus judge --bench bench.jsonl --answers multifaceted.jsonl --out multifaceted.own.jsonl
janus judge calibrate replacement VERDICTS... --bench bench.jsonl --out replacement.csv
janus judge bias replacement VERDICTS... --bench bench.jsonl --answers answers/ --out replacement.bias.csv
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from janus_recipes import asking_steps
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Bench, Out, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.judging.registry import OWN_JUDGE
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import read_bench


class JudgesAnswers(TyperGroup):
    """`janus judge` without the name of a command is `janus judge answers`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named_one = bool(args) and args[0] in (*self.commands, "--help")
        return super().parse_args(ctx, args if named_one else ["answers", *args])


app = typer.Typer()
judge_app = typer.Typer(cls=JudgesAnswers, help="Judge answers; see how far judges agree, and what they prefer.")
app.add_typer(judge_app, name="judge")

Verdicts = Annotated[
    list[Path], typer.Argument(help="Verdicts: .../<model>/<condition>.own.jsonl, of other judges .own@<judge>.jsonl")
]
CalibrationName = Annotated[str, typer.Argument(help="A calibration of the recipe.")]


class Rubrics(StrEnum):
    """Whose rubrics an answer is judged by."""

    OWN = "own"
    SWAPPED = "swapped"


@judge_app.command()
def answers(
    recipe: Recipes,
    bench: Bench,
    answers: Annotated[Path, typer.Option(help="A model's answers.")],
    out: Out,
    rubrics: Annotated[
        Rubrics, typer.Option(help="swapped: another system message's rubrics, as a control.")
    ] = Rubrics.OWN,
    judge: Annotated[str, typer.Option(help="A judge under `judges`; judging: the recipe's own.")] = OWN_JUDGE,
) -> None:
    """Ask a judge for verdicts: every answer, every rubric, every run. This is what `janus judge` does by itself."""
    spec = load_recipe(recipe)
    make_asked(out, spec, asking_steps.verdicts(spec, bench, answers, rubrics is Rubrics.SWAPPED, judge))


@judge_app.command()
def calibrate(
    name: CalibrationName,
    verdicts: Verdicts,
    recipe: Recipes,
    bench: Bench,
    out: Annotated[Path, typer.Option(help="The calibration's CSV; its page is written beside it.")],
) -> None:
    """Tell how far judges agree on the same answers: with each other, and each with itself in another run."""
    from janus_recipes.judging.calibrate import build_calibration
    from janus_recipes.judging.calibration_page import files_beside, write_calibration
    from janus_recipes.judging.same_answers import read_same_answers

    spec = load_recipe(recipe)
    wanted = named(spec.calibrations, name, "calibration")
    if out.name != f"{name}.csv":
        raise UsageError(f"--out {out}: the CSV of the calibration {name} is called {name}.csv")
    inputs = {"bench": bench, **{str(path): path for path in verdicts}}
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        same = read_same_answers(spec, name, list(read_bench(bench)), verdicts)
        write_calibration(build_calibration(name, spec, same), out.parent)
        made.counts = {"items": same.n_items, "whole_in_all": int(same.whole(*same.sheets).sum())}


@judge_app.command()
def bias(
    name: CalibrationName,
    verdicts: Verdicts,
    recipe: Recipes,
    bench: Bench,
    answers: Annotated[Path, typer.Option(help="The folder of the bench's answers: <model>/<condition>.jsonl in it.")],
    out: Annotated[Path, typer.Option(help="The report's CSV; page and picture are written beside it.")],
    win_rates: Annotated[
        list[Path] | None, typer.Option(help="CSVs of win rates, which tell what the order of two answers did.")
    ] = None,
) -> None:
    """Tell what judges prefer beside the rubrics: length, place, their own family's models."""
    from janus_recipes.judging.bias import build_bias
    from janus_recipes.judging.bias_page import files_beside, write_bias
    from janus_recipes.judging.same_answers import read_same_answers

    spec = load_recipe(recipe)
    wanted = named(spec.calibrations, name, "calibration")
    if out.name != f"{name}.bias.csv":
        raise UsageError(f"--out {out}: the CSV of the bias report {name} is called {name}.bias.csv")
    files = [answers / model / f"{one}.jsonl" for model in wanted.models for one in wanted.conditions]
    inputs = {"bench": bench, **{str(path): path for path in (*verdicts, *files, *(win_rates or ()))}}
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        same = read_same_answers(spec, name, list(read_bench(bench)), verdicts)
        built = build_bias(name, spec, same, answers, win_rates or ())
        write_bias(built, out.parent)
        made.counts = {"figures": len(built.lines)}


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
        made.counts = {"rows": make_table(name, spec, list(read_bench(bench)), verdicts, out.parent, bench)}
