"""The run itself: its recipe, what its jobs are told, and that it is alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

from janus_recipes.errors import RecipeError, StepError
from janus_recipes.locking import hold_until_exit
from janus_recipes.processes import this_session
from janus_recipes.recipe.load import load_recipe, recipe_from
from janus_recipes.recipe.registry import retirement_warnings
from janus_recipes.recipe.schema import Recipe
from janus_recipes.slurm import cancel_left_over_jobs


def recipe_of(config: Mapping[str, Any], files: Sequence[str | Path]) -> Recipe:
    """The recipe that Snakemake's configuration holds. Raises WorkflowError with every problem found.

    The steps read the files themselves, so values given with `--config` would reach only half of the run: refused.
    """
    try:
        recipe = load_recipe([Path(file) for file in files])
        if recipe_from(config) != recipe:
            raise RecipeError(["--config is not supported: put the values in an overlay and add it to --configfile"])
    except RecipeError as problem:
        raise WorkflowError(f"the recipe is wrong:\n{problem}") from None
    return recipe


def warn_of_retirements(recipe: Recipe) -> None:
    """Name retired models on stderr, where no rule graph or summary is: they stop the steps that would spend."""
    for line in retirement_warnings(recipe, date.today()):
        print(f"warning: {line}", file=sys.stderr)


def tell_jobs(files: Sequence[str | Path]) -> None:
    """Put into this process's environment what every job needs; a cluster's jobs parse the Snakefile and get it there.

    JANUS_RECIPE        the recipe's files: the default of every command's `--recipe`
    JANUS_SCHEDULER_PID, JANUS_SCHEDULER_SESSION
                        this Snakemake. Its jobs outlive a kill -9, so they watch it and stop when it is gone
    PATH                the folder of `janus`, for those who run .venv/bin/snakemake without activating .venv
    """
    os.environ.update(
        JANUS_RECIPE=os.pathsep.join(str(relative(Path(file))) for file in files),
        JANUS_SCHEDULER_PID=str(os.getpid()),
        JANUS_SCHEDULER_SESSION=this_session(),
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    )


def relative(path: Path) -> Path:
    """A path below this folder as a relative one; any other as it is."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def lock_run(recipe: Recipe, log: str) -> None:
    """Keep a second run of the same recipe out. The kernel holds the lock, so a killed run leaves none behind.

    `log` is Snakemake's own. The jobs that a killed run left on a cluster are found by it and cancelled first: they
    would go on beside ours, and Snakemake does not know them any more.
    """
    lock = Path(".snakemake") / f"run-{recipe.name}.lock"
    try:
        hold_until_exit(lock, f"the recipe {recipe.name}", log, lambda killed: cancel_left_over_jobs(Path(killed.note)))
    except StepError as problem:
        raise WorkflowError(str(problem)) from None
