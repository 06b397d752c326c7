"""`janus generate`: a model's answers to the bench (paper, appendix D.1), under a system message or not (Table 8)."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.best_of.samples import sample_requests
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.models import Model, weights_of
from janus_recipes.commands.options import Bench, Out, Recipes, work_folder
from janus_recipes.errors import UsageError
from janus_recipes.generation.run import generate as generate_with_vllm
from janus_recipes.generation.run import generation_requests
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.recipe.section import Condition
from janus_recipes.records import read_bench
from janus_recipes.seeding import derive_seed

app = typer.Typer()


@app.command()
def generate(
    model: Model,
    recipe: Recipes,
    condition: Annotated[Condition, typer.Option(help="The system message at test time.")],
    bench: Bench,
    out: Out,
    env: Annotated[
        Path | None, typer.Option(help="vLLM's environment: its .ready file. A provider's model needs none.")
    ] = None,
) -> None:
    """Let a model answer the bench: continue at the next row where answers are there already."""
    spec = load_recipe(recipe)
    if named(spec.models, model, "model").provider is not None:
        make_asked(out, spec, asking_steps.answers(spec, model, condition, bench))
    elif env is None:
        raise UsageError(f"--env: needed, as vLLM samples {model}: .envs/vllm-{spec.engines.build}/.ready")
    else:
        sample(spec, model, condition, bench, env, out)


def sample(
    spec: Recipe, model: str, condition: Condition, bench: Path, env: Path, out: Path, samples: int | None = None
) -> None:
    """Let vLLM sample a model's answers: the single one to each instance, or so many for best-of-n to select from."""
    base = spec.base_models[spec.base_of(model)]
    template, weights, work = Path(base.chat_template), weights_of(spec, model), work_folder(out)
    inputs = {"bench": bench, "chat_template": template, **weights_manifest(weights)}
    fitted = base.fitted(spec.generation)
    section = spec.generation.model_copy(update={"gpus": fitted.gpus})
    asked = (read_bench(bench), condition, spec.default_system_message, spec.seed)
    with making(out, recipe=spec.name, section=section, inputs=inputs) as made:
        counts = generate_with_vllm(
            generation_requests(*asked) if samples is None else sample_requests(*asked, samples),
            fitted,
            model=weights,
            revision=None if Path(weights).is_dir() else base.revision,
            chat_template=template.read_text(encoding="utf-8"),
            environment=env.parent,
            work=work,
            out=out,
            seed=derive_seed(spec.seed, "engine"),
        )
        made.counts = asdict(counts)
        made.notes = {
            "environment": json.loads(env.read_text(encoding="utf-8")),
            "model": model,
            "condition": condition,
            "system_message": spec.general_message(condition),  # None where each instance has its own, or none
            **({} if samples is None else {"samples": samples}),
            "from": spec.from_of(model),
        }
    shutil.rmtree(work)  # only now: a kill before the manifest is there must not cost the answers


def weights_manifest(weights: str) -> dict[str, Path]:
    """The manifest of weights that a rule made; hub weights are known by their revision."""
    manifest = Path(weights).with_name("manifest.json")
    return {"model": manifest} if Path(weights).is_dir() and manifest.exists() else {}
