"""Write a data set's card: what it is, how it was made, whose data went in, and what is known to be wrong with it.

    janus card sft-196k --recipe recipes/janus.yaml --rows sft-196k.jsonl --out sft-196k.card.md

Every fact comes from the manifests of the data set and of what it was made from, or from the recipe; `card.md.j2` has
the words. The card opens with the front matter that the Hugging Face hub reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from janus_recipes.datasets.default_messages import LICENCE
from janus_recipes.datasets.described import described, names_of_messages, set_apart
from janus_recipes.datasets.faults import faults_of, paper_rows
from janus_recipes.datasets.lineage import Made
from janus_recipes.datasets.parquet import first_row
from janus_recipes.hub.cards import flat, hub_licences, rendered, shown, table
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.dataset import HelpfulMix
from janus_recipes.recipe.schema import Recipe
from janus_recipes.redact import redact

PARQUET = "data/train-00000-of-00001.parquet"
"""Where the rows lie in the hub's repository."""

MEANINGS = {
    "id": "digest of the instruction, then the numbers of its sets; or digest of the pair",
    "source": "the pool that the pair comes from",
    "messages": "the conversation, as the chat template takes it",
    "chosen": "the conversation that ends with the better answer",
    "rejected": "the same conversation with the other answer",
}

SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def card_of(name: str, recipe: Recipe, steps: list[Made]) -> str:
    """The card, front matter and Markdown, of the data set that is the last of `steps`."""
    dataset, sources = recipe.datasets[name], sources_of(recipe, name)
    rows = steps[-1].part("counts")["rows"]
    front = DatasetCardData(
        pretty_name=f"{name} ({recipe.name})",
        license=hub_licences(licences_of(recipe, name, steps)),
        task_categories=["text-generation"],
        size_categories=next((size for most, size in SIZES.items() if rows < most), "n>10M"),
        tags=["janus", dataset.kind.replace("_", "-"), *(["rehearsal"] if recipe.rehearsal else [])],
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": PARQUET}]}],
    )
    return redact(f"---\n{front.to_yaml()}\n---\n\n{body(name, recipe, steps, sources)}")


def body(name: str, recipe: Recipe, steps: list[Made], sources: Mapping[str, Located]) -> str:
    """The card's Markdown."""
    made = steps[-1]
    facts = dict(
        name=f"{name} ({recipe.name})",
        notice=recipe.rehearsal.notice if recipe.rehearsal else "",
        recipe=recipe.name,
        seed=recipe.seed,
        file=made.path.name,
        **described(recipe.datasets[name]),
        set_apart=" ".join(set_apart(recipe.datasets[name], made.manifest)),
        counts=table(("what", "number"), flat(made.part("counts"))),
        columns=table(("column", "holds", "what it is"), columns_of(made.path)),
        steps=table(("file", "rows", "SHA-256"), ((shown(one.path), *size_and_digest(one)) for one in steps)),
        asked=table(("file", "model", "how", "sampling", "answers"), filter(None, map(asking_row, steps))),
        prompts=table(("file", "SHA-256"), sorted(set(prompt_rows(steps)))),
        sources=table(("source", "where", "licence", "records", "unreadable"), source_rows(sources, steps)),
        beside_paper=table(("what", "here", "in the paper"), paper_rows(recipe, steps)),
        faults=faults_of(recipe, name, sources, steps),
    )
    return rendered(Path(__file__).with_name("card.md.j2"), facts)


def sources_of(recipe: Recipe, name: str) -> Mapping[str, Located]:
    """The pools that a data set goes back to."""
    dataset = recipe.datasets[name]
    return dataset.pools if isinstance(dataset, HelpfulMix) else recipe.collection.sources


def licences_of(recipe: Recipe, name: str, steps: list[Made]) -> list[str | None]:
    """The licences of all that went into a data set; None: not known."""
    licences = [source.licence for source in sources_of(recipe, name).values()]
    return licences + ([LICENCE] if steps and names_of_messages(steps[-1].manifest) else [])


def columns_of(rows: Path) -> Iterator[tuple[str, str, str]]:
    """Each column, what it holds and what it is."""
    for name, value in sorted(first_row(rows).items(), key=lambda item: (item[0] != "id", item[0])):
        holds = "list of messages (`role`, `content`)" if isinstance(value, list) else "text"
        yield f"`{name}`", holds, MEANINGS.get(name, "")


def size_and_digest(made: Made) -> tuple[int | str, str]:
    """How many rows a file has, as far as its manifest says, and its digest, shortened."""
    return "" if made.rows is None else made.rows, made.manifest["sha256"][:12]


def asking_row(made: Made) -> tuple[str, ...] | None:
    """Who wrote a file's texts, and how; nothing for a file that nobody was asked for."""
    asked = made.part("asked")
    if not asked:
        return None
    sampling = made.manifest["section"].get("sampling", {})
    settings = ", ".join(f"{name} {value}" for name, value in sorted(sampling.items()) if value is not None)
    answers = ", ".join(f"{number:,} {status}" for status, number in sorted(asked["statuses"].items()))
    return f"`{made.path.name}`", f"`{asked['model']}`", asked["kind"], settings, answers


def prompt_rows(steps: list[Made]) -> Iterator[tuple[str, str]]:
    """The prompts and seeds that models were shown, with their digests."""
    for made in steps:
        for name, (path, digest) in made.inputs.items():
            if name in ("prompt", "seeds"):
                yield shown(path), digest[:12]


def source_rows(sources: Mapping[str, Located], steps: list[Made]) -> Iterator[tuple[Any, ...]]:
    """Each source with where it lies, its licence, and what reading it came to."""
    read: dict[str, Any] = {}
    for made in steps:
        counts = made.part("counts")
        read |= {**counts.get("sources", {}), **counts.get("pools", {})}
    for name, source in sources.items():
        at = f"{source.dataset} at {source.revision}" if source.dataset else source.url or shown(Path(str(source.path)))
        found = read.get(name, {})
        yield name, at, source.licence or "unknown", found.get("records", ""), found.get("bad", "")
