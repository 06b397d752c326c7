"""`janus env ...`: the engines' environments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.environments import build_environment, lock_environments

app = typer.Typer(help="The engines' environments, built by uv from envs/*.lock.")


@app.command()
def build(
    name: Annotated[str, typer.Argument(help="A lock in envs/: axolotl-cpu, vllm-cuda, ...")],
    out: Annotated[Path, typer.Option(help="The file that marks it as ready; the environment is its folder.")],
) -> None:
    """Build one environment."""
    build_environment(name, out)


@app.command()
def lock() -> None:
    """Pin every envs/*.in anew."""
    for written in lock_environments():
        typer.echo(f"locked {written}")
