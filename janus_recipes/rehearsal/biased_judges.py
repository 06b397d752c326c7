"""Judges of the micro-world that are known to be wrong: what a calibration and a bias report have to find.

A provider of kind `rehearsal` whose `model` has a name of `BIASES` is such a judge; any other is fair, but for noise.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bias:
    """What a judge adds to every score, in points, and what it adds for each 100 words of the answer."""

    milder_by: float
    per_100_words: float

    def applied(self, score: int, response: str, rng: random.Random) -> int:
        """The score that the judge gives instead. Parts of a point are added by chance, so that means are exact as
        long as no score would go above 5."""
        more = self.milder_by + self.per_100_words * len(response.split()) / 100
        whole = math.floor(more)
        return min(5, score + whole + (rng.random() < more - whole))


BIASES: Mapping[str, Bias] = {"microworld-mild-judge": Bias(milder_by=0.5, per_100_words=2.0)}
"""By the model's name. An answer has some 35 words here, so length alone is worth 0.7 of a point."""
