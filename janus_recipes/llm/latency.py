"""How long answers took, in flat memory: a histogram whose bins grow by 5%, so percentiles are exact to 2.5%."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

SHORTEST_S = 0.001
GROWTH = 1.05
"""Bin n holds what took SHORTEST_S * GROWTH**n seconds, up to GROWTH times as much."""


@dataclass
class Latencies:
    """Seconds from sending a request to having its whole answer."""

    bins: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one answer. What is shorter than a millisecond counts as one."""
        self.bins[math.floor(math.log(max(seconds, SHORTEST_S) / SHORTEST_S, GROWTH))] += 1

    def percentile(self, share: float) -> float | None:
        """The time within which `share` (0 to 1) of the answers came, in seconds; None without any."""
        wanted, seen = share * self.bins.total(), 0
        for number in sorted(self.bins):
            seen += self.bins[number]
            if seen >= wanted:
                return float(SHORTEST_S * GROWTH ** (number + 0.5))
        return None

    def as_json(self) -> dict[str, float]:
        """p50, p90, p99 in seconds; empty without any answer."""
        found = {f"p{share * 100:.0f}_s": self.percentile(share) for share in (0.5, 0.9, 0.99)}
        return {name: round(seconds, 3) for name, seconds in found.items() if seconds is not None}
