"""Which of the bench's preferences the Collection has already (paper, appendix C.1), by the recipe's `unseen`.

An instance is left out when its preferences match the Collection's after normalising (`compare`), or when the
description of one of them is too much like one of the Collection's of the same dimension (`max_rouge_l`). The paper
says that the bench's preferences are unseen and not how that was found out; every instance's nearest description is
written beside the bench, so that anybody can judge. Words are those of `collection/words.py`, in any script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import quantiles

from janus_recipes.analysis.rouge import cross_rouge_l_of_words
from janus_recipes.collection.words import words_of
from janus_recipes.recipe.schema import Unseen
from janus_recipes.records import DIMENSIONS, Preference

SEEN = "preferences seen in the collection"
TOO_SIMILAR = "a preference too similar to one of the collection"

PreferenceSet = tuple[Preference, ...]

UNSEEN_COLUMNS = ("instance", "left_out", "dimension", "rouge_l", "description", "nearest_in_collection")


@dataclass(frozen=True)
class Nearest:
    """Of a set's preferences the one most like the Collection's: ROUGE-L F1 of its description with the nearest one."""

    dimension: str
    description: str
    rouge_l: float
    in_collection: str


@dataclass(frozen=True)
class Compared:
    """The bench's sets beside the Collection's, by id: why one is not unseen, and what is nearest to each.

    `nearest` is empty where the recipe does not compare descriptions.
    """

    seen: Mapping[str, str]
    nearest: Mapping[str, Nearest]


def compare(sets: Mapping[str, PreferenceSet], collection: Iterable[PreferenceSet], spec: Unseen) -> Compared:
    """Compare the bench's preference sets, by id, with all of the Collection's."""
    there: set[tuple[str, ...]] = set()
    descriptions: dict[str, set[str]] = {dimension: set() for dimension in DIMENSIONS}
    for preferences in collection:
        there.update(_keys(preferences, spec))
        for one in preferences if spec.max_rouge_l is not None else ():
            descriptions[one.dimension].add(normalised(one.description))
    nearest = _nearest(sets, descriptions) if spec.max_rouge_l is not None else {}
    problems = {item: _problem(one, there, nearest.get(item), spec) for item, one in sets.items()}
    return Compared({item: problem for item, problem in problems.items() if problem}, nearest)


def _keys(preferences: PreferenceSet, spec: Unseen) -> Iterator[tuple[str, ...]]:
    """What must not be in the Collection: the whole set, or each preference."""
    texts = tuple(normalised(f"{one.preference} {one.description}") for one in preferences)
    if spec.compare == "set":
        yield texts
    else:
        yield from ((text,) for text in texts)


def _problem(preferences: PreferenceSet, there: Set[tuple[str, ...]], near: Nearest | None, spec: Unseen) -> str | None:
    if not there.isdisjoint(_keys(preferences, spec)):
        return SEEN
    similar = spec.max_rouge_l is not None and near is not None and near.rouge_l >= spec.max_rouge_l
    return TOO_SIMILAR if similar else None


def _nearest(sets: Mapping[str, PreferenceSet], descriptions: Mapping[str, Iterable[str]]) -> dict[str, Nearest]:
    """For each set that of its preferences which is most like one of the Collection's, of the same dimension."""
    found: dict[tuple[str, str], Nearest] = {}
    for dimension in DIMENSIONS:
        wanted = sorted({one.description for each in sets.values() for one in each if one.dimension == dimension})
        there = sorted(descriptions[dimension])  # of two as near, the same is named whatever the file's order
        compared = cross_rouge_l_of_words(list(map(words_of, wanted)), map(str.split, there))
        for text, best, place in zip(wanted, compared.highest, compared.nearest, strict=True):
            found[dimension, text] = Nearest(dimension, text, best, "" if place is None else there[place])
    return {
        item: max((found[one.dimension, one.description] for one in each), key=lambda near: near.rouge_l)
        for item, each in sets.items()
    }


def normalised(text: str) -> str:
    """A text as it is compared: its words, whatever its script, without case and punctuation."""
    return " ".join(words_of(text))


def unseen_rows(items: Iterable[str], compared: Compared, left_out: Mapping[str, str]) -> list[list[str]]:
    """A row of `UNSEEN_COLUMNS` for each instance, the most similar first. `left_out`: why, by id."""
    near = compared.nearest
    listed = sorted(items, key=lambda item: (-(near[item].rouge_l if item in near else 0.0), item))
    return [[item, left_out.get(item, ""), *_cells(near.get(item))] for item in listed]


def distribution(scores: Sequence[float]) -> dict[str, float]:
    """Where the instances' highest ROUGE-L lie, to four digits; empty without any."""
    if not scores:
        return {}
    cuts = quantiles(scores, n=100, method="inclusive") if len(scores) > 1 else [scores[0]] * 99
    found = {"min": min(scores), "median": cuts[49], "p90": cuts[89], "p99": cuts[98], "max": max(scores)}
    return {name: round(value, 4) for name, value in found.items()}


def _cells(near: Nearest | None) -> list[str]:
    if near is None:
        return [""] * 4
    return [near.dimension, f"{near.rouge_l:.4f}", near.description, near.in_collection]
