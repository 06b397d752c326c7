"""Keys, tokens and authorisation headers taken out of a text before anyone sees it (contract 9).

Used on every error that leaves `janus_recipes.llm` and on everything that enters a manifest.
"""

from __future__ import annotations

import os
import re

MASK = "[redacted]"

SHORTEST_SECRET = 6
"""A shorter value of a variable such as `X_TOKEN=on` is no secret, and masking it would garble every text."""

known_secrets: set[str] = set()
"""Values that turned out to be secret in this process: `remember_secret` adds them."""

_SECRET_NAME = re.compile(r"(?i)(^|_)(key|token|secret|password)$")

# The last pattern leaves the header's name in place; the others are secrets by their own shape.
_SHAPES = (
    re.compile(r"(?i)(?<=\bbearer)\s+[^\s\"',;]+"),
    re.compile(r"\b(?:sk-|hf_|gsk_|xai-|ghp_|AIza)[A-Za-z0-9_*.\-]{8,}(?<!\.)"),
    re.compile(r"(?<=://)[^\s/@]+(?=@)"),
    re.compile(r"(?i)(?<=api.key)[\"']?\s*[:=]\s*[\"']?[^\s\"',;&)}\]]+"),
    re.compile(r"(?i)(?<=authorization)[\"']?\s*[:=]\s*[\"']?(?!bearer\b)[^\"',;)}\]\n]+"),
)


def redact(text: str, *secrets: str | None) -> str:
    """The text without bearer tokens, keys of the usual shapes, API key headers and the values of secret variables.

    A variable is secret when its name ends in KEY, TOKEN, SECRET or PASSWORD, or when a key was read from it
    (`remember_secret`); `secrets` are values known otherwise.
    """
    for secret in _known(secrets):
        text = text.replace(secret, MASK)
    for shape in _SHAPES:
        text = shape.sub(f" {MASK}" if shape is _SHAPES[0] else MASK, text)
    return text


def remember_secret(text: str) -> None:
    """Mask `text` from now on in everything that is redacted in this process, unless it is too short to be a secret."""
    if len(text) >= SHORTEST_SECRET:
        known_secrets.add(text)


def _known(secrets: tuple[str | None, ...]) -> list[str]:
    """The secret values of this process, the longest first: one may be a part of another."""
    named = [value.strip() for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    given = known_secrets | {secret for secret in secrets if secret}
    return sorted({value for value in named if len(value) >= SHORTEST_SECRET} | given, key=len, reverse=True)
