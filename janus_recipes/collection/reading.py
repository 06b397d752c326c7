"""Raw records of any pool: data sets on the hub, files on the web, local json, jsonl, csv and parquet, gzipped or not.

    for record in read_records("nectar", recipe.collection.sources["nectar"]):
        record.number, record.value             # the value is a BadRecord where it could not be read

What is wrong with one record is that record's alone: it is told with its file, number and reason, and the next one is
read. What is wrong with a file (missing, cut off, of an unknown format) is a StepError.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from janus_recipes.collection.pool_files import FORMATS, format_of, pool_files
from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.problem import hint

BATCH = 4096
"""Records of a columnar file that are turned into Python objects at a time."""


class BadRecord(Exception):
    """Why one record of a pool cannot be used. `raw` is its text as it stands, where it has one."""

    def __init__(self, reason: str, raw: str = "") -> None:
        super().__init__(reason)
        self.raw = raw


class Record(NamedTuple):
    """One record of a pool. `number` is its line in jsonl and csv files, else its place, both counted from 1."""

    file: str
    number: int
    value: Any


Numbered = Iterator[tuple[int, Any]]


def read_records(name: str, located: Located, columns: Collection[str] | None = None) -> Iterator[Record]:
    """The records of a pool, in the order of its files' names. A value is a BadRecord where it could not be read.

    Of a columnar file only `columns` are read, where they are given. Raises StepError when a file cannot be read, or
    when it is a table without one of them.
    """
    if located.dataset is not None:
        at = f"{located.dataset}@{located.revision}"
        yield from (Record(at, *one) for one in hub_records(name, located, columns))
    elif located.url is not None:
        kind = known_format(name, located.url)
        yield from file_records(name, fetched(name, located.url), located.url, kind, columns)
    else:
        for file in local_files(name, str(located.path)):
            yield from file_records(name, file, str(file), known_format(name, str(file)), columns)


def value_at(record: Any, path: str) -> Any:
    """The value at a dotted path: `conversation_a.0.content`. An empty path is the record itself. Raises BadRecord."""
    for step in path.split(".") if path else ():
        try:
            record = record[int(step)] if isinstance(record, list) else record[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise BadRecord(f"there is no `{path}`") from None
    return record


def value_if_any(record: Any, path: str | None) -> Any:
    """As `value_at`; None where nothing stands there, or there is no path."""
    try:
        return None if path is None else value_at(record, path)
    except BadRecord:
        return None


def stands_at(record: Any, path: str) -> bool:
    """Whether anything stands at a dotted path, be it null."""
    try:
        value_at(record, path)
    except BadRecord:
        return False
    return True


def is_wanted(located: Located, record: Any) -> bool:
    """Whether a record has the values that the recipe's `where` names."""
    if not located.where or isinstance(record, BadRecord):  # what cannot be read is told as that
        return True
    return all(stands_at(record, key) and str(value_at(record, key)) == wanted for key, wanted in located.where.items())


def local_files(name: str, path: str) -> list[Path]:
    """The files of a local pool. Raises StepError where there is none."""
    files = pool_files(path)
    if not files or not files[0].exists():
        raise StepError(f"source {name}: {path}: no such file; `path` of {name} in the recipe says where it lies")
    return files


def known_format(name: str, file: str) -> str:
    """The format of a file. Raises StepError at one that is not read."""
    kind = format_of(file)
    if kind is None:
        raise StepError(f"source {name}: {file}: its name must end in one of {', '.join(FORMATS)}")
    return kind


def file_records(name: str, file: Path, shown: str, kind: str, columns: Collection[str] | None) -> Iterator[Record]:
    """The records of one file of a pool; `shown` is the file's path or its address."""
    at = f"source {name}: {shown}"
    with opened(file, at) as data:
        if kind == "jsonl":
            found = jsonl_records(data)
        elif kind == "csv":
            found = csv_records(data, at, columns)
        elif kind == "json":
            found = json_records(data, at)
        else:
            found = parquet_records(data, at, columns)
        for number, value in found:
            yield Record(shown, number, value)


def columns_read(at: str, there: Collection[str], columns: Collection[str] | None) -> list[str]:
    """Those of a table's columns that are wanted. Raises StepError where it lacks one that is."""
    for column in sorted(set(columns or ()) - set(there)):
        near = hint(column, there)
        raise StepError(f"{at}: there is no column `{column}`{near}; there are: {', '.join(there) or 'none'}")
    return [column for column in there if columns is None or column in columns]


@contextmanager
def opened(file: Path, at: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, gzipped or not by its first ones: what comes from the web has any name.

    Raises StepError when it cannot be opened, or turns out to be cut off while it is read.
    """
    try:
        with file.open("rb") as data:
            zipped = data.read(2) == b"\x1f\x8b"
            data.seek(0)
            yield io.BufferedReader(gzip.GzipFile(fileobj=data)) if zipped else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise StepError(f"{at}: not a whole gzip file ({problem}); fetch or copy it again") from problem
    except OSError as problem:
        raise StepError(f"{at}: cannot be read: {problem.strerror}") from problem


def jsonl_records(data: IO[bytes]) -> Numbered:
    """One record a line. Empty lines are none; only `\\n` ends a line, since U+2028 stands inside real prompts."""
    for number, line in enumerate(data, start=1):
        if not line.isspace():
            yield number, parsed(line)


def parsed(content: bytes) -> Any:
    """The JSON value, or a BadRecord. What orjson refuses and people write is read too: a byte order mark, other bytes
    than UTF-8, half a pair of surrogates.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        return BadRecord(f"not JSON: {problem.msg} (character {problem.pos + 1})", text)
    except (ValueError, RecursionError) as problem:
        return BadRecord(f"not JSON: {problem}", text)


def json_records(data: IO[bytes], at: str) -> Numbered:
    """The records of one list, or of lines: many a file of JSON lines is called .json."""
    content = data.read()
    found = parsed(content)
    if isinstance(found, list):
        yield from enumerate(found, start=1)
    elif isinstance(found, BadRecord) and not isinstance(parsed(content.partition(b"\n")[0]), BadRecord):
        yield from jsonl_records(io.BytesIO(content))
    else:
        raise StepError(f"{at}: {found if isinstance(found, BadRecord) else 'a list of records was expected'}")


def csv_records(data: IO[bytes], at: str, columns: Collection[str] | None) -> Numbered:
    """One record a row, by the names in the first one. Quotes are taken strictly: a stray one would join rows.

    Lines that a misplaced quote makes unreadable are bad records, each of them; in the first row, a StepError.
    """
    csv.field_size_limit(1 << 27)  # real prompts pass the default of 131,072 characters
    lines = io.TextIOWrapper(data, encoding="utf-8-sig", errors="replace", newline="\n")
    rows = csv.reader(lines, strict=True)
    try:
        names = next(rows, None)
    except csv.Error as problem:
        raise StepError(
            f"{at}: its first row, which names the columns, is not CSV ({problem}). Quotes stand around whole fields "
            "and are doubled inside them, lines end in LF or CRLF: save the file again like that"
        ) from problem
    if names is None:  # an empty file
        return
    columns_read(at, names, columns)
    while True:
        first = rows.line_num + 1
        try:
            values = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            for number in range(first, rows.line_num + 1):
                yield number, BadRecord(f"not CSV from line {first} to {rows.line_num}: {problem}")
            continue
        if len(values) == len(names):
            yield first, dict(zip(names, values, strict=True))
        elif values:
            yield first, BadRecord(f"{len(values)} fields, the first line names {len(names)}", ",".join(values))


def parquet_records(data: IO[bytes], at: str, columns: Collection[str] | None) -> Numbered:
    """The rows of a parquet file; of its columns only those wanted."""
    import polars  # only here: it takes a while to load

    content = io.BytesIO(data.read())
    try:
        there = polars.read_parquet_schema(content)
        content.seek(0)
        table = polars.read_parquet(content, columns=columns_read(at, there, columns))
    except polars.exceptions.PolarsError as problem:
        raise StepError(f"{at}: not a parquet file: {problem}") from problem
    for start in range(0, table.height, BATCH):
        yield from enumerate(table.slice(start, BATCH).to_dicts(), start=start + 1)


def fetched(name: str, url: str) -> Path:
    """A file of the web, fetched once and kept in the cache of the datasets package."""
    from datasets import DownloadConfig, DownloadManager  # two seconds to import, and only these sources need it

    try:
        # Without a tag of its version: what was fetched once is there without a network.
        return Path(DownloadManager(download_config=DownloadConfig(use_etag=False)).download(url))
    except Exception as problem:  # the library raises many kinds; each means that there is no file
        raise StepError(f"source {name}: {url} could not be fetched: {problem}. Is there a network?") from problem


def fetched_digests(pools: Mapping[str, Located]) -> dict[str, Json]:
    """Address and digest of each pool's file of the web, by the pool's name, once it is fetched."""
    files = {name: (pool.url, fetched(name, pool.url)) for name, pool in pools.items() if pool.url is not None}
    return {name: {"url": url, "sha256": digest_of(file)} for name, (url, file) in files.items()}


def hub_records(name: str, located: Located, columns: Collection[str] | None) -> Numbered:
    """The records of a data set on the hub at its pinned revision, which the datasets package keeps in its cache."""
    from datasets import load_dataset

    try:
        found = load_dataset(located.dataset, revision=located.revision, split=located.split)
    except Exception as problem:  # as above
        raise StepError(
            f"source {name}: {located.dataset} could not be loaded: {problem}. "
            "Is there a network, and does the data set want you to log in and accept its terms?"
        ) from problem
    wanted = columns_read(f"source {name}: {located.dataset}@{located.revision}", found.column_names, columns)
    tables = found.select_columns(wanted).with_format("arrow").iter(batch_size=BATCH)
    yield from enumerate((row for table in tables for row in table.to_pylist()), start=1)
