"""The judges of a recipe by name: its own, `judging`, and those of the registry, `judges`.

    janus judge --judge sol --bench bench.jsonl --answers multifaceted.jsonl --out multifaceted.own@sol.jsonl

The verdicts of the recipe's own judge lie in `<condition>.own.jsonl`, as they would without a registry; those of
another judge lie beside them, in files that name it. Scores of different judges are never averaged: whoever averages
a file's scores reads by `judge_in` whose they are.
"""

from __future__ import annotations

from pathlib import Path

from janus_recipes.errors import UsageError
from janus_recipes.recipe.judges import Judge
from janus_recipes.recipe.problem import did_you_mean
from janus_recipes.recipe.schema import Judging, Recipe

OWN_JUDGE = "judging"
"""The name of the recipe's own judge; no entry of the registry may have it."""


def judge_named(recipe: Recipe, name: str) -> Judging | Judge:
    """What a recipe says of a judge. Raises UsageError with the nearest right name where it has none of this name."""
    if name == OWN_JUDGE:
        return recipe.judging
    if name not in recipe.judges:
        raise UsageError(f"the recipe has no judge {name}{did_you_mean(name, [OWN_JUDGE, *recipe.judges])}")
    return recipe.judges[name]


def prompt_of(recipe: Recipe, name: str) -> str:
    """The template of what a judge is asked: its own, or that of the recipe."""
    judge = judge_named(recipe, name)
    own = judge.prompt if isinstance(judge, Judge) else None
    return own or recipe.prompts.judge


def verdicts_file(condition: str, judge: str) -> str:
    """The name of the file of a judge's verdicts on the answers under a condition, by their own rubrics."""
    return f"{condition}.own.jsonl" if judge == OWN_JUDGE else f"{condition}.own@{judge}.jsonl"


def judge_in(verdicts: Path) -> str:
    """The judge whose verdicts a file has, by its name."""
    _, at, judge = verdicts.name.removesuffix(".jsonl").partition("@")
    return judge if at else OWN_JUDGE
