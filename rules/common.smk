"""What rules look up in the recipe: one line each, named as the noun they return. `janus_recipes/workflow/` has more."""

from janus_recipes.generation.asked import answering
from janus_recipes.workflow import entries, files, jobs, running, specs

RECIPE = running.recipe_of(config, workflow.configfiles)
JOBS = RECIPE.resources
running.tell_jobs(workflow.configfiles)
if workflow.is_main_process:  # jobs read this file again
    running.warn_of_retirements(RECIPE)


# A cluster's SIGTERM reaches every process of a job. bash by itself would die of it, and Slurm then kill the rest: with
# a trap it waits for the step, which has something to save.
shell.prefix("set -euo pipefail; trap : TERM; ")


pathvars:
    results=f"results/{RECIPE.name}",
    logs=f"results/{RECIPE.name}/logs",


wildcard_constraints:
    model=entries.one_of(RECIPE.models),
    dataset=entries.one_of(RECIPE.datasets),
    bench=entries.one_of(RECIPE.benchmarks),
    table=entries.one_of(RECIPE.tables),
    selection=entries.one_of(RECIPE.best_of),
    samples=entries.one_of(str(one.samples) for one in RECIPE.best_of.values()),
    ranking=entries.one_of(RECIPE.rankings),
    answers=entries.one_of(RECIPE.answer_analyses),
    win_rate=entries.one_of(RECIPE.win_rates),
    against=entries.one_of(RECIPE.models),
    judge=entries.one_of(RECIPE.judges),
    calibration=entries.one_of(RECIPE.calibrations),
    base=entries.one_of(RECIPE.base_models),
    condition="none|default|multifaceted",
    rubrics="own|swapped",


onstart:
    running.lock_run(RECIPE, log[0])


def model_of(wildcards):
    return RECIPE.models[wildcards.model]


def bench_of(wildcards):
    return RECIPE.benchmarks[wildcards.bench]


def judge_of(wildcards):
    return RECIPE.judges[wildcards.judge]


def calibration_of(wildcards):
    return RECIPE.calibrations[wildcards.calibration]


def reward_model_of(wildcards):
    return RECIPE.best_of[wildcards.selection].reward_model


def sampling_hours(wildcards):
    return jobs.sampling_hours(RECIPE, int(wildcards.samples))


def helpful_of(wildcards):
    return RECIPE.collection.helpful_responses[wildcards.condition]


def messages_option(wildcards, input):
    return f"--system-messages {input.system_messages}" if input.system_messages else ""


def bench_option(wildcards):
    return f"--bench {wildcards.bench}"


def asking_spec(asking):
    return specs.asking_spec(RECIPE, asking)


def asking_job(asking):
    return jobs.asking_job(RECIPE, asking)


def answering_job(wildcards):
    return asking_job(answering(RECIPE, wildcards.model))


def minutes(hours):
    return int(hours * 60)
