"""`janus reward`: a reward model's stages, with OpenRLHF (paper, appendix E.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.models import Model, Trained, make_model, start_weights
from janus_recipes.commands.options import Env, Out, Recipes, work_folder
from janus_recipes.errors import StepError
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.seeding import derive_seed
from janus_recipes.training.openrlhf import about, openrlhf_flags, write_args
from janus_recipes.training.reward import RewardJob, train_reward
from janus_recipes.training.tracking import tracked
from janus_recipes.workflow.entries import base_spec, training_of

app = typer.Typer(help="Train a reward model with OpenRLHF, one stage at a time.", no_args_is_help=True)


@app.command()
def config(model: Model, recipe: Recipes, out: Out) -> None:
    """Write a reward model's training as OpenRLHF's own flags."""
    spec = load_recipe(recipe)
    training, base, start = reward_training(spec, model), base_spec(spec, model), start_weights(spec, model)
    template = Path(base.chat_template)
    with making(out, recipe=spec.name, section=training, inputs={"template": template}):
        seed = derive_seed(spec.seed, "train", model)
        flags = openrlhf_flags(training, start=start, work=work_folder(out.parent), seed=seed)
        write_args(out, flags, about=about(training))


@app.command()
def run(
    model: Model,
    recipe: Recipes,
    config: Annotated[Path, typer.Option(help="OpenRLHF's flags.")],
    data: Annotated[Path, typer.Option(help="The pairs.")],
    env: Env,
    out: Annotated[Path, typer.Option(help="The model's manifest, written last; its weights lie beside it.")],
) -> None:
    """Train a stage: continue from the last checkpoint where there is one."""
    spec = load_recipe(recipe)
    training, template = reward_training(spec, model), Path(base_spec(spec, model).chat_template)
    job = RewardJob(config, data, template, start_weights(spec, model), training)

    def run_openrlhf(work: Path, weights: Path) -> Trained:
        reports = tracked(spec.tracking, spec.name, model)
        return train_reward(job, work, weights, environment=env.parent, tracked=reports)

    make_model(model, spec, {"config": config, "data": data, "template": template}, env, out, run_openrlhf)


def reward_training(recipe: Recipe, model: str) -> RewardTraining:
    """A reward model's training. Raises StepError for any other model."""
    named(recipe.models, model, "model")
    training = training_of(recipe, model)
    if not isinstance(training, RewardTraining):
        raise StepError(f"models.{model} is trained by axolotl: janus train config {model}")
    return training
