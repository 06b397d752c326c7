"""Read pools of instructions: data sets on the hub, or local json, jsonl and csv files, gzipped or not.

A record that cannot be read is counted with its number and reason and never stops the step; a source with more than
`max_bad_share` of them does (contract 2).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from janus_recipes.errors import StepError
from janus_recipes.files import open_text
from janus_recipes.llm.chat import well_formed
from janus_recipes.recipe.schema import Source
from janus_recipes.records import Instruction, instruction_id
from janus_recipes.rehearsal.variants import framings

BAD_SHOWN = 5


class BadRecord(Exception):
    """One record of a pool is not what the recipe says it is."""


@dataclass
class SourceReport:
    """What reading one source came to, for the manifest."""

    records: int = 0
    bad: int = 0
    examples: list[str] = field(default_factory=list)

    def count_bad(self, number: int, problem: str) -> None:
        self.bad += 1
        if len(self.examples) < BAD_SHOWN:
            self.examples.append(f"record {number}: {problem}")


def read_source(name: str, source: Source, report: SourceReport) -> Iterator[Instruction]:
    """The instructions of one pool, in its order, not yet de-duplicated. Raises StepError when too many are bad."""
    for number, record in enumerate(records_of(name, source), start=1):
        report.records += 1
        try:
            yield from instructions_in(name, source, record)
        except BadRecord as problem:
            report.count_bad(number, str(problem))
    if report.bad > source.max_bad_share * report.records:
        raise StepError(
            f"source {name}: {report.bad} of {report.records} records cannot be read, more than max_bad_share "
            f"({source.max_bad_share:.0%}) allows: " + "; ".join(report.examples)
        )


def instructions_in(name: str, source: Source, record: Any) -> Iterator[Instruction]:
    """A record's instruction, and its further framings where the recipe wants them. Raises BadRecord."""
    if isinstance(record, BadRecord):
        raise record
    if any(str(value_at(record, key)) != wanted for key, wanted in source.where.items()):
        return
    text = well_formed(text_of(source, record))  # half a pair of surrogates could not be written
    origin = well_formed(str(value_at(record, source.origin_field))) if source.origin_field else ""
    for framed in framings(text, source.variants):
        yield Instruction(instruction_id(framed), framed, name, origin)


def text_of(source: Source, record: Any) -> str:
    """The instruction in a record, with the text that it works on below it where there is one. Raises BadRecord."""
    text = value_at(record, source.field)
    if not isinstance(text, str) or not text.strip():
        raise BadRecord(f"`{source.field}` is not text")
    if source.pattern:
        found = re.search(source.pattern, text, re.DOTALL)
        if not found:
            raise BadRecord(f"`{source.field}` does not match the source's pattern")
        text = str(found[1])
    material = value_at(record, source.input_field) if source.input_field else ""
    return f"{text}\n\n{material}" if isinstance(material, str) and material.strip() else text


def value_at(record: Any, path: str) -> Any:
    """The value at a dotted path: `conversation_a.0.content`. An empty path is the record itself. Raises BadRecord."""
    for step in filter(None, path.split(".")):
        try:
            record = record[int(step)] if isinstance(record, list) else record[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise BadRecord(f"there is no `{path}`") from None
    return record


def records_of(name: str, source: Source) -> Iterator[Any]:
    """The raw records of a source; a line that is not JSON is yielded as a BadRecord."""
    if source.path is None:
        return loaded_records(name, source)
    path = Path(source.path)
    if not path.exists():
        raise StepError(f"source {name}: {path}: no such file; collection.sources.{name}.path says where it lies")
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    readers = {"jsonl": jsonl_records, "json": json_records, "csv": csv_records}
    if kind not in readers:
        raise StepError(f"source {name}: {path}: a {kind} file; json, jsonl and csv are read")
    return readers[kind](path)


def jsonl_records(path: Path) -> Iterator[Any]:
    with open_text(path) as lines:
        for line in lines:
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as problem:
                    yield BadRecord(f"not JSON: {problem}")


def json_records(path: Path) -> Iterator[Any]:
    with open_text(path) as text:
        try:
            found = json.load(text)
        except ValueError as problem:
            raise StepError(f"{path}: not JSON: {problem}") from problem
    if not isinstance(found, list):
        raise StepError(f"{path}: a list of records was expected")
    yield from found


def csv_records(path: Path) -> Iterator[Any]:
    csv.field_size_limit(1 << 27)  # real prompts pass the default of 131,072 characters
    with open_text(path) as lines:
        yield from csv.DictReader(lines)


def loaded_records(name: str, source: Source) -> Iterator[Any]:
    """The records of a data set on the hub at its pinned revision, or of a file on the web; both are cached."""
    from datasets import load_dataset  # two seconds to import, and only these sources need it

    try:
        if source.url:
            kind = "csv" if source.url.removesuffix(".gz").endswith(".csv") else "json"
            yield from load_dataset(kind, data_files=source.url, split="train")
        else:
            yield from load_dataset(source.dataset, revision=source.revision, split=source.split)
    except Exception as problem:  # the library raises many kinds; each means that there is no data
        raise StepError(
            f"source {name}: {source.url or source.dataset} could not be loaded: {problem}. "
            "Is there a network, and does the data set want you to log in and accept its terms?"
        ) from problem
