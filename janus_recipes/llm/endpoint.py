"""Where a provider's requests go, and with which key.

A rehearsal's provider and a model that the step serves itself are started here, and gone at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from janus_recipes.errors import SpendingRefused
from janus_recipes.recipe.provider import Provider
from janus_recipes.redact import remember_secret


@dataclass(frozen=True)
class Endpoint:
    """A base URL (None: the openai package's own) and a key (None: no key is sent), which is never printed."""

    base_url: str | None
    key: str | None = field(repr=False, default=None)
    local: bool = False
    """On this machine: no proxy from the environment stands between."""
    alive: Callable[[], bool] = field(repr=False, compare=False, default=lambda: True)
    """Whether it may still answer, as far as this process knows; false when a server of its own has died."""
    may_submit: Callable[[], None] = field(repr=False, compare=False, default=lambda: None)
    """Called before a batch is submitted: raises SpendingRefused where only what is under way may be fetched."""


@dataclass(frozen=True)
class Engine:
    """What serving a model takes: vLLM's virtual environment, and a folder for the server's log."""

    environment: Path
    work: Path


@contextmanager
def endpoint(provider: Provider, engine: Engine | None = None) -> Iterator[Endpoint]:
    """The provider's endpoint. Only a provider of kind `vllm` needs an engine.

    Raises SpendingRefused when the variable that should hold its key does not, StepError when a model that this step
    has to serve itself cannot be served.
    """
    if provider.kind == "rehearsal":
        from janus_recipes.rehearsal.server import serving

        with serving(provider.faults) as world:
            yield Endpoint(world.base_url, local=True)
    elif provider.kind == "vllm":
        from janus_recipes.llm.served import serving as serving_model

        if engine is None:
            raise ValueError(f"{provider.model}: kind vllm needs an engine to be served with")
        with serving_model(provider, engine) as where:
            yield where
    else:
        yield Endpoint(provider.base_url, key_of(provider))


def key_of(provider: Provider) -> str | None:
    """The key from the environment, or None where the recipe says that none is sent. Raises SpendingRefused.

    From here on the key is masked in whatever this process says, whatever the variable's name is.
    """
    if provider.key_env is None:
        return None
    key = os.environ.get(provider.key_env, "").strip()
    remember_secret(key)
    if not key:
        raise SpendingRefused(
            f"the key for {provider.model} is missing: set the environment variable {provider.key_env}, "
            "or say `key_env: null` in the recipe for an endpoint without a key. Nothing was asked."
        )
    if not (key.isascii() and key.isprintable()):
        raise SpendingRefused(
            f"the key for {provider.model} in {provider.key_env} holds characters that no key has. Nothing was asked."
        )
    return key
