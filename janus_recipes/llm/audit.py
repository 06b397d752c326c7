"""What is in a ledger: counted, checked and copied out. Nothing here writes to it or needs a recipe.

janus ledger stats      janus ledger verify      janus ledger export --out answers.jsonl.gz
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TextIO, cast
from urllib.parse import unquote

import orjson

from janus_recipes.files import Json, written_whole
from janus_recipes.llm.chat import NotAReply, Reply, body_from
from janus_recipes.llm.ledger import Ledger, folder_name, segments_in
from janus_recipes.llm.prices import cost_of
from janus_recipes.llm.segments import key_in, reply_in, whole_lines
from janus_recipes.recipe.provider import Provider


@dataclass
class ModelStats:
    """What a ledger holds of one model. Tokens are as the endpoints reported them; days are ISO, UTC."""

    model: str
    segments: int = 0
    bytes: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: int = 0
    refused: int = 0
    first_day: str | None = None
    last_day: str | None = None
    usd: float | None = None
    """Dollars at today's list price of single requests; None where the price, or the usage of an answer, is unknown."""


@dataclass
class SegmentCheck:
    """What is wrong in one segment: by line number, from 1, where it is a line's."""

    path: Path
    rows: int = 0
    duplicates: int = 0
    """Rows whose address an older row has already answered. They are harmless: the older one counts."""
    torn_bytes: int = 0
    """Bytes of a last line that is not whole: its writer was killed, or is writing it now. Harmless."""
    damaged: dict[int, str] = field(default_factory=dict)
    """Whole lines that hold no answer, with what is wrong."""


def models_in(folder: Path) -> list[str]:
    """The models that a ledger has segments of, in alphabetical order."""
    return sorted(unquote(home.name) for home in _homes(folder) if _is_a_models(home) and segments_in(home))


def passed_over(folder: Path) -> list[Path]:
    """The folders in a ledger that no step looks into: their names are no model's, or they hold no segments themselves.

    A copy of the ledger, or of a model's answers, put there by hand is such a folder.
    """
    odd = (one for one in _homes(folder) if not _is_a_models(one) or (any(one.iterdir()) and not segments_in(one)))
    return sorted(odd)


def _homes(folder: Path) -> list[Path]:
    """The folders in a ledger but those of its own, whose names begin with a dot."""
    return [one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")]


def _is_a_models(home: Path) -> bool:
    """Whether a folder is named as a ledger names a model's."""
    return folder_name(unquote(home.name)) == home.name


def stats_of(folder: Path, model: str) -> ModelStats:
    """Count what the ledger at `folder` holds of a model. Reads every answer once."""
    stats = ModelStats(model, usd=0.0)
    priced_as = Provider(kind="openai", model=model)
    with Ledger.open(folder, model) as ledger:
        sizes = [size for _, size in segments_in(ledger.folder)]
        stats.segments, stats.bytes = len(sizes), sum(sizes)
        for _, reply in _answers(ledger):
            _count(stats, reply, cost_of(reply, priced_as))
    return stats


def check_of(folder: Path, model: str) -> Iterator[SegmentCheck]:
    """Check every line of a model's segments, the oldest first."""
    seen: set[bytes] = set()
    for path, size in segments_in(folder / folder_name(model)):
        yield _checked(path, size, seen)


def export(folder: Path, models: Iterable[str], out: Path) -> int:
    """Write the answers as a batch API's output, gzipped where `out` says so, whole or not at all. Returns how many.

    One line an answer, its address as `custom_id`, in the order in which they were given. What is torn, damaged or
    answered a second time is left out.
    """
    count = 0
    with _written_lines(out) as lines:
        for model in models:
            with Ledger.open(folder, model) as ledger:
                for address, reply in _answers(ledger):
                    lines.write(orjson.dumps(batch_row(address, reply), option=orjson.OPT_APPEND_NEWLINE))
                    count += 1
    return count


def batch_row(address: str, reply: Reply) -> Json:
    """An answer as a line of a batch's output, complete with what the OpenAI and vLLM types want to be there."""
    completion = {"id": f"chatcmpl-{address}", "object": "chat.completion", "created": _seconds(reply.at)}
    response = {"status_code": 200, "request_id": address, "body": completion | body_from(reply)}
    return {"id": f"batch_req_{address}", "custom_id": address, "response": response, "error": None}


def _answers(ledger: Ledger) -> Iterator[tuple[str, Reply]]:
    for address in ledger:
        reply = ledger.get(address)
        if reply is not None:
            yield address, reply


def _count(stats: ModelStats, reply: Reply, usd: float | None) -> None:
    stats.answers += 1
    stats.prompt_tokens += reply.prompt_tokens
    stats.completion_tokens += reply.completion_tokens
    stats.truncated += reply.finish_reason == "length"
    stats.refused += reply.refused or reply.finish_reason == "content_filter"
    stats.usd = None if stats.usd is None or usd is None else stats.usd + usd
    if day := reply.at[:10]:
        stats.first_day = min(stats.first_day or day, day)
        stats.last_day = max(stats.last_day or day, day)


def _checked(path: Path, size: int, seen: set[bytes]) -> SegmentCheck:
    """One segment, as large as it was when it was listed: what is written meanwhile is not a torn line."""
    check, read = SegmentCheck(path), 0
    for number, line in enumerate(whole_lines(path), start=1):
        read += len(line)
        try:
            key = key_in(line)
            if key is None:
                raise NotAReply("no address where a row has one")
            reply_in(line, key.hex())
        except NotAReply as problem:
            check.damaged[number] = str(problem)
            continue
        check.rows += 1
        check.duplicates += key in seen
        seen.add(key)
    check.torn_bytes = max(size - read, 0)
    return check


@contextmanager
def _written_lines(path: Path) -> Iterator[BinaryIO]:
    with written_whole(path) as text:
        plain = cast(TextIO, text).buffer
        if path.suffix != ".gz":
            yield plain
        else:
            with gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=6, mtime=0) as zipped:
                yield cast(BinaryIO, zipped)


def _seconds(at: str) -> int:
    """Seconds since 1970; 0 for an answer whose time is not known."""
    try:
        return int(datetime.fromisoformat(at).timestamp())
    except ValueError:
        return 0
