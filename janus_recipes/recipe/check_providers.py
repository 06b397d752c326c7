"""What a provider must not say: what its model or its endpoint refuses, what another kind of provider would heed.

    janus validate RECIPE...

A known model that refuses a parameter answers every request with a 400, an hour into a run or a day into a batch. What
`recipes/known_models.yaml` says of it is compared with what the provider would send. Of a model that is not there
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.check_base_url import base_url_problem
from janus_recipes.recipe.problem import Problem
from janus_recipes.recipe.provider import Batching, Faults, Provider, ServedModel
from janus_recipes.recipe.registry import KnownModel, Takes

OPENAI = ("openai", "openai-batch")

SECTIONS = {
    "batch": ("openai-batch", Batching().model_dump()),
    "served": ("vllm", ServedModel().model_dump()),
    "faults": ("rehearsal", Faults().model_dump()),
}
"""Parts that one kind of provider alone heeds, with what they are when a recipe does not speak of them."""

OPENAIS_LIMITS = {name: Batching.model_fields[name].default for name in ("requests", "megabytes")}
"""Of one batch file at OpenAI itself. They are the schema's defaults; another provider may take larger ones."""


def provider_problems(config: Mapping[str, Any], known: Mapping[str, KnownModel]) -> Iterator[Problem]:
    """Everything wrong with the providers of a recipe in themselves. `config` may break the schema."""
    providers = config.get("providers")
    for name, given in providers.items() if isinstance(providers, Mapping) else ():
        if isinstance(given, Mapping):
            found = [*_bad_place(given), *_too_large(given), *_refused(given, known), *_unheeded(given)]
            yield from (Problem(("providers", name, *key.split(".")), message) for key, message in found)


def _bad_place(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where it is asked, and by which name; also of a real provider that a rehearsal overlays."""
    url, model = given.get("base_url"), given.get("model")
    if isinstance(url, str) and given.get("kind") != "vllm" and (problem := base_url_problem(url)):
        yield "base_url", problem
    if isinstance(model, str) and model and model != model.strip():
        name = model.strip()
        yield "model", f"has blanks around it: set it to {name}" if name else "is blank: name the model"


def _too_large(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Batch files that OpenAI itself refuses."""
    batch = given.get("batch")
    if given.get("kind") != "openai-batch" or given.get("base_url") is not None or not isinstance(batch, Mapping):
        return
    for name, most in OPENAIS_LIMITS.items():
        value = batch.get(name)
        if isinstance(value, int | float) and value > most:
            yield f"batch.{name}", f"OpenAI takes {most:,g} at most in one file: set it to that or less, or to null"


def _refused(given: Mapping[str, Any], known: Mapping[str, KnownModel]) -> Iterator[tuple[str, str]]:
    """What would be sent to a known model that refuses it: the key to change, and how."""
    model = given.get("model")
    if given.get("kind") not in OPENAI or not isinstance(model, str) or model not in known:
        return
    takes = known[model].takes
    yield from _bad_effort(model, takes, given)
    yield from _bad_sampling(model, takes, given)
    if takes.max_tokens is False and _value(given, "token_limit_key") == "max_tokens":
        yield "token_limit_key", f"{model} refuses max_tokens: set it to max_completion_tokens"
    if takes.structured_output is False and _value(given, "structured_output") is True:
        yield "structured_output", f"{model} takes no JSON schema: set it to false (answers are validated all the same)"


def _bad_effort(model: str, takes: Takes, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    effort = _value(given, "reasoning_effort")
    if not isinstance(effort, str) or takes.reasoning_effort is None or effort in takes.reasoning_effort:
        return
    if takes.reasoning_effort:
        yield (
            "reasoning_effort",
            f"{model} does not take {effort}: set it to one of {', '.join(takes.reasoning_effort)}",
        )
    else:
        yield "reasoning_effort", f"{model} does not reason and refuses the parameter: set it to null"


def _bad_sampling(model: str, takes: Takes, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if _value(given, "accepts_sampling") is not True:
        return
    effort = _value(given, "reasoning_effort") or takes.default_effort
    if takes.sampling == "never":
        yield "accepts_sampling", f"{model} refuses temperature and top_p: set it to false"
    elif takes.sampling == "without_reasoning" and effort != "none":
        yield (
            "accepts_sampling",
            f"{model} takes temperature and top_p only with reasoning_effort none, and it is {effort}: "
            "set this to false, or reasoning_effort to none",
        )


def _unheeded(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a recipe says to a provider of another kind. A rehearsal overlays real providers, so it may hold it all."""
    kind = given.get("kind")
    if kind not in (*OPENAI, "vllm"):
        return
    for key, (its_kind, default) in SECTIONS.items():
        part = given.get(key)
        written = isinstance(part, Mapping) and any(default.get(name) != value for name, value in part.items())
        if written and kind != its_kind:
            yield key, f"is heeded by kind {its_kind} only, and this is {kind}: set it to null, or change kind"


def _value(given: Mapping[str, Any], key: str) -> Any:
    """A provider's value, the default where none is given."""
    value = given.get(key)
    return Provider.model_fields[key].default if value is None else value
