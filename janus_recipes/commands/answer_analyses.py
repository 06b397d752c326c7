"""`janus analysis figure8|figure9|examples`: what the models' answers are like (paper, section 5.1 and appendix G).

    janus analysis figure8 answers results/janus/answers/multifaceted/*/multifaceted.jsonl --bench bench.jsonl \\
        --out results/janus/answer_analyses/answers/figure8.csv

Whose an answer or a verdict is stands in its path: `<model>/<condition>.jsonl`, `<model>/<condition>.own.jsonl`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.analysis.answered import AnsweredBench
from janus_recipes.benchmarks.expected import expected_by_column, expected_instructions
from janus_recipes.commands.analysis import Out, make_finding, notice_of
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Bench, Recipes
from janus_recipes.errors import UsageError
from janus_recipes.recipe.answer_analysis import AnswerAnalysis
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import read_asked, read_bench

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="One of the recipe's answer_analyses.")]
Answers = Annotated[list[Path], typer.Argument(help="Models' answers: .../<model>/<condition>.jsonl")]
OWN = ".own.jsonl"


@app.command()
def figure8(name: Name, answers: Answers, recipe: Recipes, bench: Bench, out: Out) -> None:
    """Compare the lengths of the models' answers, and of the reference answers."""
    # altair and scipy take seconds to import, and only these need them.
    from janus_recipes.analysis.figure8 import compare_lengths

    spec = load_recipe(recipe)
    wanted = named(spec.answer_analyses, name, "answer analysis")
    make_finding(
        *(out, spec, inputs_of(bench, answers), section_of(wanted)),
        lambda: compare_lengths(answered_bench(spec, wanted, bench, answers)),
        svg=True,
        beside_paper=False,
    )


@app.command()
def figure9(name: Name, answers: Answers, recipe: Recipes, bench: Bench, out: Out) -> None:
    """Compare each model's answers to the system messages of one instruction with each other."""
    from janus_recipes.analysis.figure9 import compare_answers
    from janus_recipes.analysis.published import read_published_diversity

    spec = load_recipe(recipe)
    wanted = named(spec.answer_analyses, name, "answer analysis")
    published = read_published_diversity(Path(spec.published_figures))
    make_finding(
        *(out, spec, inputs_of(bench, answers), section_of(wanted)),
        lambda: compare_answers(answered_bench(spec, wanted, bench, answers), published),
        svg=True,
    )


@app.command()
def examples(
    name: Name,
    files: Annotated[list[Path], typer.Argument(help="Models' answers, and their verdicts: .../<condition>.own.jsonl")],
    recipe: Recipes,
    bench: Bench,
    out: Out,
) -> None:
    """Show some instances with all answers and their scores."""
    from janus_recipes.analysis.examples import Judged, show_examples
    from janus_recipes.reporting.make import judge_and_days

    spec = load_recipe(recipe)
    wanted = named(spec.answer_analyses, name, "answer analysis")
    verdicts = by_model(spec, wanted, [path for path in files if path.name.endswith(OWN)], f"{wanted.condition}{OWN}")
    answers = [path for path in files if not path.name.endswith(OWN)]

    def judged(path: Path) -> Judged:
        return Judged({row.id: row for row in read_asked(path, int)}, judge_and_days(path)[0])

    make_finding(
        *(out, spec, inputs_of(bench, files), {**section_of(wanted), "seed": spec.seed}),
        lambda: show_examples(
            answered_bench(spec, wanted, bench, answers),
            {model: judged(path) for model, path in verdicts.items()},
            spec.judging.runs,
            wanted.examples,
        ),
        beside_paper=False,
    )


def answered_bench(recipe: Recipe, wanted: AnswerAnalysis, bench: Path, answers: list[Path]) -> AnsweredBench:
    """The bench and the answers of the models that are looked at.

    Raises UsageError where a model's are not given, or are of another bench or condition.
    """
    name = recipe.tables[wanted.table].benchmark
    given = by_model(recipe, wanted, answers, f"{wanted.condition}.jsonl")
    models = wanted.models or recipe.tables[wanted.table].models
    if lacking := [model for model in models if model not in given]:
        raise UsageError(f"the answers of {', '.join(lacking)} are not given: a file of each model is needed")
    instances = list(read_bench(bench))
    return AnsweredBench(
        bench=instances,
        answers={model: list(read_asked(given[model], str)) for model in models},
        n_expected=expected_by_column(recipe, name, bench).total(),
        n_expected_instructions=expected_instructions(recipe, name, bench),
        condition=wanted.condition,
        seed=recipe.seed,
        notice=notice_of(recipe),
    )


def by_model(recipe: Recipe, wanted: AnswerAnalysis, files: list[Path], called: str) -> dict[str, Path]:
    """The files by their model. Raises UsageError at one of another bench or condition, and at a second of a model."""
    bench, found = recipe.tables[wanted.table].benchmark, dict[str, Path]()
    for path in files:
        model = path.parent.name
        if path.name != called or path.absolute().parents[1].name != bench:
            raise UsageError(f"{path}: is not called .../{bench}/<model>/{called}, so it is not what is looked at")
        if model in found:
            raise UsageError(f"{path}: {found[model]} is of {model}, too: give one file of each model")
        found[model] = path
    return found


def inputs_of(bench: Path, files: list[Path]) -> dict[str, Path]:
    """The files that an analysis reads, for its manifest."""
    return {"bench": bench, **{str(path): path for path in files}}


def section_of(wanted: AnswerAnalysis) -> dict[str, object]:
    """What in the recipe decides an analysis."""
    return wanted.model_dump(mode="json")
