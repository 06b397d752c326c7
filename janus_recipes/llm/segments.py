"""One segment of the ledger: the file that one process appends answers to, and that all processes read.

    {"custom_id":"<64 hexadecimal digits>","response":{"status_code":200,"body":{...}},"at":"2026-01-02T03:04:05Z"}

A row is a line in the format of the batch API's output. Its address stands at a fixed place, so that a reader finds it
without reading JSON.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
from binascii import Error as NotHexadecimal
from binascii import unhexlify
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from janus_recipes.errors import StepError
from janus_recipes.llm.chat import NotAReply, Reply, body_from, reply_from

SYNC_EVERY_S = 0.2

_PREFIX = b'{"custom_id":"'
_ADDRESS = slice(len(_PREFIX), len(_PREFIX) + 64)


class SegmentWriter:
    """The file that this process alone appends to, brought to disk by a thread so that no answer waits for it."""

    def __init__(self, folder: Path) -> None:
        """Make a new segment in the folder, which is made too. Raises StepError where that is impossible."""
        self.path = folder / _segment_name()
        self._size = 0
        self._synced = 0
        self._trouble: OSError | None = None
        self._told = False
        self._closing = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
            _sync_folder(folder)
        except OSError as error:
            raise self._cannot(error) from error
        self._syncing = threading.Thread(target=self._sync_now_and_then, name="ledger", daemon=True)
        self._syncing.start()

    def append(self, line: bytes) -> int:
        """Write one line. Returns its offset. After a failure nothing more is written here."""
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
        return offset

    def close(self) -> None:
        """Bring the last rows to disk. An empty segment is removed."""
        self._closing.set()
        self._syncing.join()
        self._sync()
        os.close(self._file)
        if self._size == 0:
            self.path.unlink(missing_ok=True)
        elif self._trouble is not None and not self._told:
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
        self._told = True
        return StepError(
            f"{self.path}: answers cannot be kept here: {error.strerror}. Nothing more was asked. Make room or allow "
            "writing, then run the same command again: answers kept so far are not asked again."
        )


def whole_lines(segment: Path, start: int = 0) -> Iterator[bytes]:
    """The lines of a segment from an offset on, up to the first that is not whole: its writer is at it, or was killed.

    A segment that is gone has none: its writer removes an empty one.
    """
    try:
        lines = segment.open("rb", buffering=1 << 20)
    except FileNotFoundError:
        return
    with lines:
        lines.seek(start)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            yield line


def line_of(address: str, reply: Reply) -> bytes:
    """An answer as its line, given now unless it says when."""
    row = {
        "custom_id": address,
        "response": {"status_code": 200, "body": body_from(reply)},
        "at": reply.at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def key_in(line: bytes) -> bytes | None:
    """The address of a whole line, as 32 bytes; None where the line is no row. Its JSON is not read."""
    if line.startswith(_PREFIX) and line.endswith(b"}\n"):
        try:
            return unhexlify(line[_ADDRESS])
        except NotHexadecimal:
            return None
    return None


def reply_in(line: bytes, address: str) -> Reply:
    """The answer on a line. Raises NotAReply when the line is damaged or is another address's."""
    if line[_ADDRESS] != address.encode():
        raise NotAReply("another row stands here")
    try:
        row = orjson.loads(line)
        return reply_from(row["response"]["body"], at=str(row.get("at", "")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotAReply(f"no row of the ledger ({type(error).__name__}: {error})") from None


def _segment_name() -> str:
    """A name that no other process gives, on whatever host; names sort by the time at which writing began."""
    host = re.sub(r"[^A-Za-z0-9]+", "_", socket.gethostname())
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{host}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
