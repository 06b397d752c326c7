"""Read pools of instructions, from wherever the recipe says that they lie (`reading.py` knows the formats).

A record that cannot be used is counted, kept aside with its number and reason and never stops the step; a source with
more than `max_bad_share` of them does (contract 2).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from janus_recipes.collection.reading import BadRecord, Record, read_records, value_at
from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.llm.chat import well_formed
from janus_recipes.recipe.collection import Located, Source
from janus_recipes.records import Instruction, instruction_id
from janus_recipes.rehearsal.variants import framings

BAD_SHOWN = 5
RAW_SHOWN = 300
"""Characters of a bad record that are kept aside."""


@dataclass
class SourceReport:
    """What reading one source came to, for the manifest."""

    records: int = 0
    bad: int = 0
    examples: list[str] = field(default_factory=list)


class Aside:
    """The records that could not be used, of any source: rows of source, file, record, reason and what stands there."""

    def __init__(self) -> None:
        self.rows: list[Json] = []

    def put(self, name: str, record: Record, problem: BadRecord, report: SourceReport) -> None:
        """Count a bad record and keep it."""
        report.bad += 1
        if len(report.examples) < BAD_SHOWN:
            report.examples.append(f"{record.file}:{record.number}: {problem}")
        shown = well_formed(problem.raw or raw_text(record.value))[:RAW_SHOWN]
        where = {"source": name, "file": record.file, "record": record.number}
        self.rows.append({**where, "reason": str(problem), "shown": shown})


def read_source(name: str, source: Source, report: SourceReport, aside: Aside | None = None) -> Iterator[Instruction]:
    """The instructions of one pool, in its order, not yet de-duplicated. Raises StepError when too many are bad."""
    for text, origin in read_texts(name, source, report, aside or Aside()):
        yield Instruction(instruction_id(text), text, name, origin)


def read_texts(name: str, source: Source, report: SourceReport, aside: Aside) -> Iterator[tuple[str, str]]:
    """As `read_source`: each instruction's text and origin."""
    for record in read_records(name, source, columns_of(source)):
        report.records += 1
        try:
            found = instruction_in(source, record.value)
        except BadRecord as problem:
            aside.put(name, record, problem, report)
            continue
        if found and source.variants == 1:
            yield found
        elif found:
            yield from ((framed, found[1]) for framed in framings(found[0], source.variants))
    stop_if_too_bad(name, source, report)


def stop_if_too_bad(name: str, located: Located, report: SourceReport) -> None:
    """Raises StepError when more of a pool's records are bad than its recipe allows."""
    if report.bad > located.max_bad_share * report.records:
        raise StepError(
            f"source {name}: {report.bad} of {report.records} records cannot be read, more than max_bad_share "
            f"({located.max_bad_share:.0%}) allows: " + "; ".join(report.examples)
        )


def columns_of(source: Source) -> set[str] | None:
    """The top-level fields that a source's instructions are made from; None: the record itself."""
    paths = [source.field, source.input_field, source.origin_field, *source.where]
    return None if source.field == "" else {path.partition(".")[0] for path in paths if path}


def instruction_in(source: Source, record: Any) -> tuple[str, str] | None:
    """A record's instruction and its origin; None where the recipe does not want the record. Raises BadRecord."""
    if isinstance(record, BadRecord):
        raise record
    if source.where and any(str(value_at(record, key)) != wanted for key, wanted in source.where.items()):
        return None
    text = well_formed(text_of(source, record))  # half a pair of surrogates could not be written
    origin = well_formed(str(value_at(record, source.origin_field))) if source.origin_field else ""
    return text, sys.intern(origin)  # a few names, in a million records


def text_of(source: Source, record: Any) -> str:
    """The instruction in a record, with the text that it works on below it where there is one. Raises BadRecord."""
    text = value_at(record, source.field)
    if not isinstance(text, str) or not text.strip():
        raise BadRecord(f"`{source.field}` is not text" if source.field else "the record is not text")
    if source.pattern:
        found = re.search(source.pattern, text, re.DOTALL)
        if not found or not (found[1] or "").strip():
            raise BadRecord(f"`{source.field}` does not match the source's pattern")
        text = found[1]
    material = value_at(record, source.input_field) if source.input_field else ""
    return f"{text}\n\n{material}" if isinstance(material, str) and material.strip() else text


def raw_text(value: Any) -> str:
    """A record as text, to be shown. A BadRecord without one has none."""
    if isinstance(value, BadRecord):
        return value.raw
    return json.dumps(value, default=str, ensure_ascii=False)
