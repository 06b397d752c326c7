"""How many tokens a text has: by tiktoken where its encoding can be had, else by the number of characters.

tiktoken fetches an encoding once and keeps it (TIKTOKEN_CACHE_DIR). A plan must not need the network, nor wait for it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from janus_recipes.llm.estimate import CHARACTERS_PER_TOKEN, tokens_of

if TYPE_CHECKING:
    import tiktoken

ENCODING = "o200k_base"
"""OpenAI's present one. For other vendors' models it is an approximation."""

FETCH_MOST_S = 2.0


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens. `encoding` is None where it could not be had."""

    encoding: tiktoken.Encoding | None

    def count(self, text: str) -> float:
        """The tokens of a text."""
        if self.encoding is None:
            return tokens_of(text)
        return len(self.encoding.encode_ordinary(text))

    @property
    def method(self) -> str:
        """How tokens are counted, for people."""
        if self.encoding is None:
            return f"{CHARACTERS_PER_TOKEN} characters a token (the encoding {ENCODING} could not be fetched)"
        return f"the encoding {ENCODING}"


def token_counter() -> TokenCounter:
    """A counter, within FETCH_MOST_S, whatever the network does."""
    found: list[tiktoken.Encoding] = []

    def fetch() -> None:
        try:
            import tiktoken

            found.append(tiktoken.get_encoding(ENCODING))
        except Exception:  # no network, a proxy's web page, a full disk: whatever it is, characters do
            return

    # A daemon: it may hang in a connection for minutes, which must not keep the command from ending.
    fetching = threading.Thread(target=fetch, daemon=True)
    fetching.start()
    fetching.join(FETCH_MOST_S)
    return TokenCounter(found[0] if found else None)
