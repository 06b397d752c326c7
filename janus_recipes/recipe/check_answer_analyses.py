"""What analyses of answers may name: models and a condition of their table, and two models to tell apart.

janus validate RECIPE...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.answer_analysis import AnswerAnalysis, Examples
from janus_recipes.recipe.best_of import SINGLE
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, did_you_mean
from janus_recipes.recipe.schema import Table


def answer_analysis_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that does not fit together in an analysis of answers. `config` may break the schema."""
    tables = part(config, "tables")
    for name, analysis in part(config, "answer_analyses").items():
        if not isinstance(analysis, Mapping):
            continue
        path: Path = ("answer_analyses", name)
        table = part(tables, str(analysis.get("table")))
        if table:  # an unknown one is told elsewhere
            yield from _not_in_table(path, analysis, table)
            yield from _without_single_answers(path, str(analysis["table"]), table)
        yield from _bad_examples((*path, "examples"), part(analysis, "examples"), _models(analysis, table))


def _not_in_table(path: Path, analysis: Mapping[str, Any], table: Mapping[str, Any]) -> Iterator[Problem]:
    shown = _list(table, "models")
    for number, model in enumerate(_list(analysis, "models")):
        if model not in shown:
            yield Problem(
                (*path, "models", number), f"{model} is no model of the table{did_you_mean(str(model), shown)}"
            )
    condition, conditions = value(analysis, "condition", AnswerAnalysis), value(table, "conditions", Table)
    if isinstance(conditions, list) and condition not in conditions:
        yield Problem(
            (*path, "condition"), f"the table has no answers under {condition}: it has {', '.join(conditions)}"
        )


def _without_single_answers(path: Path, name: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    """An analysis looks at the one answer of each model, which is made and judged for a table that shows it."""
    selections = value(table, "selections", Table)
    if isinstance(selections, list) and SINGLE not in selections:
        shown = ", ".join(map(str, selections))
        yield Problem((*path, "table"), f"{name} shows {shown} and no {SINGLE} answers, which are what is looked at")


def _bad_examples(path: Path, examples: Mapping[str, Any], models: list[Any]) -> Iterator[Problem]:
    between = _list(examples, "between")
    if value(examples, "choose", Examples) == "largest_difference" and len(between) != 2:
        yield Problem((*path, "between"), "largest_difference wants two models: the one ahead, then the one behind")
    if len(between) == 2 and between[0] == between[1]:
        yield Problem((*path, "between"), f"{between[0]} cannot be told apart from itself: name two models")
    for number, model in enumerate(between):
        if models and model not in models:
            yield Problem((*path, "between", number), f"{model} is not looked at{did_you_mean(str(model), models)}")


def _models(analysis: Mapping[str, Any], table: Mapping[str, Any]) -> list[Any]:
    return _list(analysis, "models") or _list(table, "models")


def _list(given: Mapping[str, Any], key: str) -> list[Any]:
    found = given.get(key)
    return found if isinstance(found, list) else []
