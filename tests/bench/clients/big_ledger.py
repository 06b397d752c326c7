"""A ledger of many answers: made, asked for what it lacks, and its bytes merely read. Each in a process of its own.

python -m tests.bench.clients.big_ledger URL REQUESTS IN_FLIGHT FOLDER make|ask|read
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import janus_recipes.llm.flow  # noqa: F401  # loaded before the clock starts
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import Reply, address_of
from janus_recipes.llm.ledger import Ledger
from tests.bench.clients.ours import provider_of, question
from tests.bench.job import MODEL, Job, Kept, job, tell
from tests.bench.load import MISSING

TEXT = "one of many words " * 111
"""2 kB."""
SEGMENTS = 20
"""As if as many processes had asked."""


def make(asked: Job) -> None:
    """Write the segments: the ledger writes one row, the others differ from it in their address alone."""
    provider = provider_of(asked)
    addresses = [address_of(question(number), provider) for number in range(asked.requests - MISSING)]
    with Ledger.open(asked.folder, MODEL) as ledger:
        ledger.put(addresses[0], Reply(TEXT, "stop", prompt_tokens=30, completion_tokens=500, model=MODEL))
    (first,) = asked.folder.rglob("*.jsonl")
    before, after = first.read_bytes().split(addresses[0].encode())
    first.unlink()
    for number in range(SEGMENTS):
        segment = first.with_name(f"{first.stem[:-8]}{number:08x}.jsonl")
        with segment.open("wb", buffering=1 << 20) as rows:
            rows.writelines(before + address.encode() + after for address in addresses[number::SEGMENTS])


def ask_what_is_missing(asked: Job) -> int:
    """Open the ledger and ask. Returns how many were answered from it."""
    with Ledger.open(asked.folder, MODEL) as ledger:
        requests = (question, range(asked.requests))
        return ask(lambda: map(*requests), provider_of(asked), ledger, str, 0).report.from_ledger


def read(folder: Path) -> int:
    """Read every byte of the ledger once. Returns how many."""
    count, buffer = 0, bytearray(1 << 20)
    for segment in folder.rglob("*.jsonl"):
        with io.FileIO(segment) as rows:
            while got := rows.readinto(buffer):
                count += got
    return count


def main() -> None:
    """Do one of the three, and tell its time."""
    asked, way = job(), sys.argv[5]
    began = time.perf_counter()
    if way == "make":
        make(asked)
        tell(time.perf_counter() - began, Kept(asked.requests - MISSING, 0))
    elif way == "ask":
        found = ask_what_is_missing(asked)
        tell(time.perf_counter() - began, Kept(found, 0))
    else:
        count = read(asked.folder)
        tell(time.perf_counter() - began, Kept(0, 0), megabytes=count / 1e6)


if __name__ == "__main__":
    main()
