"""The files of a batch: requests on their way to the provider, and what came back, one row a line in OpenAI's format.

{"custom_id": "<address>", "method": "POST", "url": "/v1/chat/completions", "body": {...}}
{"custom_id": "<address>", "response": {"status_code": 200, "body": {...}}, "error": null}
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import orjson

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.estimate import tokens_of
from janus_recipes.llm.faults import Fault, outcome_of
from janus_recipes.llm.prices import usd_for
from janus_recipes.recipe.provider import Provider

URL: Final = "/v1/chat/completions"

PROMPT_SAFETY = 1.5
"""A prompt has at most so many times the tokens that are estimated: figures, code and rare words take more of them."""

MESSAGE_TOKENS = 4
"""Tokens that stand around each message of a prompt."""

Full = Literal["file", "queue"]
"""Why a request does not fit: this file holds no more, or the provider's queue does not."""


@dataclass(frozen=True)
class Limits:
    """What one file may hold. `tokens` are prompts' tokens, as estimated, that the provider's queue has room for."""

    requests: int
    size: float
    tokens: float = math.inf


class RequestFile:
    """A file of requests that is being written. The first request is always taken: the provider then judges it."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.rows: dict[bytes, int] = {}
        """Each request's address and the number of its attempt."""
        self.tokens = 0
        """Of the prompts, as estimated."""
        self.answer_tokens = 0
        """Of the answers, at most."""
        self.usd = 0.0
        """What all of it costs at most."""
        self._limits = limits
        self._size = 0
        self._digest = hashlib.sha256()

    def __enter__(self) -> RequestFile:
        try:
            self._out = self.path.open("wb")
        except OSError as error:
            raise self._cannot(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._out.close()
        except OSError as problem:
            raise self._cannot(problem) from problem

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def add(self, address: bytes, number: int, body: Json, answer_tokens: int, usd: float) -> Full | None:
        """Write a request that costs `usd` dollars at most, with so long an answer; or say why there is no room."""
        line = line_of(address.hex(), body)
        tokens = prompt_tokens_of(body)
        if self.rows:
            if len(self.rows) >= self._limits.requests or self._size + len(line) > self._limits.size:
                return "file"
            if self.tokens + tokens > self._limits.tokens:
                return "queue"
        try:
            self._out.write(line)
        except OSError as error:
            raise self._cannot(error) from error
        self._digest.update(line)
        self._size += len(line)
        self.rows[address] = number
        self.tokens += tokens
        self.answer_tokens += answer_tokens
        self.usd += usd
        return None

    def _cannot(self, error: OSError) -> StepError:
        with suppress(OSError):  # where it fills the disk, the answers of other batches need the room
            self.path.unlink()
        return StepError(
            f"{self.path}: a batch cannot be written here: {error.strerror}. It was not submitted. Make room or allow "
            "writing, then run the same command again: it continues."
        )


def line_of(address: str, body: Json) -> bytes:
    """One request as a line of a batch's file."""
    return orjson.dumps({"custom_id": address, "method": "POST", "url": URL, "body": body}) + b"\n"


def prompt_tokens_of(body: Json) -> int:
    """The prompt's tokens, roughly."""
    return sum(tokens_of(message["content"]) for message in body["messages"])


def most_usd_of(body: Json, answer_tokens: int, provider: Provider) -> float:
    """Dollars that a request costs at most, with an answer of so many tokens; 0 where its price is unknown."""
    schema = orjson.dumps(body["response_format"]).decode() if "response_format" in body else ""
    tokens = prompt_tokens_of(body) + tokens_of(schema)
    around = MESSAGE_TOKENS * len(body["messages"])
    return usd_for(provider, math.ceil(PROMPT_SAFETY * tokens) + around, answer_tokens) or 0.0


def outcomes_in(path: Path) -> Iterator[tuple[bytes, Reply | Fault]]:
    """Each row of a file that a batch gave: its address, and the answer or why there is none.

    A line that cannot be read, or is no request's of ours, is passed over: its request then counts as missing.
    """
    with path.open("rb") as lines:
        for line in lines:
            try:
                row = json.loads(line)
                yield bytes.fromhex(row["custom_id"]), _outcome_of(row)
            except (ValueError, LookupError, TypeError, AttributeError):
                continue


def _outcome_of(row: Json) -> Reply | Fault:
    """What the status code says counts: vLLM's `run-batch` leaves `error` empty in a row that failed."""
    response: Json = row.get("response") or {}
    code, body = response.get("status_code"), response.get("body")
    if isinstance(code, int) and (code == 200 or code >= 400):
        return outcome_of(code, {}, body or row.get("error"))
    return _not_run(row.get("error"))


def _not_run(error: Any) -> Fault:
    """A row that the provider did not come to: the batch expired or was cancelled first."""
    said = error if isinstance(error, dict) else {}
    name = str(said.get("code") or "no answer").replace("_", " ")
    return Fault("transient", name, str(said.get("message") or name))
