"""A training's settings beside the paper's (appendices D and E), from `hyperparameters` in `recipes/published.yaml`.

published = read_published_trainings(Path("recipes/published.yaml"))
differences("janus-7b", recipe, published)      # one sentence for each setting that is not the paper's
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import AxolotlTraining

NOT_STATED = "not stated"

ABOUT_THE_RUN = {"method", "hours", "saves_per_epoch", "adapter"}
"""Keys of `train` that are no settings of the paper's: an adapter is told in words, the others decide no model."""


OF_A_KIND = {("precision", "mixed"): {"bf16"}}
"""What the paper states without its kind, by setting and words, and the values that are of it."""


class PublishedTrainings(BaseModel):
    """The paper's settings, by the keys of `train`: of each method, and of the models that it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    base: str
    methods: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]

    def of(self, model: str, method: str) -> dict[str, Any]:
        """What the paper states of a model, or of the method where it has no such model."""
        return {**self.methods.get(method, {}), **self.models.get(model, {})}


class Setting(NamedTuple):
    """One setting here and in the paper, as text."""

    name: str
    here: str
    paper: str

    @property
    def differs(self) -> bool:
        """Whether the paper states another value."""
        meets = OF_A_KIND.get((self.name, self.paper), {self.paper})
        return self.paper != NOT_STATED and self.here not in meets


def read_published_trainings(path: Path) -> PublishedTrainings:
    """The paper's settings. Raises RecipeError with each wrong key."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    try:
        return PublishedTrainings.model_validate(content["hyperparameters"])
    except (KeyError, TypeError):
        raise RecipeError([f"{path}: has no `hyperparameters`"]) from None
    except ValidationError as error:
        found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_url=False)]
        raise RecipeError([f"{path}: hyperparameters.{where}: {what}" for where, what in found]) from None


def settings(model: str, recipe: Recipe, published: PublishedTrainings) -> list[Setting]:
    """Each setting of a model's training, its base first. Engine's own keys stand with the others."""
    spec = recipe.models[model]
    train = spec.train.model_dump(mode="json") if spec.train else {}
    stated = published.of(model, train.get("method", ""))
    own = {**train.pop("axolotl", {}), **train.pop("openrlhf", {})}
    here = {name: value for name, value in {**train, **own}.items() if name not in ABOUT_THE_RUN}
    found = [Setting("base", recipe.base_of(model), published.base)]
    return found + [Setting(name, text_of(value), text_of(stated, name)) for name, value in here.items()]


def text_of(value: Any, name: str | None = None) -> str:
    """A setting's value as text, or that of a key in a mapping; numbers are written alike wherever they come from."""
    if name is not None:
        return text_of(value[name]) if name in value else NOT_STATED
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, (int, float)):
        return f"{value:g}" if abs(value) < 1e6 else str(value)
    return ", ".join(map(text_of, value)) if isinstance(value, list) else str(value)


def differences(model: str, recipe: Recipe, published: PublishedTrainings) -> Iterator[str]:
    """What is not as in the paper, one sentence each."""
    train = recipe.models[model].train
    if recipe.rehearsal:
        yield "It is a rehearsal's: its base is a tiny random model that was made on the spot, not the one named below."
    if model not in published.models:
        yield "The paper names no such model; its settings stand beside those of the paper's models of this method."
    if isinstance(train, AxolotlTraining) and train.adapter is not None:
        kind = {"lora": "LoRA", "qlora": "QLoRA"}[train.adapter.kind]
        yield (
            f"Of its weights only those of a {kind} adapter of rank {train.adapter.rank} learned, which is merged into "
            "them; in the paper all weights learn."
        )
    if isinstance(train, AxolotlTraining) and train.sharding in ("zero2", "zero3") and train.gpus > 1:
        yield (
            "DeepSpeed updated the weights in 32 bits; under plain data parallelism, as in the paper's authors' "
            "configuration, they are updated in 16 bits."
        )
    for name, here, paper in filter(lambda one: one.differs, settings(model, recipe, published)):
        yield f"`{name}` is {here}; the paper has {paper}."
