"""What rules look up in the recipe: one line each, named as the noun they return. `janus_recipes/workflow.py` has more."""

from janus_recipes import workflow as lookups

RECIPE = lookups.recipe_of(config, workflow.configfiles)
JOBS = RECIPE.resources
lookups.tell_jobs(workflow.configfiles)
if workflow.is_main_process:  # jobs read this file again
    lookups.warn_of_retirements(RECIPE)


# A cluster's SIGTERM reaches every process of a job. bash by itself would die of it, and Slurm then kill the rest: with
# a trap it waits for the step, which has something to save.
shell.prefix("set -euo pipefail; trap : TERM; ")


pathvars:
    results=f"results/{RECIPE.name}",
    logs=f"results/{RECIPE.name}/logs",


wildcard_constraints:
    model=lookups.one_of(RECIPE.models),
    dataset=lookups.one_of(RECIPE.datasets),
    bench=lookups.one_of(RECIPE.benchmarks),
    table=lookups.one_of(RECIPE.tables),
    selection=lookups.one_of(RECIPE.best_of),
    samples=lookups.one_of(str(one.samples) for one in RECIPE.best_of.values()),
    ranking=lookups.one_of(RECIPE.rankings),
    answers=lookups.one_of(RECIPE.answer_analyses),
    win_rate=lookups.one_of(RECIPE.win_rates),
    against=lookups.one_of(RECIPE.models),
    judge=lookups.one_of(RECIPE.judges),
    calibration=lookups.one_of(RECIPE.calibrations),
    base=lookups.one_of(RECIPE.base_models),
    condition="none|default|multifaceted",
    rubrics="own|swapped",


onstart:
    lookups.lock_run(RECIPE, log[0])


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
    return lookups.sampling_hours(RECIPE, int(wildcards.samples))


def helpful_of(wildcards):
    return RECIPE.collection.helpful_responses[wildcards.condition]


def messages_option(wildcards, input):
    return f"--system-messages {input.system_messages}" if input.system_messages else ""


def bench_option(wildcards):
    return f"--bench {wildcards.bench}"


def asking_spec(asking):
    return lookups.asking_spec(RECIPE, asking)


def asking_job(asking):
    return lookups.asking_job(RECIPE, asking)


def answering_job(wildcards):
    return asking_job(lookups.answering(RECIPE, wildcards.model))


def minutes(hours):
    return int(hours * 60)
