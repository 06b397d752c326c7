"""Which files a rule reads, where the recipe decides that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from janus_recipes.collection.pool_files import compared_pools, input_files
from janus_recipes.datasets.needs import helpful_condition, takes_gold
from janus_recipes.judging.registry import OWN_JUDGE, prompt_of, verdicts_file
from janus_recipes.recipe.best_of import selected, shown_in
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.schema import Recipe
from janus_recipes.workflow.entries import training_of


def local_files(sources: Mapping[str, Located]) -> list[str]:
    """The local files among sources: inputs, so that a changed pool is read again."""
    return sorted({str(file) for file in input_files(sources).values()})


def instruction_pools(recipe: Recipe) -> list[str]:
    """The local files that the instructions are sampled from, and those whose prompts are kept out."""
    return local_files(recipe.collection.sources | compared_pools(recipe))


def published_file(recipe: Recipe, bench: str) -> list[str]:
    """The local file of a published bench; none where it comes from the hub or the web."""
    published = recipe.benchmarks[bench].published
    return local_files({bench: published}) if published else []


def excluded_file(recipe: Recipe, bench: str) -> list[str]:
    """The file of the instances that people found bad; none where the recipe names none."""
    excluded = recipe.benchmarks[bench].excluded
    return [excluded] if excluded else []


def message_file(recipe: Recipe, dataset: str) -> list[str]:
    """The system messages that a data set is cut from; none where it takes helpful responses."""
    return ["<results>/collection/system_messages.jsonl"] if takes_gold(recipe.datasets[dataset]) else []


def response_file(recipe: Recipe, dataset: str) -> str:
    """The responses that a data set is cut from: the gold ones, or helpful ones."""
    helpful = helpful_condition(recipe.datasets[dataset])
    return f"<results>/collection/{f'helpful.{helpful}' if helpful else 'responses'}.jsonl"


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


def score_files(recipe: Recipe, ranking: str) -> list[str]:
    """The scores of pairs that a ranking is averaged from."""
    wanted = recipe.rankings[ranking]
    return [f"<results>/scores/{wanted.benchmark}/{model}.jsonl" for model in wanted.models]


def compared_answers(recipe: Recipe, win_rate: str, model: str) -> str:
    """The answers of one model of a pair."""
    wanted = recipe.win_rates[win_rate]
    return f"<results>/answers/{wanted.benchmark}/{model}/{wanted.condition}.jsonl"


def comparison_files(recipe: Recipe, win_rate: str) -> list[str]:
    """The verdicts on pairs that a page of win rates counts."""
    folder = f"<results>/win_rates/{win_rate}"
    return [f"{folder}/{first}/{second}.jsonl" for first, second in recipe.win_rates[win_rate].pairs]


def tables_with(recipe: Recipe, model: str) -> list[str]:
    """The tables that show a model, and the rankings."""
    tables = [f"<results>/tables/{name}.csv" for name, table in recipe.tables.items() if model in table.models]
    return tables + [f"<results>/rankings/{name}.csv" for name, one in recipe.rankings.items() if model in one.models]
