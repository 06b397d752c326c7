"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


def work_folder(out: Path) -> Path:
    """Where a step keeps checkpoints and partial rows: `results/janus/x/y.jsonl` works in `work/janus/x/y`.

    No rule declares it, so Snakemake does not delete it with a failed job's outputs (contract 6). Only `.jsonl` is cut
    off: a model's folder may have a dot in its name (`janus-7b-v0.2`).
    """
    parts = Path(str(out).removesuffix(".jsonl")).parts
    inside = parts[1:] if parts[0] == "results" else parts[-2:]
    return Path("work", *inside)
