"""A finished model as its manifest tells of it, with what it started from and the data behind it.

model = read_model("janus-dpo-7b", recipe, Path("results/janus/models/janus-dpo-7b"))
model.starts, model.data
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.datasets.lineage import Made, lineage, read_manifest
from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of
from janus_recipes.manifest import manifest_of, redacted
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import Training
from janus_recipes.training.starts import Start, starts_of

CURVE = "training.svg"

MANIFEST = "manifest.json"
"""In a model's folder, beside its weights."""


@dataclass(frozen=True)
class TrainedModel:
    """A finished model.

    `starts` are the models that it started from, the nearest first. `data` are all training sets with what they were
    made from, inputs first, its own at the end.
    """

    name: str
    folder: Path
    train: Training
    manifest: Json
    starts: list[Start]
    data: list[Made]

    @property
    def steps(self) -> list[Made]:
        """The data, then the model itself."""
        return [*self.data, Made(self.folder, self.manifest)]

    @property
    def datasets(self) -> list[str]:
        """Its training set and those of the models that it started from."""
        return [self.train.dataset, *(start.train.dataset for start in self.starts)]

    @property
    def has_curve(self) -> bool:
        """Whether the training left its curve."""
        return str(self.folder / CURVE) in self.manifest.get("files", {})


def read_model(name: str, recipe: Recipe, folder: Path) -> TrainedModel:
    """The model in `folder`, by its manifest. Raises StepError where it is not finished, or is not the recipe's."""
    train, file = recipe.models[name].train, folder / MANIFEST
    if train is None:
        raise StepError(f"models.{name} is a base model as it is: it has no card, and nothing of it is uploaded")
    if not file.exists():
        raise StepError(f"{file} is not there: train it with `snakemake {file}` and your profile")
    manifest = read_manifest(file)
    refuse_other_training(file, manifest, name, train, recipe)
    starts = list(starts_of(recipe, name))
    own = lineage(Path(manifest["inputs"]["data"]["path"]))
    return TrainedModel(name, folder, train, manifest, starts, together([*earlier_data(recipe, starts), *own]))


def earlier_data(recipe: Recipe, starts: Sequence[Start]) -> Iterator[Made]:
    """The training sets behind the starts, the first trained on first, as far as they are still there."""
    for start in reversed(starts):
        rows = Path("results", recipe.name, "datasets", f"{start.train.dataset}.jsonl")
        if manifest_of(rows).exists():
            yield from lineage(rows)


def together(steps: Iterable[Made]) -> list[Made]:
    """Each artefact once, where it comes last."""
    return list(reversed({made.path: made for made in reversed(list(steps))}.values()))


def refuse_other_training(file: Path, manifest: Json, name: str, train: Training, recipe: Recipe) -> None:
    """Raise StepError where a model was not trained as the recipe says now."""
    if manifest.get("recipe") != recipe.name:
        raise StepError(f"{file}: of the recipe {manifest.get('recipe')}, and this one is {recipe.name}")
    wanted, found = redacted(train.decides()), manifest.get("section", {})
    differing = sorted(key for key, value in wanted.items() if found.get(key) != value)
    if differing:
        raise StepError(
            f"{file}: trained with another {', '.join(differing)} than models.{name} has in this recipe: train it "
            f"again with `snakemake {file}`"
        )


def other_start(model: TrainedModel) -> Iterator[str]:
    """Whether the model that it started from was trained anew since."""
    start = model.manifest["inputs"].get("start")
    if start and Path(start["path"]).exists() and digest_of(Path(start["path"])) != start["sha256"]:
        yield f"`{Path(start['path']).parent.name}`, which it started from, was made anew after it was trained."
