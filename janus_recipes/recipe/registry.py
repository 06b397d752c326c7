"""The models that `recipes/known_models.yaml` knows: when they are shut down, and what they take.

    janus validate RECIPE...        # warns of retired models, and of those that retire soon
    janus plan RECIPE...
    snakemake -n --configfile RECIPE...

A retired one is never asked, so nothing is spent on it. What one takes is checked by `recipe/check_providers.py`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from janus_recipes.errors import RecipeError, SpendingRefused
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.section import Section

KNOWN_MODELS = Path("recipes/known_models.yaml")
SOON_DAYS = 90
"""A retirement this near is worth a warning: the paper's data take weeks to ask for."""


class Takes(Section):
    """What a model takes of that which a provider may send. Null: not known."""

    reasoning_effort: list[str] | None = Field(None, description="its values; empty: the parameter is refused")
    default_effort: str | None = Field(None, description="the model's own, where none is sent")
    sampling: Literal["always", "without_reasoning", "never"] | None = Field(
        None, description="temperature and top_p; without_reasoning: with the effort `none` only"
    )
    max_tokens: bool | None = Field(None, description="the old name of `max_completion_tokens`")
    structured_output: bool | None = Field(None, description="a JSON schema as `response_format`")


class KnownModel(Section):
    """A model as the registry knows it."""

    provider: str
    retired: date | None = Field(description="first day without the model; null: none announced in what we read")
    alternatives: list[str] = Field([], description="models to ask instead, the nearest first")
    takes: Takes = Takes()
    note: str = ""


def read_registry(path: Path = KNOWN_MODELS) -> dict[str, KnownModel]:
    """The known models by name. Raises RecipeError when the file is missing or not of this form."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, KnownModel]).validate_python(content)
    except (OSError, yaml.YAMLError) as error:
        raise RecipeError([f"{path}: cannot be read: {error}"]) from error
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise RecipeError(lines) from error


def refuse_retired(model: str, today: date, known_models: Path = KNOWN_MODELS) -> None:
    """Call before a step spends. Raises SpendingRefused, naming living alternatives, when the model is shut down.

    A model that the registry does not know is let pass: its provider will say.
    """
    registry = read_registry(known_models)
    known = registry.get(model)
    if known and _is_retired(known, today):
        raise SpendingRefused(
            f"{model} was shut down by {known.provider} on {known.retired}: nothing was asked."
            f"{_instead(known, registry, today)}"
        )


def retirement_warnings(recipe: Recipe, today: date) -> list[str]:
    """One line for each provider whose model is retired, or retires within `SOON_DAYS`. A rehearsal's are no such."""
    registry = read_registry(Path(recipe.known_models))
    warnings = []
    for name, provider in recipe.providers.items():
        known = registry.get(provider.model)
        if known is None or known.retired is None or provider.kind == "rehearsal":
            continue
        days = (known.retired - today).days
        if days <= SOON_DAYS:
            when = (
                f"was shut down on {known.retired}" if days <= 0 else f"is shut down on {known.retired}, in {days} days"
            )
            what = "; steps that ask it will refuse to start." if days <= 0 else "."
            instead = _instead(known, registry, today)
            warnings.append(f"providers.{name}.model: {provider.model} {when}{what}{instead}")
    return warnings


def _is_retired(known: KnownModel, today: date) -> bool:
    return known.retired is not None and known.retired <= today


def _instead(known: KnownModel, registry: dict[str, KnownModel], today: date) -> str:
    living = [name for name in known.alternatives if name in registry and not _is_retired(registry[name], today)]
    return f" Set the provider's model to one that lives: {', '.join(living)}." if living else ""
