"""Table 7: the most frequent subdimensions of each dimension, with some of their preferences, drawn by the seed.

janus analysis table7 --preferences p.jsonl --out table7.csv
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from janus_recipes.analysis.finding import Finding, Read, cell, count
from janus_recipes.records import DIMENSIONS, Asked, Preference
from janus_recipes.seeding import random_for

SUBDIMENSIONS = 5
"""Of each dimension, the most frequent ones."""

PREFERENCES = 10
"""Drawn from each subdimension: as many as the paper's caption says."""

COLUMNS = (
    *("dimension", "rank", "subdimension", "n_preferences", "n_different", "in_published_top_5", "preferences"),
    *("n_expected", "n_used", "n_left_out"),
)


@dataclass
class Named:
    """Texts that differ in case and white space alone: how often, and how each is spelt."""

    spelt: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The most frequent spelling; of those the first in the alphabet."""
        return min(self.spelt, key=lambda text: (-self.spelt[text], text))


@dataclass
class Subdimension(Named):
    """A subdimension of a dimension, and the names of its preferences."""

    preferences: dict[str, Named] = field(default_factory=lambda: defaultdict(Named))

    def drawn(self, seed: int, dimension: str, key: str) -> list[str]:
        """Some of its preferences' names: the same whatever the order in which they were read."""
        keys = sorted(self.preferences)
        chosen = random_for(seed, "table7", dimension, key).sample(keys, min(PREFERENCES, len(keys)))
        return [self.preferences[one].name for one in chosen]


Found = Mapping[str, Mapping[str, Subdimension]]


def rank_subdimensions(
    preference_sets: Iterable[Asked[tuple[Preference, ...]]],
    seed: int,
    published: Mapping[str, Sequence[str]],
    notice: str | None,
) -> Finding:
    """Rank subdimensions by how many preferences they have. `published`: the paper's, by dimension. n counts sets."""
    read = Read()
    found = _collected(preferences for _, preferences in read.ok(preference_sets))
    rows, lines = [], []
    for dimension, rank, key, one in _top(found):
        paper = {_same(name) for name in published.get(dimension, ())}
        drawn, total = one.drawn(seed, dimension, key), one.spelt.total()
        known = "yes" if key in paper else "no"
        sizes, n = (total, len(one.preferences)), (read.n_expected, read.n_used, read.left_out.total())
        rows.append([dimension, str(rank), one.name, *map(cell, sizes), known, "; ".join(drawn), *map(cell, n)])
        lines.append([dimension if rank == 1 else "", one.name, count(total), known, ", ".join(drawn)])
    return Finding(
        title=f"Table 7: the top {SUBDIMENSIONS} subdimensions of each dimension, and some of their preferences",
        columns=COLUMNS,
        rows=rows,
        head=["Dimension", "Subdimension", "Preferences", "In the paper's top 5", f"{PREFERENCES} drawn"],
        lines=lines,
        text_columns=frozenset({0, 1, 3, 4}),
        notes=[f"Counted in {read.told('preference sets')}. {_TAKEN_AS_ONE}", _paper_told(published)],
        notice=notice,
    )


_TAKEN_AS_ONE = (
    "Names that differ in case and white space alone are taken as one and shown as they are spelt most often. The "
    f"{PREFERENCES} are drawn from the different names, by the recipe's seed."
)


def _collected(sets: Iterable[tuple[Preference, ...]]) -> Found:
    found: dict[str, dict[str, Subdimension]] = {dimension: defaultdict(Subdimension) for dimension in DIMENSIONS}
    for one in (one for preferences in sets for one in preferences):
        subdimension = found[one.dimension][_same(one.subdimension)]
        subdimension.spelt[_spaced(one.subdimension)] += 1
        subdimension.preferences[_same(one.preference)].spelt[_spaced(one.preference)] += 1
    return found


def _top(found: Found) -> Iterator[tuple[str, int, str, Subdimension]]:
    """Dimension, rank, normalised name and subdimension; of those as frequent the first in the alphabet."""
    for dimension, subdimensions in found.items():
        ranked = sorted(subdimensions.items(), key=lambda one: (-one[1].spelt.total(), one[0]))
        for rank, (key, subdimension) in enumerate(ranked[:SUBDIMENSIONS], start=1):
            yield dimension, rank, key, subdimension


def _paper_told(published: Mapping[str, Sequence[str]]) -> str:
    listed = "; ".join(f"{dimension}: {', '.join(names)}" for dimension, names in published.items())
    return (
        f"The paper's top {SUBDIMENSIONS}: {listed}. Its caption says {PREFERENCES} preferences each and it prints 5."
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _same(text: str) -> str:
    return _spaced(text).lower()
