"""What decides a rule's output, as text: its `params.spec`.

Snakemake re-runs the rule when that text changes, and no other rule: editing one model's learning rate re-runs that
model's nodes alone.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from janus_recipes.benchmarks.assemble import assembling
from janus_recipes.collection.pool_files import compared_pools
from janus_recipes.generation.asked import answering
from janus_recipes.judging.registry import judge_named
from janus_recipes.recipe.collection import HelpfulCondition, PreferenceSets, SystemMessages
from janus_recipes.recipe.dataset import PairsDataset, SftDataset
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Recipe, Rubrics
from janus_recipes.recipe.win_rates import decides_comparisons
from janus_recipes.training.starts import starts_of
from janus_recipes.workflow.entries import base_spec, pools_of_mix, reward_models, training_of


def spec(*parts: Any) -> str:
    """Parts of a recipe as one text, the same for the same parts."""
    return json.dumps(parts, default=plain, sort_keys=True, ensure_ascii=False)


def plain(part: Any) -> Any:
    """A section of a recipe as JSON."""
    return part.model_dump(mode="json") if isinstance(part, BaseModel) else str(part)


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


def mix_spec(recipe: Recipe, dataset: str) -> str:
    """What decides a helpful mix."""
    return spec(recipe.seed, recipe.datasets[dataset], pools_of_mix(recipe, dataset))


def card_spec(recipe: Recipe, dataset: str) -> str:
    """What a data set's card tells of the recipe: the data set, its seed, and the sources with their licences."""
    sources = pools_of_mix(recipe, dataset) or recipe.collection.sources
    return spec(recipe.name, recipe.seed, recipe.datasets[dataset], sources, recipe.rehearsal)


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


def judging_spec(recipe: Recipe) -> str:
    """What decides the verdicts. How missing ones are averaged concerns the table alone."""
    judging = recipe.judging.model_dump(mode="json", exclude={"missing_verdicts", "swapped_control", "expected_tokens"})
    return spec(recipe.seed, judging, asked_model(recipe, recipe.judging))


def judge_spec(recipe: Recipe, judge: str) -> str:
    """What decides the verdicts of a judge of the registry, its prompt apart."""
    return asking_spec(recipe, recipe.judges[judge])


def calibration_spec(recipe: Recipe, calibration: str) -> str:
    """What decides a calibration's pages, besides the verdicts."""
    wanted = recipe.calibrations[calibration]
    runs = [judge_named(recipe, judge).runs for judge in wanted.judges]
    return spec(recipe.seed, wanted, runs, recipe.rehearsal)


def base_decides(recipe: Recipe, model: str) -> dict[str, Any]:
    """What of its base decides what a model becomes and answers: not what only plans and cards tell of it."""
    return base_spec(recipe, model).decides()


def training_spec(recipe: Recipe, model: str) -> str:
    """What decides a trained model, its data apart: the training and the base. How long it may take does not."""
    return spec(
        recipe.seed, training_of(recipe, model).decides(), base_decides(recipe, model), recipe.rehearsal is not None
    )


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


def answer_analysis_spec(recipe: Recipe, answers: str, examples: bool = False) -> str:
    """What decides an analysis of answers, besides these; only examples depend on how they are chosen."""
    wanted = recipe.answer_analyses[answers]
    chosen = (wanted.examples, recipe.judging.runs) if examples else ()
    models = wanted.models or recipe.tables[wanted.table].models
    return spec(recipe.seed, models, wanted.condition, *chosen, recipe.rehearsal and recipe.rehearsal.notice)


def rewarding_spec(recipe: Recipe, selection: str, condition: str) -> str:
    """What decides the rewards of samples under a condition, besides the reward model's weights and the samples."""
    reward_model = recipe.best_of[selection].reward_model
    return spec(reward_model, scoring_spec(recipe, reward_model), recipe.general_message(condition))


def curve_spec(recipe: Recipe, selection: str) -> str:
    """What decides a curve, besides rewards and verdicts."""
    decides = recipe.best_of[selection].model_dump(mode="json", exclude={"hours"})
    return spec(recipe.seed, decides, recipe.judging.missing_verdicts, recipe.rehearsal)


def scoring_spec(recipe: Recipe, model: str) -> str:
    """What decides the scores that a model gives to pairs, besides the model."""
    generation = recipe.generation.model_dump(mode="json", include={"max_model_len", "dtype"})
    return spec(generation, base_decides(recipe, model), model in reward_models(recipe))


def ranking_spec(recipe: Recipe, ranking: str) -> str:
    """What decides a ranking, besides the scores."""
    return spec(recipe.seed, recipe.rankings[ranking], recipe.rehearsal)


def comparing_spec(recipe: Recipe, win_rate: str) -> str:
    """What decides the verdicts on a pair, the answers and the prompt apart."""
    return spec(recipe.seed, decides_comparisons(recipe, win_rate), asked_model(recipe, recipe.judging))


def win_rates_spec(recipe: Recipe, win_rate: str) -> str:
    """What decides a page of win rates, besides the verdicts."""
    return spec(recipe.seed, recipe.win_rates[win_rate], recipe.rehearsal)


def model_card_spec(recipe: Recipe, model: str) -> str:
    """What a model's card tells of the recipe: its base, its training, those before it, their data and its sampling."""
    trainings = [training_of(recipe, model), *(start.train for start in starts_of(recipe, model))]
    cards = [card_spec(recipe, training.dataset) for training in trainings]
    return spec(trainings, base_spec(recipe, model), recipe.generation.sampling, cards)
