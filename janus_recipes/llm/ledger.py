"""The ledger: every answer that was ever given, so that none is paid for twice (contract 1).

    ledger/<model>/20260102T030405.678901Z-<host>-<pid>-<random>.jsonl

One folder a model, one segment file a writing process (segments.py has its rows). Nobody ever writes to a segment but
the process that made it, under a name that no other takes (O_EXCL), and readers take whole lines only. So two
processes, also on two hosts of one NFS, need no locks; a torn last line, left by a kill, stays torn and is ignored.
Nothing is ever changed or deleted.

A row is with the kernel when `put` returns (it survives kill -9) and on disk 0.2 s later (it survives a power cut).
A process that runs takes in what others answer meanwhile: at once on one host; on NFS when the other host has written
its rows back (0.2 s) and this one has dropped what it remembers of the file's size (3 to 60 s by default).
Where two rows answer the same address, the older segment's counts; a process that runs keeps the one it saw first.

Nothing is ever compacted: 600,000 answers of 2 kB (1.4 GB) are opened in 2 s, each is then looked up, read and judged
in some 20 microseconds, and the index takes 135 bytes of memory an answer (81 MB).
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from janus_recipes.llm.chat import NotAReply, Reply
from janus_recipes.llm.segments import SegmentWriter, key_in, line_of, reply_in, whole_lines

OPEN_SEGMENTS = 64
"""Segments that are held open for reading at most: a ledger may have thousands, a process some 1,000 files."""

LOOK_EVERY_S = 1.0
"""How often a running process looks through the folder for segments that have come or grown."""

GROWING_FOR_S = 60.0
"""How long a segment counts as one that another process is writing, after it was last seen to grow."""

_LENGTH_BITS, _OFFSET_BITS = 32, 48
"""A place is one integer, a third of the memory of a tuple: number of its segment, offset and length in bytes."""


@dataclass(slots=True)
class _Segment:
    """What is known of a segment: how large it was when last looked at, and up to where its whole lines were read."""

    path: Path
    size: int
    read_to: int = 0


class Ledger:
    """The answers of one model. Open it with `Ledger.open`; close it, or use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments: list[_Segment] = []
        self._numbers: dict[str, int] = {}
        self._growing: dict[int, float] = {}
        self._readers: OrderedDict[int, int] = OrderedDict()
        self._writer: SegmentWriter | None = None
        self._places: dict[bytes, int] = {}
        self._spare: dict[bytes, list[int]] = {}
        for path, size in segments_in(folder):
            self._take_in(self._numbered(path, size))
        self._look_again_at = 0.0

    @classmethod
    def open(cls, folder: Path, model: str) -> Ledger:
        """Open the answers of `model` in the ledger at `folder`; neither has to exist yet. Nothing is written."""
        return cls(folder / folder_name(model))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """The addresses, in the order of the segments and of the rows in them."""
        return (key.hex() for key in list(self._places))

    def __contains__(self, address: str) -> bool:
        return bytes.fromhex(address) in self._places

    def get(self, address: str) -> Reply | None:
        """The answer at an address, or None. A row that turns out to be damaged is no answer."""
        key = bytes.fromhex(address)
        while (place := self._places.get(key)) is not None:
            try:
                return reply_in(self._line_at(place), address)
            except NotAReply:
                self._forget_first(key)
        return None

    def put(self, address: str, reply: Reply) -> None:
        """Keep an answer, as given now unless it says when. Raises StepError when the disk is full or forbids it."""
        line = line_of(address, reply)
        writer = self.prepare()
        self._place(bytes.fromhex(address), self._numbers[writer.path.name], writer.append(line), len(line))

    def prepare(self) -> SegmentWriter:
        """Make this process's segment, so that a ledger that cannot be written is found before anything is paid for."""
        if self._writer is None:
            self._writer = SegmentWriter(self.folder)
            self._numbered(self._writer.path, 0)
        return self._writer

    def refresh(self) -> int:
        """Take in what other processes have answered since this was last called. Returns how many rows came in.

        Cheap enough to be called before each question: the whole folder is looked through once in LOOK_EVERY_S, and at
        other times only the segments that were seen to grow.
        """
        now = time.monotonic()
        if now >= self._look_again_at:
            self._look_again_at = now + LOOK_EVERY_S
            self._growing = {number: at for number, at in self._growing.items() if now - at < GROWING_FOR_S}
            sizes = {self._numbered(path, 0): size for path, size in segments_in(self.folder)}
        else:
            sizes = {number: _size_of(self._segments[number].path) for number in self._growing}
        return sum(self._take_in_growth(number, size, now) for number, size in sizes.items())

    @property
    def shared(self) -> bool:
        """Whether another process was seen answering questions of this model within the last GROWING_FOR_S."""
        return bool(self._growing)

    def close(self) -> None:
        """Bring the last rows to disk. An empty segment is removed."""
        for reader in self._readers.values():
            os.close(reader)
        self._readers.clear()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _numbered(self, path: Path, size: int) -> int:
        """The number of a segment, which is new with this size unless it is known."""
        number = self._numbers.setdefault(path.name, len(self._segments))
        if number == len(self._segments):
            self._segments.append(_Segment(path, size))
        return number

    def _take_in_growth(self, number: int, size: int, now: float) -> int:
        segment = self._segments[number]
        own = self._writer is not None and segment.path == self._writer.path
        if own or size <= segment.size:
            return 0
        segment.size = size
        self._growing[number] = now
        return self._take_in(number)

    def _take_in(self, number: int) -> int:
        """Read a segment on from where it was read to. Returns how many rows there were."""
        segment, rows = self._segments[number], 0
        offset = segment.read_to
        for line in whole_lines(segment.path, offset):
            key = key_in(line)
            if key is not None:
                self._place(key, number, offset, len(line))
                rows += 1
            offset += len(line)
        segment.read_to = offset
        return rows

    def _place(self, key: bytes, segment: int, offset: int, length: int) -> None:
        place = (segment << _OFFSET_BITS | offset) << _LENGTH_BITS | length
        if self._places.setdefault(key, place) != place:
            self._spare.setdefault(key, []).append(place)

    def _forget_first(self, key: bytes) -> None:
        """Let the next row at this address count, where there is one."""
        spare = self._spare.get(key)
        if spare:
            self._places[key] = spare.pop(0)
        else:
            del self._places[key]

    def _line_at(self, place: int) -> bytes:
        length = place & (1 << _LENGTH_BITS) - 1
        offset = place >> _LENGTH_BITS & (1 << _OFFSET_BITS) - 1
        return os.pread(self._reader(place >> _LENGTH_BITS + _OFFSET_BITS), length, offset)

    def _reader(self, segment: int) -> int:
        if segment in self._readers:
            self._readers.move_to_end(segment)
        else:
            self._readers[segment] = os.open(self._segments[segment].path, os.O_RDONLY)
            if len(self._readers) > OPEN_SEGMENTS:
                os.close(self._readers.popitem(last=False)[1])
        return self._readers[segment]


def segments_in(folder: Path) -> list[tuple[Path, int]]:
    """The segments in a model's folder with their sizes in bytes, the oldest first; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            found = [(folder / one.name, one.stat().st_size) for one in entries if one.name.endswith(".jsonl")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found)


def folder_name(model: str) -> str:
    """A model's name as one folder's name, no two alike: org/model becomes org%2Fmodel."""
    name = quote(model, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
