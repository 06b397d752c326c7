"""`janus best-of`: several answers to the bench, their rewards, the best of them, and the curve over n (Table 11)."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes import asking_steps
from janus_recipes.best_of.choose import choose as choose_best
from janus_recipes.best_of.rewards import prompts_under, reward_samples
from janus_recipes.commands.answers import sample as sample_answers
from janus_recipes.commands.answers import weights_manifest
from janus_recipes.commands.asking import make_asked
from janus_recipes.commands.lookup import named
from janus_recipes.commands.models import Model, weights_of
from janus_recipes.commands.options import Bench, Env, Out, Recipes, work_folder
from janus_recipes.errors import UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.section import Condition
from janus_recipes.records import Status, read_asked, read_bench, row_of

app = typer.Typer(help="Sample several answers to each instance and keep the one that a reward model puts highest.")

Selection = Annotated[str, typer.Argument(help="A name under `best_of` in the recipe.")]
Samples = Annotated[Path, typer.Option(help="The sampled answers.")]
Rewards = Annotated[Path, typer.Option(help="The rewards of the samples.")]
UnderCondition = Annotated[Condition, typer.Option(help="The system message that the answers were sampled under.")]


@app.command()
def sample(
    model: Model,
    recipe: Recipes,
    samples: Annotated[int, typer.Option(help="Answers to each instance.")],
    condition: UnderCondition,
    bench: Bench,
    env: Env,
    out: Out,
) -> None:
    """Let a model answer the bench several times: continue at the next sample where some are there already."""
    spec = load_recipe(recipe)
    named(spec.models, model, "model")
    sample_answers(spec, model, condition, bench, env, out, samples)


@app.command()
def reward(
    selection: Selection,
    recipe: Recipes,
    condition: UnderCondition,
    bench: Bench,
    samples: Samples,
    env: Env,
    out: Out,
) -> None:
    """Let the selection's reward model score every sample: continue at the next one where some are scored already."""
    spec = load_recipe(recipe)
    model = named(spec.best_of, selection, "way of best-of-n").reward_model
    base = spec.base_models[spec.base_of(model)]
    template, weights, work = Path(base.chat_template), weights_of(spec, model), work_folder(out)
    inputs = {"bench": bench, "samples": samples, "chat_template": template, **weights_manifest(weights)}
    with making(out, recipe=spec.name, section=spec.generation, inputs=inputs) as made:
        counts = reward_samples(
            samples,
            prompts_under(condition, read_bench(bench), spec.default_system_message),
            base.fitted(spec.generation),
            model=weights,
            revision=None if Path(weights).is_dir() else base.revision,
            chat_template=template.read_text(encoding="utf-8"),
            environment=env.parent,
            work=work,
            out=out,
        )
        made.counts = asdict(counts)
        made.notes = {
            "environment": json.loads(env.read_text(encoding="utf-8")),
            "model": model,
            "condition": condition,
            "system_message": spec.general_message(condition),
            "from": spec.from_of(model),
        }
    shutil.rmtree(work)  # only now: a kill before the manifest is there must not cost the rewards


@app.command()
def choose(selection: Selection, recipe: Recipes, samples: Samples, rewards: Rewards, out: Out) -> None:
    """Keep of each instance's samples the one with the highest reward: answers, as a model's own."""
    spec = load_recipe(recipe)
    wanted = named(spec.best_of, selection, "way of best-of-n")
    counted: Counter[str] = Counter()
    with making(out, recipe=spec.name, section=wanted, inputs={"samples": samples, "rewards": rewards}) as made:
        rows = choose_best(read_asked(samples, str), read_asked(rewards, float), wanted.samples, counted)
        write_jsonl(out, map(row_of, rows))
        made.counts = {
            "by_status": {status.value: counted[status] for status in Status if counted[status]},
            "from_fewer_samples": counted["fewer"],
            "tied": counted["tied"],
        }


@app.command()
def judge(selection: Selection, recipe: Recipes, bench: Bench, samples: Samples, out: Out) -> None:
    """Ask the judge for verdicts on every sample: by every rubric, in every run."""
    spec = load_recipe(recipe)
    wanted = named(spec.best_of, selection, "way of best-of-n")
    make_asked(out, spec, asking_steps.verdicts(spec, bench, samples, by_swapped=False, samples=wanted.samples))


@app.command()
def curve(
    selection: Selection,
    rewards: Annotated[list[Path], typer.Argument(help="Rewards: .../<model>/<condition>.<selection>.jsonl")],
    recipe: Recipes,
    bench: Bench,
    bench_name: Annotated[str, typer.Option("--of", help="The benchmark's name in the recipe.")],
    out: Annotated[Path, typer.Option(help="The curve's CSV; the other files are written beside it.")],
    verdicts: Annotated[
        list[Path] | None, typer.Option(help="Verdicts on the samples: .../<condition>.<selection>.samples.jsonl")
    ] = None,
) -> None:
    """Tell what the best of k samples comes to, for every k."""
    # scipy and altair take seconds to import, and only this needs them.
    from janus_recipes.best_of.page import files_beside, write_curve
    from janus_recipes.best_of.read import read_curve

    spec = load_recipe(recipe)
    wanted = named(spec.best_of, selection, "way of best-of-n")
    if out.name != f"{selection}.csv":
        raise UsageError(f"--out {out}: the CSV of the curve of {selection} is called {selection}.csv")
    inputs = {"bench": bench, **{str(path): path for path in (*rewards, *(verdicts or ()))}}
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        built = read_curve(selection, bench_name, spec, bench, rewards, verdicts or ())
        write_curve(built, out.parent)
        made.counts = {"curves": len(built.curves), "samples": built.samples}
