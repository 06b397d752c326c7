"""What the Snakefile and rules/*.smk look up in the recipe. Nothing here writes: `-n` touches nothing (contract 4).

A rule's `params.spec` is the part of the recipe that decides its output, as text. Snakemake re-runs the rule when that
text changes, and no other rule: editing one model's learning rate re-runs that model's nodes alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from snakemake.exceptions import WorkflowError

from janus_recipes.benchmarks.assemble import assembling
from janus_recipes.collection.pool_files import compared_pools, input_files
from janus_recipes.datasets.needs import helpful_condition, takes_gold
from janus_recipes.errors import RecipeError, StepError
from janus_recipes.generation.asked import answering
from janus_recipes.judging.registry import OWN_JUDGE, judge_named, prompt_of, verdicts_file
from janus_recipes.locking import hold_until_exit
from janus_recipes.processes import this_session
from janus_recipes.recipe.best_of import selected, shown_in
from janus_recipes.recipe.collection import HelpfulCondition, Located, PreferenceSets, SystemMessages
from janus_recipes.recipe.dataset import HelpfulMix, PairsDataset, SftDataset
from janus_recipes.recipe.load import load_recipe, recipe_from
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.registry import retirement_warnings
from janus_recipes.recipe.schema import BaseModelSpec, Recipe, Rubrics
from janus_recipes.recipe.training import AxolotlTraining, RewardTraining, TrainingRun
from janus_recipes.recipe.win_rates import decides_comparisons
from janus_recipes.slurm import cancel_left_over_jobs
from janus_recipes.training.starts import starts_of


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


def environment_of(recipe: Recipe, tool: str) -> str:
    """The file that marks an engine's environment, of the recipe's build, as ready."""
    return f".envs/{tool}-{recipe.engines.build}/.ready"


def one_of(names: Iterable[str]) -> str:
    """A wildcard's pattern that matches these names and nothing else."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def local_files(sources: Mapping[str, Located]) -> list[str]:
    """The local files among sources: inputs, so that a changed pool is read again."""
    return sorted({str(file) for file in input_files(sources).values()})


def instruction_pools(recipe: Recipe) -> list[str]:
    """The local files that the instructions are sampled from, and those whose prompts are kept out."""
    return local_files(recipe.collection.sources | compared_pools(recipe))


def instructions_spec(recipe: Recipe) -> str:
    """What decides the instructions, their files apart. The order of the sources does, too; their licences do not."""
    pools = recipe.collection.sources | compared_pools(recipe)
    beside = {"licence", "quota", "column"}
    decides = [(name, pool.model_dump(mode="json", exclude=beside)) for name, pool in pools.items()]
    return spec(recipe.seed, decides, recipe.collection.instructions)


def prompts_spec(recipe: Recipe, bench: str) -> str:
    """What decides a bench's prompts. A shared one stays in the first source listed, so their order does, too."""
    pools = recipe.benchmarks[bench].sources.items()
    return spec(
        recipe.seed, [(name, pool.model_dump(mode="json", exclude={"licence", "column"})) for name, pool in pools]
    )


def assembling_spec(recipe: Recipe, bench: str) -> str:
    """What decides a bench's instances, their parts apart. All that models answer is made anew with them."""
    return spec(assembling(recipe.benchmarks[bench]))


def published_spec(recipe: Recipe, bench: str) -> str:
    """What decides the instances of a published bench, its file apart: not its licence."""
    published = recipe.benchmarks[bench].published
    return spec(published and published.model_dump(mode="json", exclude={"licence"}))


def published_benches(recipe: Recipe, published: bool) -> list[str]:
    """The benches that are loaded as somebody published them, or those that are made."""
    return [name for name, bench in recipe.benchmarks.items() if (bench.published is not None) is published]


def published_file(recipe: Recipe, bench: str) -> list[str]:
    """The local file of a published bench; none where it comes from the hub or the web."""
    published = recipe.benchmarks[bench].published
    return local_files({bench: published}) if published else []


def excluded_file(recipe: Recipe, bench: str) -> list[str]:
    """The file of the instances that people found bad; none where the recipe names none."""
    excluded = recipe.benchmarks[bench].excluded
    return [excluded] if excluded else []


def cut_datasets(recipe: Recipe) -> list[str]:
    """The data sets that are cut from the Collection."""
    return [name for name, wanted in recipe.datasets.items() if not isinstance(wanted, HelpfulMix)]


def message_file(recipe: Recipe, dataset: str) -> list[str]:
    """The system messages that a data set is cut from; none where it takes helpful responses."""
    return ["<results>/collection/system_messages.jsonl"] if takes_gold(recipe.datasets[dataset]) else []


def response_file(recipe: Recipe, dataset: str) -> str:
    """The responses that a data set is cut from: the gold ones, or helpful ones."""
    helpful = helpful_condition(recipe.datasets[dataset])
    return f"<results>/collection/{f'helpful.{helpful}' if helpful else 'responses'}.jsonl"


def dataset_spec(recipe: Recipe, dataset: str) -> str:
    """What decides a data set, its files apart: its words, the data set it is without, the default messages' names."""
    wanted = recipe.datasets[dataset]
    without = wanted.without if isinstance(wanted, PairsDataset) else None
    by_default = isinstance(wanted, SftDataset) and wanted.system_message == "default"
    messages = recipe.collection.default_messages if by_default else None
    return spec(recipe.seed, wanted, without and recipe.datasets[without], messages)


def helpful_spec(recipe: Recipe, condition: HelpfulCondition) -> str:
    """What decides the generally helpful responses."""
    asking = recipe.collection.helpful_responses[condition]
    messages = recipe.collection.default_messages if condition == "default" else None
    return spec(asking_spec(recipe, asking), messages)


def helpful_mixes(recipe: Recipe) -> list[str]:
    """The data sets that are mixed from public pools; the others are cut from the Collection."""
    return [name for name, dataset in recipe.datasets.items() if isinstance(dataset, HelpfulMix)]


def pools_of_mix(recipe: Recipe, dataset: str) -> dict[str, Located]:
    """The pools that a helpful mix reads, the benchmarks' prompts included where it is compared with them."""
    mix = recipe.datasets[dataset]
    if not isinstance(mix, HelpfulMix):
        return {}
    benches = recipe.benchmarks if mix.contamination is not None else {}
    prompts = {f"{bench}/{name}": source for bench, made in benches.items() for name, source in made.sources.items()}
    return {**mix.pools, **prompts}


def mix_spec(recipe: Recipe, dataset: str) -> str:
    """What decides a helpful mix."""
    return spec(recipe.seed, recipe.datasets[dataset], pools_of_mix(recipe, dataset))


def card_spec(recipe: Recipe, dataset: str) -> str:
    """What a data set's card tells of the recipe: the data set, its seed, and the sources with their licences."""
    sources = pools_of_mix(recipe, dataset) or recipe.collection.sources
    return spec(recipe.name, recipe.seed, recipe.datasets[dataset], sources, recipe.rehearsal)


def spec(*parts: Any) -> str:
    """Parts of a recipe as one text, the same for the same parts."""
    return json.dumps(parts, default=plain, sort_keys=True, ensure_ascii=False)


def plain(part: Any) -> Any:
    """A section of a recipe as JSON."""
    return part.model_dump(mode="json") if isinstance(part, BaseModel) else str(part)


def asking_spec(recipe: Recipe, asking: Asking) -> str:
    """What decides the answers of a step: the question's settings and the model asked, not how fast it is asked."""
    decides = asking.model_dump(mode="json", exclude={"expected_tokens"})
    return spec(recipe.seed, decides, asked_model(recipe, asking))


def asked_model(recipe: Recipe, asking: Asking) -> dict[str, Any]:
    """The model that a step asks, and what is sent to it besides the question."""
    provider = recipe.providers[asking.provider]
    sent = provider.model_dump(include={"model", "accepts_sampling", "reasoning_effort"})
    if provider.structured_output and isinstance(asking, (PreferenceSets, SystemMessages, Rubrics)):
        sent["structured_output"] = True  # these answers are JSON: their schema is sent
    if provider.kind == "vllm":
        sent["served"] = provider.served.model_dump(exclude={"gpus", "gpu_memory_utilization", "start_s"})
    return sent


@dataclass(frozen=True)
class AskingJob:
    """What the job of an asking step needs: little, or vLLM's environment and its GPUs where it serves the model."""

    inputs: list[str]
    cpus: int
    gpus: int
    mem_mb: int


def asking_job(recipe: Recipe, asking: Asking) -> AskingJob:
    """The needs of a step that asks."""
    provider, jobs = recipe.providers[asking.provider], recipe.resources
    if provider.kind != "vllm":
        return AskingJob([], jobs.asking_cpus, 0, jobs.asking_mem_mb)
    served = provider.served
    template = [served.chat_template] if served.chat_template else []
    return AskingJob([environment_of(recipe, "vllm"), *template], jobs.engine_cpus, served.gpus, jobs.engine_mem_mb)


def judging_spec(recipe: Recipe) -> str:
    """What decides the verdicts. How missing ones are averaged concerns the table alone."""
    judging = recipe.judging.model_dump(mode="json", exclude={"missing_verdicts", "swapped_control", "expected_tokens"})
    return spec(recipe.seed, judging, asked_model(recipe, recipe.judging))


def judge_spec(recipe: Recipe, judge: str) -> str:
    """What decides the verdicts of a judge of the registry, its prompt apart."""
    return asking_spec(recipe, recipe.judges[judge])


def judge_prompt(recipe: Recipe, judge: str) -> str:
    """The template of what a judge of the registry is asked."""
    return prompt_of(recipe, judge)


def calibrated_files(recipe: Recipe, calibration: str) -> list[str]:
    """The verdicts that a calibration compares, of each judge on the same answers."""
    wanted = recipe.calibrations[calibration]
    return [
        f"<results>/verdicts/{wanted.benchmark}/{model}/{verdicts_file(condition, judge)}"
        for judge in wanted.judges
        for model in wanted.models
        for condition in wanted.conditions
    ]


def judged_answers(recipe: Recipe, calibration: str) -> list[str]:
    """The answers that the judges of a calibration judged."""
    wanted = recipe.calibrations[calibration]
    folder = f"<results>/answers/{wanted.benchmark}"
    return [f"{folder}/{model}/{condition}.jsonl" for model in wanted.models for condition in wanted.conditions]


def win_rates_beside(recipe: Recipe, calibration: str) -> list[str]:
    """The win rates on a calibration's bench, which its own judge gave: they tell what the order of two answers did."""
    wanted = recipe.calibrations[calibration]
    if OWN_JUDGE not in wanted.judges:
        return []
    return [
        f"<results>/win_rates/{name}.csv" for name, one in recipe.win_rates.items() if one.benchmark == wanted.benchmark
    ]


def calibration_spec(recipe: Recipe, calibration: str) -> str:
    """What decides a calibration's pages, besides the verdicts."""
    wanted = recipe.calibrations[calibration]
    runs = [judge_named(recipe, judge).runs for judge in wanted.judges]
    return spec(recipe.seed, wanted, runs, recipe.rehearsal)


def base_spec(recipe: Recipe, model: str) -> BaseModelSpec:
    """The base model under a model."""
    return recipe.base_models[recipe.base_of(model)]


def base_decides(recipe: Recipe, model: str) -> dict[str, Any]:
    """What of its base decides what a model becomes and answers: not what only plans and cards tell of it."""
    return base_spec(recipe, model).decides()


def training_of(recipe: Recipe, model: str) -> TrainingRun:
    """A model's training. Only for models that have one."""
    training = recipe.models[model].train
    if training is None:
        raise StepError(f"models.{model} is not trained")
    return training


def training_spec(recipe: Recipe, model: str) -> str:
    """What decides a trained model, its data apart: the training and the base. How long it may take does not."""
    return spec(
        recipe.seed, training_of(recipe, model).decides(), base_decides(recipe, model), recipe.rehearsal is not None
    )


def sampled_models(recipe: Recipe) -> list[str]:
    """The models with weights that write answers: vLLM samples them."""
    rewards = reward_models(recipe)
    return [name for name, model in recipe.models.items() if model.provider is None and name not in rewards]


def asked_models(recipe: Recipe) -> list[str]:
    """The models that a provider answers for."""
    return [name for name, model in recipe.models.items() if model.provider is not None]


def generation_gpus(recipe: Recipe, model: str) -> int:
    """The GPUs that sampling a model, or letting it score, takes."""
    return base_spec(recipe, model).fitted(recipe.generation).gpus


def asked_answers_spec(recipe: Recipe, model: str, condition: str) -> str:
    """What decides the answers that a provider gives for a model under a condition."""
    return spec(asking_spec(recipe, answering(recipe, model)), recipe.general_message(condition))


def generation_spec(recipe: Recipe, model: str, condition: str) -> str:
    """What decides a model's answers under a condition, besides the model."""
    speed = {"chunk", "hours", "gpus", "gpu_memory_utilization"}
    generation = recipe.generation.model_dump(mode="json", exclude=speed)
    return spec(recipe.seed, generation, base_decides(recipe, model), recipe.general_message(condition))


def table_spec(recipe: Recipe, table: str) -> str:
    """What decides a table, besides the verdicts."""
    judging = {"missing": recipe.judging.missing_verdicts, "swapped": recipe.judging.swapped_control}
    trainings = {model: recipe.models[model].train for model in recipe.tables[table].models}
    starts = {model: training.start for model, training in trainings.items() if training is not None}
    wanted = recipe.tables[table].model_dump(mode="json", exclude={"tolerance"})
    return spec(recipe.seed, wanted, judging, starts, recipe.rehearsal)


def analysed_bench(recipe: Recipe, answers: str) -> str:
    """The bench that an analysis of answers is about."""
    return f"<results>/bench/{recipe.tables[recipe.answer_analyses[answers].table].benchmark}/bench.jsonl"


def analysed_answers(recipe: Recipe, answers: str) -> list[str]:
    """The answers that an analysis is about, of the models in its order."""
    wanted = recipe.answer_analyses[answers]
    table = recipe.tables[wanted.table]
    folder = f"<results>/answers/{table.benchmark}"
    return [f"{folder}/{model}/{wanted.condition}.jsonl" for model in wanted.models or table.models]


def analysed_verdicts(recipe: Recipe, answers: str) -> list[str]:
    """The verdicts on these answers, by their own rubrics."""
    paths = analysed_answers(recipe, answers)
    return [path.replace("<results>/answers/", "<results>/verdicts/").replace(".jsonl", ".own.jsonl") for path in paths]


def answer_analysis_spec(recipe: Recipe, answers: str, examples: bool = False) -> str:
    """What decides an analysis of answers, besides these; only examples depend on how they are chosen."""
    wanted = recipe.answer_analyses[answers]
    chosen = (wanted.examples, recipe.judging.runs) if examples else ()
    models = wanted.models or recipe.tables[wanted.table].models
    return spec(recipe.seed, models, wanted.condition, *chosen, recipe.rehearsal and recipe.rehearsal.notice)


def trained_models(recipe: Recipe) -> list[str]:
    """The models that the recipe trains."""
    return [name for name, model in recipe.models.items() if model.train is not None]


def axolotl_models(recipe: Recipe) -> list[str]:
    """The models that axolotl trains."""
    return [name for name, model in recipe.models.items() if isinstance(model.train, AxolotlTraining)]


def reward_models(recipe: Recipe) -> list[str]:
    """The models that OpenRLHF trains: they score answers and write none."""
    return [name for name, model in recipe.models.items() if isinstance(model.train, RewardTraining)]


def made_base(recipe: Recipe, model: str) -> list[str]:
    """The file that stands for a model's base where a rule makes it: in a rehearsal. Real weights come from the hub."""
    return [f"<results>/base_models/{recipe.base_of(model)}/manifest.json"] if recipe.rehearsal else []


def start_of(recipe: Recipe, model: str) -> list[str]:
    """The file that stands for the weights that a training starts from."""
    start = training_of(recipe, model).start
    return made_model(recipe, start) if start else made_base(recipe, model)


def made_model(recipe: Recipe, model: str) -> list[str]:
    """The file that stands for a model's weights: a trained one's manifest, or its base's."""
    trained = recipe.models[model].train is not None
    return [f"<results>/models/{model}/manifest.json"] if trained else made_base(recipe, model)


def verdict_files(recipe: Recipe, table: str) -> list[str]:
    """The verdicts that a table is averaged from."""
    wanted = recipe.tables[table]
    rubrics = ["own", "swapped"] if recipe.judging.swapped_control else ["own"]
    return [
        f"<results>/verdicts/{wanted.benchmark}/{one.model}/{one.file}.{kind}.jsonl"
        for one in shown_in(wanted)
        for kind in rubrics
    ]


def curve_files(recipe: Recipe) -> list[str]:
    """The curves of best-of-n, of what tables select by it."""
    return list(dict.fromkeys(f"<results>/best_of/{one.bench}/{one.selection}.csv" for one in selected(recipe)))


def sample_file(recipe: Recipe, wildcards: Any) -> str:
    """The samples that a selection chooses from."""
    samples = recipe.best_of[wildcards.selection].samples
    return f"<results>/samples/{wildcards.bench}/{wildcards.model}/{wildcards.condition}.{samples}.jsonl"


def curve_inputs(recipe: Recipe, bench: str, selection: str, *, verdicts: bool) -> list[str]:
    """The rewards of all samples that a curve is told of, or their verdicts where they are judged."""
    kind = "verdicts" if verdicts else "rewards"
    return [
        f"<results>/{kind}/{bench}/{one.model}/{one.answers.file}{'.samples' if verdicts else ''}.jsonl"
        for one in selected(recipe)
        if (one.bench, one.selection) == (bench, selection)
        if recipe.best_of[selection].judge_samples or not verdicts
    ]


def sampling_hours(recipe: Recipe, samples: int) -> float:
    """The hours that a job which draws so many samples asks of the cluster: the most that a selection states."""
    return max(one.hours for one in recipe.best_of.values() if one.samples == samples)


def rewarding_spec(recipe: Recipe, selection: str, condition: str) -> str:
    """What decides the rewards of samples under a condition, besides the reward model's weights and the samples."""
    reward_model = recipe.best_of[selection].reward_model
    return spec(reward_model, scoring_spec(recipe, reward_model), recipe.general_message(condition))


def curve_spec(recipe: Recipe, selection: str) -> str:
    """What decides a curve, besides rewards and verdicts."""
    decides = recipe.best_of[selection].model_dump(mode="json", exclude={"hours"})
    return spec(recipe.seed, decides, recipe.judging.missing_verdicts, recipe.rehearsal)


def score_files(recipe: Recipe, ranking: str) -> list[str]:
    """The scores of pairs that a ranking is averaged from."""
    wanted = recipe.rankings[ranking]
    return [f"<results>/scores/{wanted.benchmark}/{model}.jsonl" for model in wanted.models]


def scoring_spec(recipe: Recipe, model: str) -> str:
    """What decides the scores that a model gives to pairs, besides the model."""
    generation = recipe.generation.model_dump(mode="json", include={"max_model_len", "dtype"})
    return spec(generation, base_decides(recipe, model), model in reward_models(recipe))


def ranking_spec(recipe: Recipe, ranking: str) -> str:
    """What decides a ranking, besides the scores."""
    return spec(recipe.seed, recipe.rankings[ranking], recipe.rehearsal)


def compared_answers(recipe: Recipe, win_rate: str, model: str) -> str:
    """The answers of one model of a pair."""
    wanted = recipe.win_rates[win_rate]
    return f"<results>/answers/{wanted.benchmark}/{model}/{wanted.condition}.jsonl"


def comparison_files(recipe: Recipe, win_rate: str) -> list[str]:
    """The verdicts on pairs that a page of win rates counts."""
    folder = f"<results>/win_rates/{win_rate}"
    return [f"{folder}/{first}/{second}.jsonl" for first, second in recipe.win_rates[win_rate].pairs]


def comparing_spec(recipe: Recipe, win_rate: str) -> str:
    """What decides the verdicts on a pair, the answers and the prompt apart."""
    return spec(recipe.seed, decides_comparisons(recipe, win_rate), asked_model(recipe, recipe.judging))


def win_rates_spec(recipe: Recipe, win_rate: str) -> str:
    """What decides a page of win rates, besides the verdicts."""
    return spec(recipe.seed, recipe.win_rates[win_rate], recipe.rehearsal)


def tables_with(recipe: Recipe, model: str) -> list[str]:
    """The tables that show a model, and the rankings."""
    tables = [f"<results>/tables/{name}.csv" for name, table in recipe.tables.items() if model in table.models]
    return tables + [f"<results>/rankings/{name}.csv" for name, one in recipe.rankings.items() if model in one.models]


def model_card_spec(recipe: Recipe, model: str) -> str:
    """What a model's card tells of the recipe: its base, its training, those before it, their data and its sampling."""
    trainings = [training_of(recipe, model), *(start.train for start in starts_of(recipe, model))]
    cards = [card_spec(recipe, training.dataset) for training in trainings]
    return spec(trainings, base_spec(recipe, model), recipe.generation.sampling, cards)
