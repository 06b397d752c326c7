"""Which files a recipe's `path` names: one, or with `*` several. Nothing is read."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from janus_recipes.recipe.collection import Located, Source
from janus_recipes.recipe.schema import Recipe

FORMATS = ("json", "jsonl", "csv", "parquet")


def pool_files(path: str) -> list[Path]:
    """The files that a path names, sorted. Only `*` stands for anything; other characters are themselves.

    A path without `*` is named whether it is there or not; one with it gives the files that are there.
    """
    if "*" not in path:
        return [Path(path)]
    pattern = "*".join(glob.escape(part) for part in path.split("*"))
    return sorted(file for file in map(Path, glob.glob(pattern)) if file.is_file())


def format_of(name: str) -> str | None:
    """The one of FORMATS that a path or an address on the web ends in, before `.gz`; None: none of them."""
    path = urlsplit(name).path if name.startswith(("http://", "https://")) else name
    ending = path.removesuffix(".gz").rpartition(".")[2]
    return ending if ending in FORMATS else None


def compared_pools(recipe: Recipe) -> dict[str, Source]:
    """The benchmarks' pools whose prompts the recipe wants kept out of the instructions; none where it does not."""
    if recipe.collection.instructions.contamination is None:
        return {}
    return {f"{bench}/{name}": pool for bench, one in recipe.benchmarks.items() for name, pool in one.sources.items()}


def input_files(pools: Mapping[str, Located]) -> dict[str, Path]:
    """The local files of pools, by the pool's name and, where `*` stands for several, the file's path."""
    found: dict[str, Path] = {}
    for name, pool in pools.items():
        files = pool_files(pool.path) if pool.path is not None else []
        found |= {name if file == Path(str(pool.path)) else f"{name}:{file}": file for file in files}
    return found
