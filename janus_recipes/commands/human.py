"""`janus human ...`: human evaluation through Label Studio (paper, appendix F.1).

No rule runs these: between an export and an import people work for days, and which tool they work in is theirs to say.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.commands.options import Recipes
from janus_recipes.errors import StepError, UsageError
from janus_recipes.human.answers import Annotations, answers_of, counted, read_exports
from janus_recipes.human.export import KEY, Export, build_export, files_beside, tasks_each, write_export
from janus_recipes.human.labels import Stage
from janus_recipes.human.stage1 import stage1_tasks
from janus_recipes.human.stage2 import stage2_tasks
from janus_recipes.human.tasks import Key, read_key
from janus_recipes.manifest import making, manifest_of
from janus_recipes.recipe.human import Human
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import read_asked, read_bench

app = typer.Typer(help="Human evaluation: tasks for Label Studio, and the annotations read back.")

StageName = Annotated[Stage, typer.Argument(help="stage1: the bench's quality; stage2: pairs of models.")]
Folder = Annotated[
    Path | None, typer.Option("--out", help="The folder to write; left out: results/<recipe>/human/<stage>.")
]


@app.command("export")
def export_tasks(stage: StageName, recipe: Recipes, out: Folder = None) -> None:
    """Write each annotator's tasks and the labelling configuration, and the key, which annotators do not get."""
    spec = load_recipe(recipe)
    human = _human(spec)
    folder = out or _folder(spec, stage)
    inputs = _inputs(spec, human, stage)
    key = folder / KEY
    exported = _export(spec, human, stage, inputs)
    with making(
        key, recipe=spec.name, section=_decides(spec, human, stage), inputs=inputs, also=files_beside(exported, key)
    ) as made:
        write_export(exported, key)
        made.counts = {"tasks": sum(tasks_each(exported)), "left_out": dict(exported.left_out)}
        made.notes = _notes(spec)
    typer.echo(_what_to_do(exported, folder, _import_command(stage, recipe, out)))


@app.command("import")
def import_annotations(
    stage: StageName,
    exports: Annotated[list[Path], typer.Argument(help="Label Studio's exports, as JSON: one of each project.")],
    recipe: Recipes,
    key: Annotated[
        Path | None,
        typer.Option(help="The export's key; left out: key.jsonl in --out, or else in results/<recipe>/human/<stage>."),
    ] = None,
    out: Folder = None,
) -> None:
    """Read annotations: the figures, every answer with its status, and in stage 1 which instances are bad."""
    # numpy, scipy and altair take a second to import, and an export needs none of them.
    from janus_recipes.human.importing import files_of, stage1_result, stage2_result, write_import
    from janus_recipes.human.published import read_published_human

    spec = load_recipe(recipe)
    human = _human(spec)
    folder = out or _folder(spec, stage)
    key = key or (beside if (beside := folder / KEY).exists() else _folder(spec, stage) / KEY)
    figures = Path(spec.published_figures)
    *also, last = files_of(stage, folder)
    inputs = {"key": key, "published": figures, **{str(path): path for path in exports}}
    with making(last, recipe=spec.name, section=_counting(spec, human, stage, key), inputs=inputs, also=also) as made:
        keys = _keys(key, stage)
        annotations = read_exports(exports, keys)
        answers = list(answers_of(keys, annotations.of_task))
        published, notice = read_published_human(figures), spec.rehearsal.notice if spec.rehearsal else None
        found = (
            stage1_result(answers, keys, human, published, spec.seed, notice)
            if stage == "stage1"
            else stage2_result(answers, human, published, spec.seed, notice)
        )
        write_import(found, stage, folder)
        left_out = dict(counted(answers))
        aside = {"superseded": annotations.superseded, "of_others": annotations.of_others}
        made.counts = {"questions": len(answers), "left_out": left_out, **aside}
        made.notes = _notes(spec)
    typer.echo(
        f"{len(answers) - sum(left_out.values())} of {len(answers)} questions answered; written to {folder}"
        + _told_aside(annotations)
    )


def _human(recipe: Recipe) -> Human:
    if recipe.human is None:
        raise UsageError("the recipe has no section `human`: see docs/recipe.schema.json and recipes/janus.yaml")
    return recipe.human


def _folder(recipe: Recipe, stage: Stage) -> Path:
    return Path("results", recipe.name, "human", stage)


def _inputs(recipe: Recipe, human: Human, stage: Stage) -> dict[str, Path]:
    """The files that tasks are made of, where the recipe's rules put them. Raises StepError with all that lack."""
    results, bench, condition = Path("results", recipe.name), human.benchmark, human.stage2.condition
    inputs = {"bench": results / "bench" / bench / "bench.jsonl"}
    if stage == "stage2":
        models = {model for pair in human.stage2.pairs for model in pair}
        answers = results / "answers" / bench
        inputs |= {f"answers/{model}": answers / model / f"{condition}.jsonl" for model in sorted(models)}
    if lacking := [str(path) for path in inputs.values() if not path.exists()]:
        raise StepError(f"not made yet: {', '.join(lacking)}; `snakemake --profile ...` with these names makes them")
    return inputs


def _export(recipe: Recipe, human: Human, stage: Stage, inputs: dict[str, Path]) -> Export:
    bench = list(read_bench(inputs["bench"]))
    notice = recipe.rehearsal.notice if recipe.rehearsal else None
    if stage == "stage1":
        return build_export(stage, stage1_tasks(bench, human.stage1, recipe.seed), notice)
    answers = {
        model: {row.id: row for row in read_asked(inputs[f"answers/{model}"], str)}
        for model in {model for pair in human.stage2.pairs for model in pair}
    }
    return build_export(stage, stage2_tasks(bench, answers, human.stage2, recipe.seed), notice)


def _keys(path: Path, stage: Stage) -> list[Key]:
    if not path.exists():
        raise StepError(f"{path}: there is no key: name the one that `janus human export {stage}` wrote, with --key")
    keys = list(read_key(path))
    if any(one.stage != stage for one in keys):
        raise UsageError(f"{path}: the key of another stage than {stage}")
    return keys


def _decides(recipe: Recipe, human: Human, stage: Stage) -> dict[str, object]:
    section = human.stage1 if stage == "stage1" else human.stage2
    return {"seed": recipe.seed, "benchmark": human.benchmark, stage: section.model_dump(mode="json")}


def _counting(recipe: Recipe, human: Human, stage: Stage, key: Path) -> dict[str, object]:
    """What in the recipe decides an import's files; `export`: what decided its tasks, None where that is not known."""
    rule = {"bad_when": human.stage1.bad_when} if stage == "stage1" else {"pairs": human.stage2.pairs}
    noted = manifest_of(key)
    export = json.loads(noted.read_text(encoding="utf-8")).get("section") if noted.exists() else None
    return {"seed": recipe.seed, "benchmark": human.benchmark, **rule, "export": export}


def _notes(recipe: Recipe) -> dict[str, str]:
    return {"rehearsal": recipe.rehearsal.notice} if recipe.rehearsal else {}


def _told_aside(annotations: Annotations) -> str:
    """Which annotations of the exports do not count; empty where all do."""
    aside = {
        "of the same person": annotations.superseded,
        "of another person": annotations.of_others,
    }
    told = ", ".join(f"{number} {what}" for what, number in aside.items() if number)
    return f"\nAnnotations that do not count, beside the last submitted one of their task: {told}" if told else ""


def _import_command(stage: Stage, recipe: list[Path], out: Path | None) -> str:
    """The command that reads an export's annotations back, as a shell takes it."""
    options = [part for path in recipe for part in ("--recipe", str(path))] + (["--out", str(out)] if out else [])
    return f"janus human import {stage} EXPORTS... {shlex.join(options)}"


def _what_to_do(export: Export, folder: Path, command: str) -> str:
    each = tasks_each(export)
    lost = f"; {sum(export.left_out.values())} more lack a model's answer (see the manifest)" if export.left_out else ""
    return (
        f"{len(each)} projects, {sum(each)} tasks{lost}\n"
        f"In Label Studio make a project for each {folder}/annotator-*.json: its tasks to import, and the text of "
        "labelling*.xml of the same kind under Settings, Labeling Interface, Code. Keep key.jsonl to yourself.\n"
        f"Then export each project as JSON and run: {command}"
    )
