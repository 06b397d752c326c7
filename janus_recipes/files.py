"""Reading and writing the project's files: JSON lines, whole files moved into place, digests.

Lines are split on `\n` only: U+2028 and U+0085 stand inside real prompts and are not line ends.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from janus_recipes.errors import StepError

Json = dict[str, Any]


def read_jsonl(path: Path) -> Iterator[Json]:
    """Each line of a JSON lines file that this project wrote, as a dictionary.

    Raises StepError with file and line where one is no JSON object: the file is another's, or was cut.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line.decode("utf-8"))
            except ValueError as problem:
                raise StepError(f"{path}:{number}: not JSON: {problem}") from None
            if not isinstance(row, dict):
                raise StepError(f"{path}:{number}: not a JSON object, which each line of this file must be")
            yield row


def json_line(row: Json) -> str:
    """One row as one line, the same bytes for the same row. Non-ASCII text stays readable."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def write_jsonl(path: Path, rows: Iterable[Json]) -> int:
    """Write rows to `path`, whole or not at all. Returns how many."""
    count = 0
    with written_whole(path) as out:
        for row in rows:
            out.write(json_line(row))
            count += 1
    return count


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, indented for people, whole or not at all."""
    with written_whole(path) as out:
        out.write(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


@contextmanager
def written_whole(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only when it is complete and on disk.

    A crash, a full disk or an exception leaves the old file, or none: never half of one. The half-written file has
    the writer's process id in its name, so two writers do not meet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        with half.open("w", encoding="utf-8", newline="\n") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, or of a folder's files with their relative names, in hexadecimal."""
    total = hashlib.sha256()
    if path.is_dir():
        for file in sorted(child for child in path.rglob("*") if child.is_file()):
            total.update(f"{file.relative_to(path)}\x1f{digest_of(file)}\x1f".encode())
        return total.hexdigest()
    with path.open("rb") as data:
        while block := data.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def stamp_of(model: str) -> list[str]:
    """Sizes and times of a local model's files, to tell a newly trained one from the last; empty for a hub id."""
    folder = Path(model)
    files = sorted(file for file in folder.glob("*") if file.is_file()) if folder.is_dir() else []
    return [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]


def digest_of_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal. Lone surrogates, seen in real pools, are allowed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_text(path: Path) -> IO[str]:
    """A UTF-8 text file, gzipped or not, with its line ends untouched.

    A byte order mark, which spreadsheets write before a CSV's first column, is skipped. Bytes that are not UTF-8
    become U+FFFD.
    """
    if path.suffix == ".gz":
        return cast(IO[str], gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n"))
    return path.open(encoding="utf-8-sig", errors="replace", newline="\n")
