"""`janus tiny-base` and `train`: from training sets to models (paper, section 3.2 and appendix D.1)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Env, Out, Recipes, work_folder
from janus_recipes.errors import StepError
from janus_recipes.manifest import making
from janus_recipes.processes import last_lines, run_child
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import BaseModelSpec, Recipe
from janus_recipes.recipe.training import AxolotlTraining
from janus_recipes.seeding import derive_seed
from janus_recipes.training.axolotl import axolotl_config, write_config
from janus_recipes.training.curves import CurvePoint, draw_curve, write_curve
from janus_recipes.training.reward import RewardResult
from janus_recipes.training.run import TrainingResult, train
from janus_recipes.training.tracking import tracked
from janus_recipes.workflow.entries import training_of

app = typer.Typer()
train_app = typer.Typer(help="Train a model with axolotl.")

Model = Annotated[str, typer.Argument(help="A model of the recipe.")]

WEIGHTS = "weights"
"""A model's files, beside its manifest."""

CURVE = ("training.csv", "training.svg")
"""A training's curve, beside its manifest."""

TEXT_FIELDS = {"instructions": "text"}
"""Where the tokenizer finds a row's text; asked rows have it under `value`."""


@app.command()
def tiny_base(
    base: Annotated[str, typer.Argument(help="A base model of the recipe.")],
    texts: Annotated[list[Path], typer.Argument(help="JSON lines files whose texts the tokenizer learns.")],
    recipe: Recipes,
    env: Env,
    out: Annotated[Path, typer.Option(help="The manifest; the model lies beside it.")],
) -> None:
    """Rehearsal: make the tiny random model that stands for a base model."""
    spec = load_recipe(recipe)
    if spec.rehearsal is None:
        raise StepError(f"{spec.name} is no rehearsal: its base models are not made here")
    template, weights = Path(named(spec.base_models, base, "base model").chat_template), out.parent / WEIGHTS
    fields = [TEXT_FIELDS.get(path.stem, "value") for path in texts]
    command = [
        *(str(env.parent / "bin" / "python"), "-m", "janus_recipes.rehearsal.tiny_model"),
        *("--texts", *map(str, texts), "--field", *fields, "--chat-template", str(template)),
        *("--spec", spec.rehearsal.tiny_model.model_dump_json(), "--out", str(weights)),
        *("--seed", str(derive_seed(spec.seed, "tiny base", base))),
    ]
    inputs = {"template": template, **{path.stem: path for path in texts}}
    with making(weights, recipe=spec.name, section=spec.rehearsal.tiny_model, inputs=inputs, manifest=out):
        log = work_folder(out.parent) / "tiny_model.log"
        root = str(Path(__file__).parents[2])
        if run_child(command, env={**os.environ, "PYTHONPATH": root, "HF_HUB_OFFLINE": "1"}, log=log):
            raise StepError(f"the tiny model could not be made:\n{last_lines(log)}")


@train_app.command()
def config(model: Model, recipe: Recipes, out: Out) -> None:
    """Write a model's training as axolotl's own YAML."""
    spec = load_recipe(recipe)
    named(spec.models, model, "model")
    base, training = spec.base_models[spec.base_of(model)], axolotl_training(spec, model)
    template = Path(base.chat_template)
    with making(out, recipe=spec.name, section=training, inputs={"template": template}):
        keys = axolotl_config(
            training,
            base=start_weights(spec, model),
            revision=None if spec.rehearsal or training.start else base.revision,
            chat_template=template.read_text(encoding="utf-8"),
            dataset=Path("results", spec.name, "datasets", f"{training.dataset}.jsonl"),
            work=work_folder(out.parent),
            seed=derive_seed(spec.seed, "train", model),
        )
        write_config(out, keys)


@train_app.command()
def run(
    model: Model,
    recipe: Recipes,
    config: Annotated[Path, typer.Option(help="axolotl's YAML.")],
    data: Annotated[Path, typer.Option(help="The training set, which the YAML names.")],
    env: Env,
    out: Annotated[Path, typer.Option(help="The model's manifest, written last; its weights lie beside it.")],
) -> None:
    """Train: continue from the last checkpoint where there is one."""
    spec = load_recipe(recipe)
    named(spec.models, model, "model")
    training = axolotl_training(spec, model)

    def run_axolotl(work: Path, weights: Path) -> Trained:
        reports = tracked(spec.tracking, spec.name, model)
        return train(config, work, weights, environment=env.parent, spec=training, tracked=reports)

    make_model(model, spec, {"config": config, "data": data}, env, out, run_axolotl)


Trained = tuple[TrainingResult | RewardResult, list[CurvePoint]]
"""What a training came to, and every step of its curve."""


def make_model(
    model: str, spec: Recipe, inputs: Mapping[str, Path], env: Path, out: Path, train: Callable[[Path, Path], Trained]
) -> None:
    """Train and write what lies beside the weights: the curve, and `out`, the manifest.

    `train` is given the work folder, which goes once the manifest is there, and where the model's files go.
    """
    training, weights = training_of(spec, model), out.parent / WEIGHTS
    if spec.rehearsal or training.start:
        inputs = {**inputs, "start": Path(start_weights(spec, model)).with_name("manifest.json")}
    work, drawn = work_folder(out.parent), [out.parent / name for name in CURVE]
    with making(weights, recipe=spec.name, section=training, inputs=inputs, manifest=out, also=drawn) as made:
        result, points = train(work, weights)
        write_curve(drawn[0], points)
        draw_curve(drawn[1], points, title=model, notice=spec.rehearsal.notice if spec.rehearsal else None)
        made.counts = asdict(result)
        environment = json.loads(env.read_text(encoding="utf-8"))
        made.notes = {"environment": environment, "model": model, "from": spec.from_of(model)}
    shutil.rmtree(work)  # only now: a kill before the manifest is there must not cost the checkpoints


def axolotl_training(recipe: Recipe, model: str) -> AxolotlTraining:
    """A model's training by axolotl. Raises StepError where OpenRLHF trains it."""
    training = training_of(recipe, model)
    if not isinstance(training, AxolotlTraining):
        raise StepError(f"models.{model} is trained by OpenRLHF: `janus reward` is for it")
    return training


def base_path(recipe: Recipe, base: str) -> str:
    """Where a base model's weights are: in a rehearsal the tiny ones made here, else as the recipe says."""
    spec: BaseModelSpec = recipe.base_models[base]
    return str(Path("results", recipe.name, "base_models", base, WEIGHTS)) if recipe.rehearsal else spec.path


def start_weights(recipe: Recipe, model: str) -> str:
    """Where the weights are that a model's training starts from: another model's, or its base's."""
    start = training_of(recipe, model).start
    return weights_of(recipe, start) if start else base_path(recipe, recipe.base_of(model))


def weights_of(recipe: Recipe, model: str) -> str:
    """Where a model's weights are: the trained ones, or its base's."""
    spec = recipe.models[model]
    trained = Path("results", recipe.name, "models", model, WEIGHTS)
    return str(trained) if spec.train else base_path(recipe, recipe.base_of(model))
