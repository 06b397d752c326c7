"""Seeds that depend on the recipe's seed and the item's id, never on the clock or the order of arrival (contract 7)."""

from __future__ import annotations

import hashlib
import random

SEED_BITS = 31
"""Every engine accepts a signed 32-bit seed."""


def derive_seed(*parts: str | int) -> int:
    """An integer in [0, 2**31), the same for the same parts on every machine.

    Parts are joined with a separator that cannot stand in a name, so `("a", "bc")` and `("ab", "c")` differ.
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % (1 << SEED_BITS)


def random_for(*parts: str | int) -> random.Random:
    """A generator of its own for one item, seeded by `derive_seed`."""
    return random.Random(derive_seed(*parts))
