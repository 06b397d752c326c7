"""The options that many commands share."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.locking import held

Recipes = Annotated[
    list[Path],
    typer.Option(
        "--recipe",
        envvar="JANUS_RECIPE",
        help="A recipe or an overlay on the one before. Snakemake's jobs get theirs from JANUS_RECIPE.",
    ),
]
Out = Annotated[Path, typer.Option(help="The file to write; its manifest lies beside it.")]
Env = Annotated[Path, typer.Option(help="The engine's environment: its .ready file.")]
Bench = Annotated[Path, typer.Option(help="The bench's instances.")]
OfBench = Annotated[
    str | None, typer.Option("--bench", help="A benchmark of the recipe: its settings instead of the Collection's.")
]


WAIT_FOR_WORKER_S = 60.0
"""A killed run's job ends within a second; one that a cluster still runs takes longer, and is named."""


def only_worker(work: Path, what: str) -> AbstractContextManager[None]:
    """Keep a second writer out of a work folder: a killed run's orphan, or a cluster's job that lives on."""
    return held(work.with_name(f".{work.name}.lock"), wait_s=WAIT_FOR_WORKER_S, what=what)


def work_folder(out: Path) -> Path:
    """Where a step keeps checkpoints and partial rows: `results/janus/x/y.jsonl` works in `work/janus/x/y`.

    No rule declares it, so Snakemake does not delete it with a failed job's outputs (contract 6).
    """
    parts = out.with_suffix("").parts
    inside = parts[1:] if parts[0] == "results" else parts[-2:]
    return Path("work", *inside)
