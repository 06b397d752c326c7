"""Read what the curve of a selection is built from: the rewards of all samples and, where there are, their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.best_of.build import BuiltCurve, JudgedSamples, SampledAnswers, build_curve
from janus_recipes.errors import UsageError
from janus_recipes.recipe.best_of import Answers, selected
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.section import Condition
from janus_recipes.records import read_asked, read_bench
from janus_recipes.reporting.make import judge_and_days

OF_SAMPLES = ".samples.jsonl"
"""How the names of the verdicts on samples end."""


def read_curve(
    selection: str, bench_name: str, recipe: Recipe, bench: Path, rewards: Sequence[Path], verdicts: Sequence[Path]
) -> BuiltCurve:
    """The curves of a selection on a bench, models in the order of the recipe's tables.

    Files are `<model>/<condition>.<selection>.jsonl`, those of verdicts end in `OF_SAMPLES`.

    Raises:
        UsageError: a model of a table without rewards, or without verdicts where the recipe judges all samples.
        StepError: files of another bench or number of samples.
    """
    by_answers = {answers_of(path, selection, ".jsonl"): path for path in rewards}
    judged = {answers_of(path, selection, OF_SAMPLES): path for path in verdicts}
    wanted = [one.answers for one in selected(recipe) if (one.bench, one.selection) == (bench_name, selection)]
    for files, what in ((by_answers, "rewards"), (judged, "verdicts")):
        needed = what == "rewards" or recipe.best_of[selection].judge_samples
        if needed and (lacking := [f"{one.model} ({one.condition})" for one in wanted if one not in files]):
            raise UsageError(f"the curve of {selection} needs the {what} of {', '.join(lacking)}")
    sampled = [
        SampledAnswers(
            one, list(read_asked(by_answers[one], float)), judged_samples(judged[one]) if one in judged else None
        )
        for one in wanted
    ]
    expected = expected_by_column(recipe, bench_name, bench).total()
    return build_curve(selection, bench_name, recipe, list(read_bench(bench)), sampled, expected)


def answers_of(path: Path, selection: str, ending: str) -> Answers:
    """Whose samples a file is about. Raises UsageError where its name does not say it."""
    condition = path.name.removesuffix(f".{selection}{ending}")
    if condition not in ("none", "default", "multifaceted"):
        raise UsageError(f"{path}: is not called <condition>.{selection}{ending}")
    return Answers(path.parent.name, cast(Condition, condition), selection)


def judged_samples(path: Path) -> JudgedSamples:
    """The verdicts of a file, with the judge and the days of its manifest."""
    return JudgedSamples(list(read_asked(path, int)), *judge_and_days(path))
