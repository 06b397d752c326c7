"""The ledger: every answer that was ever given, so that none is paid for twice (contract 1).

    ledger/<model>/20260102T030405.678901Z-<host>-<pid>-<random>.jsonl

One folder a model, one segment file a writing process. Nobody ever writes to a segment but the process that made it, so
two processes, also on two hosts of one NFS, need no locks; a torn last line, left by a kill, stays torn and is
ignored. Nothing is ever changed or deleted. A row is in the format of the batch API's output, its address at a fixed
place, so that opening reads no JSON:

    {"custom_id":"<64 hexadecimal digits>","response":{"status_code":200,"body":{...}},"at":"2026-01-02T03:04:05Z"}

A row is with the kernel when `put` returns (it survives kill -9) and on disk 0.2 s later (it survives a power cut).
Where two segments answer the same address, the older segment's answer counts.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import threading
from binascii import Error as NotHexadecimal
from binascii import unhexlify
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from janus_recipes.errors import StepError
from janus_recipes.llm.chat import NotAReply, Reply, body_from, reply_from

SYNC_EVERY_S = 0.2
OPEN_SEGMENTS = 64
"""Segments that are held open for reading at most: a ledger may have thousands, a process some 1,000 files."""

_PREFIX = b'{"custom_id":"'
_ADDRESS = slice(len(_PREFIX), len(_PREFIX) + 64)

Place = tuple[int, int, int]
"""Where a row stands: number of its segment, offset and length in bytes."""


class Ledger:
    """The answers of one model. Open it with `Ledger.open`; close it, or use it in a `with`."""

    def __init__(self, folder: Path, segments: list[Path]) -> None:
        self.folder = folder
        self._segments = segments
        self._readers: OrderedDict[int, int] = OrderedDict()
        self._writer: _Segment | None = None
        self._places: dict[bytes, Place] = {}
        for number, segment in enumerate(segments):
            for address, offset, length in _rows_of(segment):
                self._places.setdefault(address, (number, offset, length))

    @classmethod
    def open(cls, folder: Path, model: str) -> Ledger:
        """Open the answers of `model` in the ledger at `folder`; neither has to exist yet. Nothing is written."""
        home = folder / _folder_name(model)
        return cls(home, sorted(home.glob("*.jsonl")))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, address: str) -> bool:
        return bytes.fromhex(address) in self._places

    def get(self, address: str) -> Reply | None:
        """The answer at an address, or None. A row that turns out to be damaged is no answer."""
        place = self._places.get(bytes.fromhex(address))
        if place is None:
            return None
        segment, offset, length = place
        line = os.pread(self._reader(segment), length, offset)
        try:
            if line[_ADDRESS] != address.encode():
                raise NotAReply("another row stands here")
            row = json.loads(line)
            return replace(reply_from(row["response"]["body"]), at=str(row.get("at", "")))
        except (ValueError, LookupError, TypeError, AttributeError, NotAReply):
            del self._places[bytes.fromhex(address)]
            return None

    def put(self, address: str, reply: Reply) -> None:
        """Keep an answer, as given now unless it says when. Raises StepError when the disk is full or forbids it."""
        writer = self.prepare()
        offset, length = writer.append(_line_of(address, reply))
        self._places.setdefault(bytes.fromhex(address), (len(self._segments) - 1, offset, length))

    def prepare(self) -> _Segment:
        """Make this process's segment, so that a ledger that cannot be written is found before anything is paid for."""
        if self._writer is None:
            self._writer = _Segment(self.folder / _segment_name())
            self._segments.append(self._writer.path)
        return self._writer

    def close(self) -> None:
        """Bring the last rows to disk. An empty segment is removed."""
        for reader in self._readers.values():
            os.close(reader)
        self._readers.clear()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _reader(self, segment: int) -> int:
        if segment in self._readers:
            self._readers.move_to_end(segment)
        else:
            self._readers[segment] = os.open(self._segments[segment], os.O_RDONLY)
            if len(self._readers) > OPEN_SEGMENTS:
                os.close(self._readers.popitem(last=False)[1])
        return self._readers[segment]


class _Segment:
    """The file that this process alone appends to, brought to disk by a thread so that no answer waits for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0
        self._synced = 0
        self._trouble: OSError | None = None
        self._closing = threading.Event()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
            _sync_folder(path.parent)
        except OSError as error:
            raise self._cannot(error) from error
        self._syncing = threading.Thread(target=self._sync_now_and_then, name="ledger", daemon=True)
        self._syncing.start()

    def append(self, line: bytes) -> tuple[int, int]:
        """Write one line. Returns its offset and length. After a failure nothing more is written here."""
        if self._trouble is not None:
            raise self._cannot(self._trouble)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            self._trouble = error
            raise self._cannot(error) from error
        offset, self._size = self._size, self._size + len(line)
        return offset, len(line)

    def close(self) -> None:
        self._closing.set()
        self._syncing.join()
        self._sync()
        os.close(self._file)
        if self._size == 0:
            self.path.unlink(missing_ok=True)
        elif self._trouble is not None:
            raise self._cannot(self._trouble)

    def _sync_now_and_then(self) -> None:
        while not self._closing.wait(SYNC_EVERY_S):
            self._sync()

    def _sync(self) -> None:
        size = self._size
        if size > self._synced:
            try:
                os.fsync(self._file)
                self._synced = size
            except OSError as error:  # NFS and quotas report a full disk only here
                self._trouble = self._trouble or error

    def _cannot(self, error: OSError) -> StepError:
        return StepError(
            f"{self.path}: answers cannot be kept here: {error.strerror}. Nothing more was asked. Make room or allow "
            "writing, then run the same command again: answers kept so far are not asked again."
        )


def _rows_of(segment: Path) -> Iterator[tuple[bytes, int, int]]:
    """Address, offset and length of each whole row of a segment."""
    offset = 0
    with segment.open("rb", buffering=1 << 20) as lines:
        for line in lines:
            if line.startswith(_PREFIX) and line.endswith(b"}\n"):
                with suppress(NotHexadecimal):
                    yield unhexlify(line[_ADDRESS]), offset, len(line)
            offset += len(line)


def _line_of(address: str, reply: Reply) -> bytes:
    row = {
        "custom_id": address,
        "response": {"status_code": 200, "body": body_from(reply)},
        "at": reply.at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _folder_name(model: str) -> str:
    """A model's name as one folder's name, no two alike: org/model becomes org%2Fmodel."""
    name = quote(model, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _segment_name() -> str:
    host = re.sub(r"[^A-Za-z0-9]+", "_", socket.gethostname())
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{host}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
