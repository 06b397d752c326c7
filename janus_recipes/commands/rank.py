"""`janus rank`: pairs of reference answers, what models make of them, and the ranking (paper, appendix E)."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.answers import weights_manifest
from janus_recipes.commands.lookup import named
from janus_recipes.commands.models import Model, weights_of
from janus_recipes.commands.options import Bench, Env, Out, Recipes, work_folder
from janus_recipes.errors import UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.ranking.pairs import pair_rows
from janus_recipes.ranking.run import score_of, score_pairs
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import read_bench

app = typer.Typer(help="Let models rank the answer to a system message and the answer to another one.")

Pairs = Annotated[Path, typer.Option(help="The pairs, with their manifest beside them.")]


@app.command()
def pairs(recipe: Recipes, bench: Bench, out: Out) -> None:
    """Pair each instance's reference answer with that to another system message of its instruction."""
    spec = load_recipe(recipe)
    left_out: Counter[str] = Counter()
    with making(out, recipe=spec.name, section={"seed": spec.seed}, inputs={"bench": bench}) as made:
        written = write_jsonl(out, pair_rows(list(read_bench(bench)), spec.seed, left_out))
        made.counts = {"pairs": written, "left_out": dict(left_out)}


@app.command()
def score(model: Model, recipe: Recipes, pairs: Pairs, env: Env, out: Out) -> None:
    """Let a model score both answers of each pair: continue at the next pair where scores are there already."""
    spec = load_recipe(recipe)
    wanted = named(spec.models, model, "model")
    base = spec.base_models[spec.base_of(model)]
    template, weights, work = Path(base.chat_template), weights_of(spec, model), work_folder(out)
    inputs = {"pairs": pairs, "chat_template": template, **weights_manifest(weights)}
    with making(out, recipe=spec.name, section=spec.generation, inputs=inputs) as made:
        counts = score_pairs(
            pairs,
            base.fitted(spec.generation),
            score_of(wanted),
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
            "score": score_of(wanted),
            "from": spec.from_of(model),
        }
    shutil.rmtree(work)  # only now: a kill before the manifest is there must not cost the scores


@app.command()
def build(
    ranking: Annotated[str, typer.Argument(help="A ranking of the recipe.")],
    scores: Annotated[list[Path], typer.Argument(help="Scores: .../<model>.jsonl")],
    recipe: Recipes,
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help="The ranking's CSV; the other files are written beside it.")],
) -> None:
    """Average scores into a ranking."""
    # scipy takes seconds to import, and only this and tables need it.
    from janus_recipes.ranking.page import files_beside, write_ranking
    from janus_recipes.ranking.read import read_ranking

    spec = load_recipe(recipe)
    wanted = named(spec.rankings, ranking, "ranking")
    if out.name != f"{ranking}.csv":
        raise UsageError(f"--out {out}: the CSV of the ranking {ranking} is called {ranking}.csv")
    inputs = {"pairs": pairs, **{str(path): path for path in scores}}
    with making(out, recipe=spec.name, section=wanted, inputs=inputs, also=files_beside(out)) as made:
        made.notes = {"rehearsal": spec.rehearsal.notice} if spec.rehearsal else {}
        built = read_ranking(ranking, spec, pairs, scores)
        write_ranking(built, out.parent)
        made.counts = {"models": len(built.models), "pairs": built.n_pairs}
