"""Read pools of instructions, from wherever the recipe says that they lie (`reading.py` knows the formats).

A record that cannot be used is counted, kept aside with its number and reason and never stops the step; a source with
more than `max_bad_share` of them does (contract 2).
"""

from __future__ import annotations

import json
import re
import reprlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from janus_recipes.collection.reading import (
    BadRecord,
    Record,
    fetched_digests,
    is_wanted,
    read_records,
    stands_at,
    value_at,
    value_if_any,
)
from janus_recipes.errors import StepError
from janus_recipes.files import Json, write_jsonl
from janus_recipes.llm.chat import well_formed
from janus_recipes.recipe.collection import InstructionSampling, Located, Source
from janus_recipes.records import Instruction, instruction_id
from janus_recipes.rehearsal.variants import framings

BAD_SHOWN = 5
RAW_SHOWN = 300
"""Characters of a bad record that are kept aside."""


@dataclass
class SourceReport:
    """What reading one source came to, for the manifest. `unwanted` records are not those that `where` names."""

    records: int = 0
    bad: int = 0
    unwanted: int = 0
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


@contextmanager
def keeping_aside(failed: Path) -> Iterator[Aside]:
    """What a step keeps aside. Where the step fails these records are in the file `failed`, which the error names.

    Snakemake deletes what a failed job declares, so that file is none of those.
    """
    aside = Aside()
    failed.unlink(missing_ok=True)
    try:
        yield aside
    except StepError as problem:
        if not aside.rows:
            raise
        write_jsonl(failed, aside.rows)
        raise StepError(f"{problem}. All {len(aside.rows)} records that cannot be used: {failed}") from problem


def read_pools(
    sources: Mapping[str, Source], reports: Mapping[str, SourceReport], aside: Aside
) -> dict[str, list[Instruction]]:
    """The instructions of several pools. Raises StepError where one cannot be used, or some give no instruction."""
    found = {name: list(read_source(name, source, reports[name], aside)) for name, source in sources.items()}
    stop_at_empty(reports)
    return found


def section_of(seed: int, sources: Mapping[str, Source], sampling: InstructionSampling | None = None) -> Json:
    """What the manifest says of the recipe where instructions are drawn from pools: all that is said of each pool."""
    said = {"seed": seed, "sources": {name: one.model_dump(mode="json") for name, one in sources.items()}}
    return said if sampling is None else {**said, "sampling": sampling.model_dump(mode="json")}


def fetched_note(sources: Mapping[str, Source]) -> Json:
    """What the manifest notes of the files that came from the web; nothing where none did."""
    fetched = fetched_digests(sources)
    return {"fetched": fetched} if fetched else {}


def read_source(name: str, source: Source, report: SourceReport, aside: Aside | None = None) -> Iterator[Instruction]:
    """The instructions of one pool, in its order, not yet de-duplicated. Raises StepError when too many are bad."""
    for text, origin in read_texts(name, source, report, aside or Aside()):
        yield Instruction(instruction_id(text), text, name, origin)


def read_texts(name: str, source: Source, report: SourceReport, aside: Aside) -> Iterator[tuple[str, str]]:
    """As `read_source`: each instruction's text and origin."""
    unseen = [field for field in (source.input_field, source.origin_field) if field]
    for record in read_records(name, source, columns_of(source)):
        report.records += 1
        if not is_wanted(source, record.value):
            report.unwanted += 1
            continue
        try:
            found = instruction_in(source, record.value)
        except BadRecord as problem:
            aside.put(name, record, problem, report)
            continue
        unseen = [field for field in unseen if not stands_at(record.value, field)]
        if source.variants == 1:
            yield found
        else:
            yield from ((framed, found[1]) for framed in framings(found[0], source.variants))
    stop_if_too_bad(name, source, report)
    if unseen and report.records > report.bad + report.unwanted:
        told = " and ".join(f"`{field}`" for field in unseen)
        raise StepError(f"source {name}: no record has {told}: look at its input_field and origin_field in the recipe")


def stop_if_too_bad(name: str, located: Located, report: SourceReport) -> None:
    """Raises StepError when more of a pool's records are bad than its recipe allows."""
    if report.bad > located.max_bad_share * report.records:
        raise StepError(
            f"source {name}: {report.bad} of {report.records} records cannot be read, more than max_bad_share "
            f"({located.max_bad_share:.0%}) allows: " + "; ".join(report.examples)
        )


def stop_at_empty(reports: Mapping[str, SourceReport]) -> None:
    """Raises StepError, naming all of them, where sources gave no instruction: whoever lists one expects some."""
    empty = {name: one for name, one in reports.items() if one.records == one.bad + one.unwanted}
    if empty:
        found = (
            f"source {name}: {one.records} records read, {one.bad} of them bad, {one.unwanted} not wanted by `where`"
            for name, one in empty.items()
        )
        raise StepError(f"no instruction comes from {'; '.join(found)}. Look at these sources' files, field and where")


def columns_of(source: Source) -> set[str] | None:
    """The top-level fields that a source's instructions are made from; None: the record itself."""
    paths = [source.field, source.input_field, source.origin_field, *source.where]
    return None if source.field == "" else {path.partition(".")[0] for path in paths if path}


def instruction_in(source: Source, record: Any) -> tuple[str, str]:
    """A record's instruction and its origin, which is empty where it says none. Raises BadRecord."""
    if isinstance(record, BadRecord):
        raise record
    text = well_formed(text_of(source, record))  # half a pair of surrogates could not be written
    origin = value_if_any(record, source.origin_field)
    return text, sys.intern("" if origin is None else well_formed(str(origin)))  # a few names, in a million records


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
    material = value_if_any(record, source.input_field)
    return f"{text}\n\n{material}" if isinstance(material, str) and material.strip() else text


def raw_text(value: Any) -> str:
    """A record as text, to be shown. A BadRecord without one has none."""
    if isinstance(value, BadRecord):
        return value.raw
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except RecursionError:
        return reprlib.repr(value)  # what is nested so deeply is shown without its depths
