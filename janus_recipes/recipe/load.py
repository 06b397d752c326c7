"""From recipe files to a checked `Recipe`, or to every problem at once.

    recipe = load_recipe([Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")])
    recipe = recipe_from(config)        # in the Snakefile, from what Snakemake merged of the same files

Order: files are merged as Snakemake merges them, `extends` is written out, null keys go, the schema is checked, then
the parts against each other and against the files they name, last a rehearsal's changes are made to every model.
The `Recipe` is what is run: no model in it has `extends`, and `rehearsal.training` is used up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.check import cross_problems
from janus_recipes.recipe.check_providers import OPENAI
from janus_recipes.recipe.check_training import rehearsed_problems
from janus_recipes.recipe.extends import ancestry, parent_of, with_parents
from janus_recipes.recipe.merge import merge, without_nulls
from janus_recipes.recipe.plain_words import problems_of
from janus_recipes.recipe.problem import Path, Place, Problem, written
from janus_recipes.recipe.provider import Provider
from janus_recipes.recipe.schema import Model, Prompts, Recipe, Rehearsal, Seeds
from janus_recipes.recipe.training import RehearsalTraining, RehearsalTrainings
from janus_recipes.recipe.yaml_file import read_layer

DEFAULT_FILES = {
    "published_figures": Recipe.model_fields["published_figures"].default,
    "known_models": Recipe.model_fields["known_models"].default,
    "prompts": Prompts().model_dump(),
    "seeds": Seeds().model_dump(),
}
"""The files that a recipe names without saying so. They are checked also where a recipe breaks the schema."""


def load_recipe(paths: Sequence[File]) -> Recipe:
    """The recipe that a stack of files makes, later files on top.

    Raises:
        RecipeError: with every problem, each with the file and line that last set the key where there is one.
    """
    layers = [read_layer(path) for path in paths]
    problems = [problem for layer in layers for problem in layer.problems]
    if any(layer.config is None for layer in layers):
        raise RecipeError(problems)
    config: dict[str, Any] = {}
    for layer in layers:
        config = merge(config, layer.config or {})
    return _checked(config, [layer.places for layer in layers], problems)


def recipe_from(config: Mapping[str, Any]) -> Recipe:
    """The recipe that a merged configuration makes. Raises RecipeError with every problem; paths, but no lines."""
    return _checked(config, [], [])


def _checked(config: Mapping[str, Any], places: Sequence[dict[Path, Place]], problems: list[str]) -> Recipe:
    resolved, found = with_parents(config)
    cleaned = without_nulls(resolved)
    recipe = None
    try:
        recipe = Recipe.model_validate(cleaned)
        found += cross_problems(recipe.model_dump())  # with the defaults, which name files too
    except ValidationError as error:
        found += problems_of(error) + cross_problems(merge(DEFAULT_FILES, cleaned))
    lines = [written(problem, places) for problem in _once(_own(found, config), places)]
    if recipe is None or problems or lines:
        raise RecipeError(list(dict.fromkeys(problems + lines)))
    return _rehearsed(recipe, recipe.rehearsal, config["models"], places) if recipe.rehearsal else recipe


def _own(problems: Sequence[Problem], config: Mapping[str, Any]) -> list[Problem]:
    """The problems without those that a model merely inherits, or has because the model it extends is not there."""
    models = config.get("models")
    if not isinstance(models, Mapping):
        return list(problems)
    known = set(problems)
    orphans = {path[1] for path, _ in problems if path[0:1] == ("models",) and path[2:] == ("extends",)}

    def inherited(problem: Problem) -> bool:
        if len(problem.path) < 3 or problem.path[0] != "models":
            return False
        if problem.path[1] in orphans and problem.message.startswith("missing"):
            return True
        parent = parent_of(str(problem.path[1]), models)
        return parent is not None and problem._replace(path=("models", parent, *problem.path[2:])) in known

    return [problem for problem in problems if not inherited(problem)]


def _once(problems: Sequence[Problem], places: Sequence[dict[Path, Place]]) -> list[Problem]:
    """The problems in the order of their paths' first appearance in the files, unplaced ones last."""
    order: dict[Path, int] = {}
    for lines in places:
        for path in lines:
            order.setdefault(path, len(order))

    def rank(problem: Problem) -> int:
        lengths = range(len(problem.path), 0, -1)
        return next((order[problem.path[:n]] for n in lengths if problem.path[:n] in order), len(order))

    return sorted(dict.fromkeys(problems), key=rank)


def _rehearsed(
    recipe: Recipe, rehearsal: Rehearsal, as_written: Mapping[str, Any], places: Sequence[dict[Path, Place]]
) -> Recipe:
    """The recipe with a rehearsal's changes made to every model's training, and used up so that they are made once.

    `as_written` are the models with their `extends`: changes to a model are made to those that extend it, too.
    """
    used_up = rehearsal.model_copy(update={"training": RehearsalTrainings()})
    lines = {name: ancestry(name, as_written) for name in recipe.models}
    models = {name: _retrained(lines[name], model, rehearsal.training) for name, model in recipe.models.items()}
    rehearsed = recipe.model_copy(update={"models": models, "providers": _played(recipe), "rehearsal": used_up})
    if problems := [written(problem, places) for problem in rehearsed_problems(rehearsed.model_dump())]:
        raise RecipeError(problems)
    return rehearsed


def _played(recipe: Recipe) -> dict[str, Provider]:
    """The providers. In a rehearsal those that models under test name are played: nothing is paid for."""
    answering = {model.provider for model in recipe.models.values()}
    playing = {"kind": "rehearsal", "base_url": None, "key_env": None}
    return {
        name: provider.model_copy(update=playing) if name in answering and provider.kind in OPENAI else provider
        for name, provider in recipe.providers.items()
    }


def _retrained(line: Sequence[str], model: Model, wanted: RehearsalTrainings) -> Model:
    """The model with the changes to every training, to those of its method, and to its own, the last on top.

    Its own are those to the models that it extends, then those to itself; `line` names them, itself first.

    A training takes what it has: no reward model has `warmup_steps`.
    """
    if model.train is None:
        return model
    of_method: RehearsalTraining = getattr(wanted, model.train.method)
    changes: dict[str, Any] = {}
    own = [wanted.models[name] for name in reversed(line) if name in wanted.models]
    for layer in (wanted.every, of_method, *own):
        changes |= layer.model_dump(exclude_none=True)
    # Six digits: 5.0e-6 times 600 is 0.003, not 0.0029999999999999996.
    rate = float(f"{model.train.learning_rate * changes.pop('learning_rate_times', 1.0):.6g}")
    known = {key: value for key, value in changes.items() if key in type(model.train).model_fields}
    return model.model_copy(update={"train": model.train.model_copy(update={**known, "learning_rate": rate})})
