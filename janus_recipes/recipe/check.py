"""What a recipe's values must be to each other and to the files they name. Nothing here needs a key or the network."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as File
from typing import Any

import yaml

from janus_recipes.collection.exclude import pattern_problem
from janus_recipes.collection.pool_files import FORMATS, format_of, pool_files
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.errors import RecipeError, StepError
from janus_recipes.recipe.check_answer_analyses import answer_analysis_problems
from janus_recipes.recipe.check_axolotl import axolotl_problems
from janus_recipes.recipe.check_best_of import best_of_problems
from janus_recipes.recipe.check_datasets import dataset_problems
from janus_recipes.recipe.check_human import human_problems
from janus_recipes.recipe.check_judges import judge_problems
from janus_recipes.recipe.check_models import model_problems
from janus_recipes.recipe.check_openrlhf import openrlhf_problems
from janus_recipes.recipe.check_pools import pool_problems
from janus_recipes.recipe.check_providers import provider_problems
from janus_recipes.recipe.check_rehearsal import rehearsal_problems
from janus_recipes.recipe.check_served import served_problems
from janus_recipes.recipe.check_tables import table_problems
from janus_recipes.recipe.check_templates import template_problems
from janus_recipes.recipe.check_training import training_problems
from janus_recipes.recipe.check_win_rates import win_rate_problems
from janus_recipes.recipe.problem import Path, Problem, did_you_mean, dotted, nearest
from janus_recipes.recipe.registry import KnownModel, read_registry

REFERENCES = {
    "collection.preference_sets.provider": "providers",
    "collection.system_messages.provider": "providers",
    "collection.responses.provider": "providers",
    "collection.helpful_responses.*.provider": "providers",
    "collection.instructions.top_up_from": "collection.sources",
    "benchmarks.*.preference_sets.provider": "providers",
    "benchmarks.*.system_messages.provider": "providers",
    "benchmarks.*.reference_answers.provider": "providers",
    "benchmarks.*.rubrics.provider": "providers",
    "judging.provider": "providers",
    "judges.*.provider": "providers",
    "calibrations.*.benchmark": "benchmarks",
    "calibrations.*.models.*": "models",
    "calibrations.*.family.*.*": "models",
    "models.*.base": "base_models",
    "models.*.provider": "providers",
    "models.*.train.dataset": "datasets",
    "models.*.train.start": "models",
    "datasets.*.without": "datasets",
    "tables.*.benchmark": "benchmarks",
    "tables.*.models.*": "models",
    "best_of.*.reward_model": "models",
    "rankings.*.benchmark": "benchmarks",
    "human.benchmark": "benchmarks",
    "rankings.*.models.*": "models",
    "answer_analyses.*.table": "tables",
    "win_rates.*.benchmark": "benchmarks",
    "win_rates.*.pairs.*.*": "models",
}
"""Where a recipe names something, and the section in which that name must stand."""

SOURCES = ("collection.sources.*", "benchmarks.*.sources.*", "benchmarks.*.published", "datasets.*.pools.*")
FILES = (
    "published_figures",
    "known_models",
    "prompts.*",
    "judges.*.prompt",
    "seeds.*",
    "base_models.*.chat_template",
    "benchmarks.*.excluded",
    "providers.*.served.chat_template",
)
ORIGINS = ("dataset", "path", "url")

SEED_READERS: dict[str, Callable[[str], int]] = {
    "preferences": lambda file: len(read_seed_preferences(file).preferences),
    "system_messages": lambda file: len(read_seed_system_messages(file)),
    "rubrics": lambda file: len(read_seed_rubrics(file)),
}
"""How many seeds each seed file holds. A file of another form is a StepError."""

EXAMPLES = {
    "collection.system_messages.examples": "system_messages",
    "benchmarks.*.system_messages.examples": "system_messages",
    "benchmarks.*.rubrics.examples": "rubrics",
}
"""Where a recipe says how many seeds a request shows, and of which file."""


def cross_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong between a recipe's parts, all of it. `config` may break the schema: what is odd is passed by."""
    return [
        *_unknown_names(config),
        *_missing_files(config),
        *_missing_pools(config),
        *_bad_patterns(config),
        *_bad_sources(config),
        *_bad_seeds(config),
        *_bad_registry(config),
        *_bad_tables(config),
        *table_problems(config),
        *best_of_problems(config),
        *answer_analysis_problems(config),
        *best_of_problems(config),
        *win_rate_problems(config),
        *model_problems(config),
        *human_problems(config),
        *judge_problems(config),
        *axolotl_problems(config),
        *dataset_problems(config),
        *training_problems(config),
        *openrlhf_problems(config),
        *rehearsal_problems(config),
        *template_problems(config),
        *pool_problems(config),
        *_bad_keys(config),
        *provider_problems(config, _known_models(config)),
        *served_problems(config),
    ]


def values_at(config: Any, pattern: str) -> Iterator[tuple[Path, Any]]:
    """The values that stand where a dotted pattern points, with their paths. `*` is any key of a mapping or list."""
    yield from _values_at(config, tuple(pattern.split(".")), ())


def _values_at(value: Any, keys: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not keys:
        yield path, value
    elif keys[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values_at(item, keys[1:], (*path, index))
    elif isinstance(value, Mapping):
        for key in value if keys[0] == "*" else [keys[0]]:
            if value.get(key) is not None:
                yield from _values_at(value[key], keys[1:], (*path, key))


def _names_in(config: Mapping[str, Any], section: str) -> list[str]:
    found = [value for _, value in values_at(config, section)]
    return [str(name) for name in found[0]] if found and isinstance(found[0], Mapping) else []


def _unknown_names(config: Mapping[str, Any]) -> Iterator[Problem]:
    for pattern, section in REFERENCES.items():
        names = _names_in(config, section)
        for path, name in values_at(config, pattern):
            if isinstance(name, str) and name not in names:
                yield Problem(path, f"{name} is not under {section}{did_you_mean(name, names)}")


def _missing_files(config: Mapping[str, Any]) -> Iterator[Problem]:
    for pattern in FILES:
        for path, name in values_at(config, pattern):
            if isinstance(name, str) and (reason := _unreadable(File(name))):
                yield Problem(path, reason)


def _missing_pools(config: Mapping[str, Any]) -> Iterator[Problem]:
    for pattern in SOURCES:
        for path, name in values_at(config, f"{pattern}.path"):
            if isinstance(name, str):
                files = pool_files(name) or [File(name)]  # where nothing matches, the pattern itself is missing
                yield from (Problem(path, why) for one in files if (why := _unreadable(one) or _unread(str(one))))
        for path, url in values_at(config, f"{pattern}.url"):
            if isinstance(url, str) and (reason := _unread(url)):
                yield Problem(path, reason)


def _unread(name: str) -> str | None:
    return None if format_of(name) else f"{name}: its name must end in one of {', '.join(FORMATS)}"


def _unreadable(file: File) -> str | None:
    if file.is_dir():
        return f"{file} is a folder, a file is needed"
    if not file.exists():
        siblings = [other.name for other in file.parent.iterdir()] if file.parent.is_dir() else []
        close = nearest(file.name, siblings)
        return f"there is no file {file}" + (f" (did you mean {file.parent / close}?)" if close else "")
    return None if os.access(file, os.R_OK) else f"{file} may not be read"


def _bad_patterns(config: Mapping[str, Any]) -> Iterator[Problem]:
    for pattern in SOURCES:
        for path, expression in values_at(config, f"{pattern}.pattern"):
            try:
                groups = re.compile(expression).groups if isinstance(expression, str) else 1
            except re.error as error:
                yield Problem(path, f"not a regular expression: {error}")
                continue
            if not groups:
                yield Problem(path, "has no group: put the part that is the instruction in (...)")
    for path, expression in values_at(config, "collection.instructions.exclude_pattern"):
        if isinstance(expression, str) and (reason := pattern_problem(expression)):
            yield Problem(path, f"not a regular expression of the Rust regex crate: {reason}")


def _bad_sources(config: Mapping[str, Any]) -> Iterator[Problem]:
    for pattern in SOURCES:
        for path, source in values_at(config, pattern):
            if not isinstance(source, Mapping):
                continue
            given = [key for key in ORIGINS if source.get(key) is not None]
            if len(given) != 1:
                yield Problem(path, f"give one of {', '.join(ORIGINS)}; given: {', '.join(given) or 'none'}")
            if source.get("dataset") is not None and source.get("revision") is None:
                yield Problem((*path, "revision"), "missing (the commit of the data set, so that it cannot change)")


def _bad_seeds(config: Mapping[str, Any]) -> Iterator[Problem]:
    held: dict[str, int] = {}
    for name, count in SEED_READERS.items():
        if file := _readable(config, f"seeds.{name}"):
            try:
                held[name] = count(file)
            except StepError as problem:
                yield Problem(("seeds", name), str(problem))
    for pattern, name in EXAMPLES.items():
        for path, wanted in values_at(config, pattern):
            if isinstance(wanted, int) and wanted > held.get(name, wanted):
                yield Problem(path, f"wants {wanted} examples, but seeds.{name} holds {held[name]}")


def _bad_registry(config: Mapping[str, Any]) -> Iterator[Problem]:
    if file := _readable(config, "known_models"):
        try:
            read_registry(File(file))
        except RecipeError as error:
            yield from (Problem(("known_models",), " ".join(line.split())) for line in error.problems)
        except UnicodeDecodeError:
            yield Problem(("known_models",), f"{file} is not UTF-8 text")


def _known_models(config: Mapping[str, Any]) -> dict[str, KnownModel]:
    """The registry that a recipe names. Empty where it cannot be read, which is reported as such."""
    try:
        return read_registry(File(file)) if (file := _readable(config, "known_models")) else {}
    except (RecipeError, UnicodeDecodeError):
        return {}


def _bad_tables(config: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _repeated(config, "benchmarks.*.sources", "column")
    file = _readable(config, "published_figures")
    if file is None:
        return
    try:
        content = yaml.load(File(file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        yield Problem(("published_figures",), f"{file}: not valid YAML: {' '.join(str(problem).split())}")
        return
    figures = content if isinstance(content, dict) else {}
    for path, key in values_at(config, "tables.*.published"):
        if isinstance(key, str) and key not in figures:
            yield Problem(path, f"{file} has no table {key}{did_you_mean(key, figures)}")


def _readable(config: Mapping[str, Any], pattern: str) -> str | None:
    """The file that a recipe names there. None when it is not there to be read, which is reported as such."""
    file = next((value for _, value in values_at(config, pattern)), None)
    return file if isinstance(file, str) and not _unreadable(File(file)) else None


def _repeated(config: Mapping[str, Any], pattern: str, key: str) -> Iterator[Problem]:
    for path, items in values_at(config, pattern):
        first: dict[Any, Path] = {}
        for inner, value in values_at(items, f"*.{key}"):
            if isinstance(value, str) and (other := first.setdefault(value, inner)) != inner:
                yield Problem((*path, *inner), f"{value} is the {key} of {dotted((*path, *other))} too")


def _bad_keys(config: Mapping[str, Any]) -> Iterator[Problem]:
    for path, name in values_at(config, "providers.*.key_env"):
        # The value is not shown: it may be the key itself.
        if isinstance(name, str) and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield Problem(path, "is not the name of an environment variable; keep the key itself out of the recipe")
    for path, uri in values_at(config, "tracking.mlflow.uri"):
        if isinstance(uri, str) and "@" in uri:
            yield Problem(
                path,
                "holds a user's name or password: take it out; MLflow reads MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD",
            )
    for path, provider in values_at(config, "providers.*"):
        given = provider if isinstance(provider, Mapping) else {}
        if (
            given.get("kind") in ("openai", "openai-batch")
            and given.get("base_url") is None
            and given.get("key_env") is None
        ):
            yield Problem((*path, "key_env"), "missing (OpenAI wants a key: name the variable that holds it)")
