"""Tasks as Label Studio imports them, and the key that says what each of them is.

A task is what one annotator is shown once. It holds texts and a name without meaning (`t-3f2a9c01d4e7`): which bench
instance, which annotator and which models stand behind it is in the key alone, which annotators do not get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from janus_recipes.files import digest_of_text, json_line, read_jsonl
from janus_recipes.human.labels import Stage
from janus_recipes.records import BenchInstance, Rubric, of_this_form
from janus_recipes.seeding import derive_seed


@dataclass(frozen=True)
class Key:
    """What a task is. `instances` are in the order in which the page shows them; a comparison has one.

    `digest` is that of the task's data, by which an annotation of other texts is told. `instance_digests` are those of
    stage 1's instances, which its exclusions hold. `pair` are the two models, the first of them on the `first_on` side.
    `left_out` says why nobody was asked: a model gave no answer; such a row has no `annotator`.
    """

    task: str
    stage: Stage
    annotator: int | None
    instruction_id: str
    instances: tuple[str, ...]
    digest: str
    pair: tuple[str, ...] = ()
    first_on: str = ""
    left_out: str = ""
    instance_digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A task and its key. `data` is what Label Studio gets: texts by the names that the labelling configuration has."""

    key: Key
    data: dict[str, str]


def task_name(*parts: str | int) -> str:
    """A task's name: a digest, so that it says nothing of what it stands for."""
    return f"t-{digest_of_text(chr(0x1F).join(map(str, parts)))[:12]}"


def digest_of_data(data: Mapping[str, Any]) -> str:
    """The digest of what a task shows. Label Studio exports a task's data as it was imported."""
    return digest_of_text(json_line(dict(data)))


def in_random_order(names: Sequence[str], *parts: str | int) -> list[str]:
    """The names in an order that depends on the seed and on themselves, never on the order in which they came."""
    return sorted(names, key=lambda name: (derive_seed(*parts, name), name))


def balanced(names: Sequence[str], groups: int) -> list[list[str]]:
    """The names in so many groups whose sizes differ by one at most."""
    return [list(names[group::groups]) for group in range(groups)]


def shown(text: str) -> str:
    """A text as a task may hold it. What neither JSON nor a database takes is replaced; an empty text says so."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return whole if whole.strip() else "(empty)"


def shown_rubrics(rubrics: Sequence[Rubric]) -> str:
    """Rubrics as plain text: each criteria with what the five scores mean."""
    return shown("\n\n".join(_rubric(one) for one in rubrics))


def _rubric(rubric: Rubric) -> str:
    scores = (f"  {score}: {meaning}" for score, meaning in enumerate(rubric.scores, start=1))
    return "\n".join([f"{rubric.dimension}: {rubric.criteria}", *scores])


def by_instruction(bench: Sequence[BenchInstance]) -> dict[str, list[BenchInstance]]:
    """The bench's instances by their instruction, in the order of their ids, whatever that of the bench is."""
    groups: dict[str, list[BenchInstance]] = {}
    for instance in sorted(bench, key=lambda one: one.id):
        groups.setdefault(instance.instruction_id, []).append(instance)
    return groups


def key_row(key: Key) -> dict[str, Any]:
    """A key as the JSON object that is written."""
    return asdict(key)


def read_key(path: Path) -> Iterator[Key]:
    """The keys of an export. Raises StepError at a row of another form."""
    for row in read_jsonl(path):
        with of_this_form(path, "key of a human evaluation"):
            tuples = {name: tuple(row[name]) for name in ("instances", "pair", "instance_digests")}
            key = Key(**{**row, **tuples})
        yield key
