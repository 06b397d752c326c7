"""Write a model's card: what it was trained on and how, what differs from the paper, its figures and its faults.

    janus model-card janus-7b results/janus/tables/table2.csv --recipe recipes/janus.yaml \
        --out results/janus/models/janus-7b/card.md

Every fact comes from the manifests of the model and of what it was made from, from the recipe, or from the tables that
are named; `model_card.md.j2` has the words. The card opens with the front matter that the Hugging Face hub reads.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from janus_recipes.datasets.cards import asking_row, licences_of, size_and_digest, source_rows, sources_of
from janus_recipes.datasets.described import set_apart
from janus_recipes.datasets.faults import other_teachers, uncompared, unknown_licences
from janus_recipes.datasets.lineage import outdated
from janus_recipes.errors import StepError
from janus_recipes.hub.cards import hub_licences, rendered, shown, table
from janus_recipes.recipe.check_templates import written
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.schema import BaseModelSpec, Recipe
from janus_recipes.redact import redact
from janus_recipes.training.beside_paper import PublishedTrainings, differences, settings
from janus_recipes.training.trained import TrainedModel, other_start

FIGURES = {
    "steps": "optimizer steps",
    "first_loss": "mean loss of the first tenth of the steps",
    "last_loss": "mean loss of the last tenth",
    "reward_accuracy": "pairs whose chosen answer was scored higher, last tenth",
    "seconds": "seconds, of all starts where it was continued",
    "rows": "rows of the training set",
    "rows_cut": "rows whose prompt lost its beginning to `sequence_len`",
    "rows_dropped": "rows left out: longer than `sequence_len`, or without an answer",
    "rows_left_over": "rows left out: they would not have filled a batch",
    "tokens": "tokens read",
    "tokens_learned": "tokens learned from",
}
"""What the counts of a training's manifest are; others are named by their keys."""

SHOWN = frozenset(
    [
        "model",
        "condition",
        "benchmark",
        "metric",
        "value",
        "ci_low",
        "ci_high",
        "n_used",
        "n_expected",
        "judge",
        "published",
    ]
)
"""The columns that are read of a table's or a ranking's CSV."""


def model_card(model: TrainedModel, recipe: Recipe, published: PublishedTrainings, tables: Sequence[Path]) -> str:
    """The card, front matter and Markdown. `tables` are CSVs of tables and rankings that may show the model."""
    return redact(f"---\n{front_matter(model, recipe).to_yaml()}\n---\n\n{body(model, recipe, published, tables)}")


def front_matter(model: TrainedModel, recipe: Recipe) -> ModelCardData:
    """What the hub reads. It takes one licence of a model: several ones stand in the card alone."""
    base = recipe.base_models[recipe.base_of(model.name)]
    licence = hub_licences([base.licence, *licences(model, recipe)])
    is_reward = model.train.method == "reward"
    return ModelCardData(
        base_model=None if recipe.rehearsal or not is_on_hub(base.path) else base.path,
        base_model_relation=None if recipe.rehearsal or not is_on_hub(base.path) else "finetune",
        datasets=sorted({one.dataset for one in all_sources(model, recipe).values() if one.dataset}) or None,
        library_name="transformers",
        license=licence if isinstance(licence, str) else "other",
        license_name=None if isinstance(licence, str) else "of-base-and-data-see-below",
        pipeline_tag="text-classification" if is_reward else "text-generation",
        tags=[
            "janus",
            "reward-model" if is_reward else model.train.method,
            *(["rehearsal"] if recipe.rehearsal else []),
        ],
    )


def is_on_hub(path: str) -> bool:
    """Whether a base model's path is a name on the hub, not a folder."""
    return path.count("/") == 1 and not path.startswith((".", "/", "~")) and not Path(path).is_dir()


def body(model: TrainedModel, recipe: Recipe, published: PublishedTrainings, tables: Sequence[Path]) -> str:
    """The card's Markdown."""
    base, data = recipe.base_models[recipe.base_of(model.name)], model.data[-1]
    dataset, template = recipe.datasets[model.train.dataset], Path(base.chat_template)
    facts = dict(
        name=f"{model.name} ({recipe.name})",
        notice=recipe.rehearsal.notice if recipe.rehearsal else "",
        recipe=recipe.name,
        method=model.train.method,
        template_file=template,
        prompt=prompt_of(template.read_text(encoding="utf-8")),
        sampling=recipe.generation.sampling,
        dataset=model.train.dataset,
        rows=data.rows,
        set_apart=" ".join(set_apart(dataset, data.manifest)),
        data=table(("file", "rows", "SHA-256"), ((shown(one.path), *size_and_digest(one)) for one in model.data)),
        starts=model.starts,
        base=base_in_words(base, recipe),
        sources=table(
            ("source", "where", "licence", "records", "unreadable"), source_rows(all_sources(model, recipe), model.data)
        ),
        asked=table(("file", "model", "how", "sampling", "answers"), filter(None, map(asking_row, model.data))),
        base_licence=base.licence,
        settings=table(("setting", "here", "in the paper"), settings(model.name, recipe, published)),
        published_source=published.source,
        differences=list(differences(model.name, recipe, published)),
        figures=table(("what", "figure"), figures(model)),
        has_curve=model.has_curve,
        environment=environment(model.manifest),
        evaluation=table(("where", "benchmark", "metric", "value", "95%", "n", "judge", "paper"), shows(model, tables)),
        faults=list(faults(model, recipe)),
    )
    return rendered(Path(__file__).with_name("model_card.md.j2"), facts)


def base_in_words(base: BaseModelSpec, recipe: Recipe) -> str:
    """Which weights the first of its trainings started from."""
    if recipe.rehearsal:
        return "a tiny random model that was made on the spot"
    if not is_on_hub(base.path):
        return shown(Path(base.path))
    revision = f" at {base.revision}" if base.revision else ", of a revision that the recipe leaves open"
    return f"`{base.path}`{revision}"


def all_sources(model: TrainedModel, recipe: Recipe) -> dict[str, Located]:
    """The pools that its training sets go back to, by name."""
    return {name: source for dataset in model.datasets for name, source in sources_of(recipe, dataset).items()}


def licences(model: TrainedModel, recipe: Recipe) -> Iterator[str | None]:
    """The licences of all that went into its training sets; None: not known."""
    rows = {made.name: made for made in model.data}
    for dataset in model.datasets:
        yield from licences_of(recipe, dataset, [rows[dataset]] if dataset in rows else [])


def prompt_of(chat_template: str) -> str:
    """A prompt with a system message as the template writes it, without the token that begins a text."""
    return written(chat_template, {"system": "SYSTEM MESSAGE", "user": "INSTRUCTION"}, begin="", end="", ask=True)


def figures(model: TrainedModel) -> Iterator[tuple[str, str]]:
    """What the training came to, by the counts of its manifest."""
    counts = model.manifest.get("counts", {})
    for name in sorted(counts, key=lambda one: list(FIGURES).index(one) if one in FIGURES else len(FIGURES)):
        value = counts[name]
        if isinstance(value, (int, float)):
            number = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if value >= 100 else f"{value:.4g}"
            yield FIGURES.get(name, name.replace("_", " ")), number


def environment(manifest: Mapping[str, Any]) -> str:
    """Which engine trained, and when."""
    used = manifest.get("notes", {}).get("environment", {})
    engine = f"`{used['environment']}` (lock {used['lock'][:12]}, Python {used['python']})" if used else "not recorded"
    version = manifest["versions"]["janus-recipes"]
    return f"Environment: {engine}, Janus Recipes {version}. Started {manifest['started']}."


def shows(model: TrainedModel, tables: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """The model's rows in the CSVs of tables and rankings."""
    for path in tables:
        for row in rows_shown(path):
            if row["model"] == model.name:
                interval = f"{row['ci_low']} to {row['ci_high']}" if row["ci_low"] else ""
                used = f"{row['n_used']} of {row['n_expected']}"
                where = f"{path.stem} ({row['condition']})"
                judged = (row["judge"], row["published"])
                yield (where, row["benchmark"], row["metric"], row["value"], interval, used, *judged)


def rows_shown(path: Path) -> list[dict[str, str]]:
    """The rows of a table's or a ranking's CSV. Raises StepError for any other file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            read = csv.DictReader(file)
            missing, rows = SHOWN - set(read.fieldnames or ()), list(read)
    except (UnicodeDecodeError, csv.Error) as problem:
        raise StepError(f"{path}: is no CSV of a table or a ranking: {problem}") from None
    if missing:
        raise StepError(
            f"{path}: is no CSV of a table or a ranking, it has no column {', '.join(sorted(missing))}: give "
            "results/<recipe>/tables/<table>.csv or results/<recipe>/rankings/<ranking>.csv"
        )
    return rows


def faults(model: TrainedModel, recipe: Recipe) -> Iterator[str]:
    """What is known to be wrong with it, one sentence or two each, the gravest first."""
    if recipe.rehearsal:
        yield recipe.rehearsal.notice
    yield from outdated(model.steps)
    yield from other_start(model)
    yield from other_teachers(recipe, model.data)
    yield from unknown_licences(all_sources(model, recipe))
    yield from dict.fromkeys(sentence for dataset in model.datasets for sentence in uncompared(recipe, dataset))
    if model.train.method == "reward":
        yield "It judges how an answer reads, not whether it is true; what is trained on it may learn to please it."
    else:
        yield (
            "It follows what a system message asks for and was not trained to refuse: with a harmful system message, "
            "harmful answers must be expected. What it says may be wrong."
        )
        yield "It was trained on one instruction and one answer at a time: how it does in longer talks is not known."
