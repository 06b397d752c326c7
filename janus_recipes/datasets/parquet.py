"""A data set's rows as one Parquet file, which the hub shows and `datasets.load_dataset` reads with its types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from janus_recipes.errors import StepError
from janus_recipes.files import Json, read_jsonl

BATCH = 10_000
"""Rows that are held in memory at a time."""

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])


def write_parquet(rows: Path, out: Path) -> int:
    """Write the rows of a JSON lines file. Returns how many. Raises StepError where a row has other columns."""
    schema = schema_of(first_row(rows))
    count = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in batches(read_jsonl(rows)):
            count += len(batch)
            for row in batch:
                if row.keys() != set(schema.names):
                    raise StepError(f"{rows}: {row.get('id')}: has the columns {sorted(row)}, not {schema.names}")
            try:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
                raise StepError(f"{rows}: the rows {count - len(batch) + 1} to {count}: {problem}") from problem
    return count


def batches(rows: Iterator[Json]) -> Iterator[list[Json]]:
    """The rows, BATCH at a time."""
    while batch := [row for _, row in zip(range(BATCH), rows, strict=False)]:
        yield batch


def first_row(rows: Path) -> Json:
    """The first row of a file. Raises StepError when there is none."""
    row = next(read_jsonl(rows), None)
    if row is None:
        raise StepError(f"{rows}: has no rows")
    return row


def schema_of(row: Json) -> pa.Schema:
    """The columns of rows like this one: texts and lists of messages, `id` first."""
    return pa.schema([(name, type_of(row[name])) for name in sorted(row, key=lambda name: (name != "id", name))])


def type_of(value: Any) -> pa.DataType:
    """The type of a column: a list of messages, or a text."""
    return pa.list_(MESSAGE) if isinstance(value, list) else pa.string()
