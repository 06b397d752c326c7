"""What a recipe must say of a provider of kind `vllm`: an open model that the step's own job serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as Folder
from typing import Any

from janus_recipes.recipe.problem import Path, Problem

NOT_SENT = {
    "base_url": "the step serves the model itself, at an address of its own",
    "key_env": "the step serves the model itself, with a key of its own",
}
"""What a provider of kind `vllm` has no use for, and why."""


def served_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the served providers. `config` may break the schema: what is odd is passed by."""
    build = _part(config, "engines").get("build", "cuda")
    for name, provider in _part(config, "providers").items():
        if isinstance(provider, Mapping) and provider.get("kind") == "vllm":
            yield from _provider_problems(("providers", name), provider, build)


def _provider_problems(path: Path, provider: Mapping[str, Any], build: Any) -> Iterator[Problem]:
    for key, reason in NOT_SENT.items():
        if provider.get(key) is not None:
            yield Problem((*path, key), f"of no use with kind vllm ({reason}): say `{key}: null`")
    served, model = _part(provider, "served"), provider.get("model")
    if isinstance(model, str) and served.get("revision") is None and not Folder(model).is_dir():
        yield Problem((*path, "served", "revision"), "missing (the commit on the hub, so that the model cannot change)")
    if build == "cpu" and served.get("gpus", 1) != 0:
        yield Problem((*path, "served", "gpus"), "must be 0 where engines.build is cpu, as in a rehearsal")


def _part(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = config.get(key)
    return part if isinstance(part, Mapping) else {}
