"""What a recipe may say about judges beside its own, and about comparing judges."""

from __future__ import annotations

from pydantic import Field

from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.section import Condition, Name, Section


class Judge(Asking):
    """A judge of the registry, beside the recipe's own (`judging`): another model, asked about the same answers."""

    runs: int = Field(3, ge=1, description="from 2 on it is seen how far it agrees with itself")
    prompt: str | None = Field(
        None, description="a template of its own, for a model that was trained on one; null: `prompts.judge`"
    )


class Calibration(Section):
    """How far judges agree on the same answers, each with itself too, and what each of them prefers beside."""

    title: str
    judges: list[Name] = Field(
        min_length=1, description="names under `judges`; `judging` is the recipe's own judge, under that name"
    )
    benchmark: Name
    models: list[Name] = Field(min_length=1)
    conditions: list[Condition] = Field(["multifaceted"], min_length=1)
    family: dict[Name, list[Name]] = Field(
        {}, description="of a judge, those of the models that are its own or of its family: does it prefer them?"
    )
