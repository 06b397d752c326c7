"""Where a provider's requests go, and with which key. A rehearsal's provider is started here and gone at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from janus_recipes.errors import SpendingRefused
from janus_recipes.recipe.schema import Provider
from janus_recipes.redact import remember_secret


@dataclass(frozen=True)
class Endpoint:
    """A base URL (None: the openai package's own) and a key (None: no key is sent), which is never printed."""

    base_url: str | None
    key: str | None = field(repr=False, default=None)
    local: bool = False
    """On this machine: no proxy from the environment stands between."""


@contextmanager
def endpoint(provider: Provider) -> Iterator[Endpoint]:
    """The provider's endpoint. Raises SpendingRefused when the variable that should hold its key does not."""
    if provider.kind == "rehearsal":
        from janus_recipes.rehearsal.server import serving

        with serving(provider.faults) as world:
            yield Endpoint(world.base_url, local=True)
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
