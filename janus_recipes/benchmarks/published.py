"""Load a bench that somebody has published whole: the authors' own, or a file of its form (paper, section 4).

    janus bench load multifaceted --recipe recipes/janus.yaml --recipe recipes/ablations/published-bench.yaml \\
        --out bench.jsonl

Nothing is asked. An instance's id is made from its prompt and its place among the system messages of that prompt,
sorted by digest, so the order of the file decides nothing. One record that cannot be read stops the step: a published
bench is whole, or it is another one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from janus_recipes.collection.reading import BadRecord, Record, is_wanted, read_records, value_at
from janus_recipes.errors import StepError
from janus_recipes.files import digest_of_text
from janus_recipes.llm.chat import well_formed
from janus_recipes.recipe.problem import hint
from janus_recipes.recipe.published_bench import PublishedBench, PublishedFields
from janus_recipes.records import DIMENSIONS, BenchInstance, Preference, Rubric, instruction_id

SHOWN = 5
SCORES = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class PublishedInstance:
    """One record, read. `rubrics` and `preferences` are in the order of `DIMENSIONS`; preferences may be none."""

    source: str
    instruction: str
    system_message: str
    reference_answer: str
    rubrics: tuple[Rubric, ...]
    preferences: tuple[Preference, ...]


class LoadedBench(NamedTuple):
    """The instances, by id, and how many of them each source value gave."""

    instances: list[BenchInstance]
    sources: Counter[str]


def load_bench(name: str, spec: PublishedBench) -> LoadedBench:
    """The published bench `name` of a recipe.

    Raises:
        StepError: a record that lacks a part, a source without a column, an instance that stands there twice, or
            another number of instances than the recipe says.
    """
    records = [one for one in read_records(name, spec) if is_wanted(spec, one.value)]
    rows = read_instances(name, records, spec.fields)
    if len(rows) != spec.instances:
        counts = f"{len(rows):,} instances are there, {spec.instances:,} should be"
        hints = "is it whole, and the right revision? If so, say the number in `instances`"
        raise StepError(f"benchmarks.{name}.published: {counts}: {hints}")
    sources = Counter(row.source for row in rows)
    columns = columns_of(name, sources, spec)
    return LoadedBench(sorted(with_ids(name, rows, columns), key=lambda one: one.id), sources)


def read_instances(name: str, records: Iterable[Record], fields: PublishedFields) -> list[PublishedInstance]:
    """The records' instances, in their order. Raises StepError that names the first few bad ones and what is there."""
    rows: list[PublishedInstance] = []
    problems: list[str] = []
    there: Sequence[str] = ()
    for record in records:
        try:
            rows.append(published_instance(record.value, fields))
        except BadRecord as problem:
            problems.append(f"record {record.number}: {problem}")
            there = there or _keys(record.value)
    if problems:
        names = f". A record has: {', '.join(there)}; `fields` in the recipe says what is what" if there else ""
        shown = "; ".join(problems[:SHOWN])
        raise StepError(f"benchmarks.{name}.published: {len(problems)} records cannot be read: {shown}{names}")
    return rows


def published_instance(record: Any, fields: PublishedFields) -> PublishedInstance:
    """One record's parts. Raises BadRecord, which says what is missing."""
    if isinstance(record, BadRecord):
        raise record
    preferences = _preferences(record, fields)
    dimensions = [one.dimension for one in preferences] or list(DIMENSIONS)
    found = _list_at(record, fields.rubrics)
    if len(found) != len(DIMENSIONS):
        raise BadRecord(f"`{fields.rubrics}` has {len(found)} rubrics, one for each of the four dimensions is needed")
    rubrics = [_rubric(one, dimension, fields) for one, dimension in zip(found, dimensions, strict=True)]
    return PublishedInstance(
        source=_text_at(record, fields.source),
        instruction=_text_at(record, fields.instruction),
        system_message=_text_at(record, fields.system_message),
        reference_answer=_text_at(record, fields.reference_answer),
        rubrics=tuple(sorted(rubrics, key=lambda one: DIMENSIONS.index(one.dimension))),
        preferences=tuple(sorted(preferences, key=lambda one: DIMENSIONS.index(one.dimension))),
    )


def columns_of(name: str, sources: Mapping[str, int], spec: PublishedBench) -> dict[str, str]:
    """The column of each source that is there. Raises StepError where one has none, or a named one is not there."""
    at = f"benchmarks.{name}.published"
    for wrong in sorted(set(spec.columns) - set(sources)):
        raise StepError(f"{at}.columns: no instance has the source {wrong!r}{hint(wrong, sources)}; {_listed(sources)}")
    others = {one: count for one, count in sources.items() if one not in spec.columns}
    if others and spec.other_column is None:
        what_to_do = "name them in `columns`, or the column of all of them in `other_column`"
        raise StepError(f"{at}: some sources have no column; {_listed(others)}: {what_to_do}")
    return {source: spec.columns.get(source, spec.other_column or "") for source in sources}


def with_ids(name: str, rows: Iterable[PublishedInstance], columns: Mapping[str, str]) -> Iterator[BenchInstance]:
    """The instances with ids. Raises StepError where a prompt has the same system message twice."""
    by_prompt: dict[str, list[PublishedInstance]] = defaultdict(list)
    for row in rows:
        by_prompt[instruction_id(row.instruction)].append(row)
    for instruction, group in by_prompt.items():
        group.sort(key=lambda one: digest_of_text(one.system_message))
        if len({one.system_message for one in group}) < len(group):
            shown = group[0].instruction[:60]
            raise StepError(f"benchmarks.{name}.published: a prompt has the same system message twice: {shown!r}")
        for number, row in enumerate(group):
            yield BenchInstance(
                id=f"{instruction}/{number}",
                instruction_id=instruction,
                benchmark=columns[row.source],
                instruction=row.instruction,
                system_message=row.system_message,
                preferences=row.preferences,
                reference_answer=row.reference_answer,
                rubrics=row.rubrics,
            )


def _preferences(record: Any, fields: PublishedFields) -> list[Preference]:
    """The preferences in the record's order; none where the recipe says that there are none."""
    if not fields.preferences:
        return []
    found = [_preference(one) for one in _list_at(record, fields.preferences)]
    if sorted(one.dimension for one in found) != sorted(DIMENSIONS):
        raise BadRecord(f"`{fields.preferences}` has not one preference for each of {', '.join(DIMENSIONS)}")
    return found


def _preference(value: Any) -> Preference:
    """A preference; the authors write its dimension as `background_knowledge`."""
    dimension, *rest = (_text_at(value, key) for key in ("dimension", "subdimension", "preference", "description"))
    return Preference(dimension.replace("_", " ").capitalize(), *rest)


def _rubric(value: Any, dimension: str, fields: PublishedFields) -> Rubric:
    scores = value_at(value, fields.score_descriptions)
    if isinstance(scores, list) and len(scores) == len(SCORES):
        scores = dict(zip(SCORES, scores, strict=True))
    texts = tuple(_text_at(scores, score) for score in SCORES)
    return Rubric(dimension, _text_at(value, fields.criteria), texts)


def _text_at(record: Any, path: str) -> str:
    text = value_at(record, path)
    if not isinstance(text, str) or not text.strip():
        raise BadRecord(f"`{path}` is empty or no text")
    return well_formed(text)


def _list_at(record: Any, path: str) -> list[Any]:
    found = value_at(record, path)
    if not isinstance(found, list):
        raise BadRecord(f"`{path}` is no list")
    return found


def _keys(record: Any) -> list[str]:
    return sorted(map(str, record)) if isinstance(record, Mapping) else []


def _listed(sources: Mapping[str, int]) -> str:
    """`there are: koala (63), self-instruct (186)`"""
    return "there are: " + ", ".join(f"{source} ({count})" for source, count in sorted(sources.items()))
