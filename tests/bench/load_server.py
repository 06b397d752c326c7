"""The server that every client is measured against: OpenAI's chat completions with a latency, in a process of its own.

    python -m tests.bench.load_server slow      prints its port, serves until it is killed

It parses no more HTTP and JSON than it must, so that it is not what is measured, and keeps its own log of what was
asked and sent: GET /stats. POST /mark notes what has been sent by then; what is asked again later counts apart.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

from tests.bench.load import (
    ANSWER,
    COMPLETION_TOKENS,
    MALFORMED,
    PROMPT_TOKENS,
    WORLDS,
    Outcome,
    World,
    fate,
    number_in,
)

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _response(status: str, body: Any, headers: str = "") -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def _completion(text: str) -> bytes:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    }
    return _response("200 OK", body)


RESPONSES: dict[Outcome, bytes] = {
    "whole": _completion(ANSWER),
    "malformed": _completion(MALFORMED),
    "rate limited": _response(
        "429 Too Many Requests",
        {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
        "retry-after: 1\r\n",
    ),
    "server error": _response("500 Internal Server Error", {"error": {"message": "boom", "type": "server_error"}}),
}


@dataclass
class Log:
    """What was asked and what was sent. A number is a question's; only whole answers count as sent."""

    asked: Counter[int] = field(default_factory=Counter)
    sent: set[int] = field(default_factory=set)
    marked: frozenset[int] = frozenset()
    """What had been sent when the client was last told to note it."""
    again: int = 0
    """Requests for what had been sent whole before."""
    again_marked: int = 0
    """Of these, those for what was marked: a client that was killed well after the mark had them."""
    in_flight: int = 0
    peak: int = 0
    first_asked: float = 0.0
    last_sent: float = 0.0

    def begin(self, number: int) -> int:
        """Note a request. Returns how often the question was asked before."""
        self.first_asked = self.first_asked or time.perf_counter()
        attempt = self.asked[number]
        self.asked[number] += 1
        self.again += number in self.sent
        self.again_marked += number in self.marked
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        return attempt

    def end(self, number: int, outcome: Outcome, *, delivered: bool) -> None:
        """Note an answer that was written to a client that was there."""
        self.in_flight -= 1
        self.last_sent = time.perf_counter()
        if outcome == "whole" and delivered:
            self.sent.add(number)

    def as_json(self) -> dict[str, float]:
        """The counts, and the seconds from the first request to the last answer."""
        return {
            "requests": self.asked.total(),
            "sent": len(self.sent),
            "marked": len(self.marked),
            "again": self.again,
            "again_marked": self.again_marked,
            "peak": self.peak,
            "span_s": self.last_sent - self.first_asked,
        }


class Connection(asyncio.Protocol):
    """One client's connection: HTTP/1.1 with keep-alive, bodies with a content-length."""

    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log
        self._received = bytearray()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            self._serve(*request)

    def _next(self) -> tuple[bytes, bytes] | None:
        """Path and body of the next request, where it has arrived whole."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._received[:end])
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._received) < whole:
            return None
        body = bytes(self._received[end + 4 : whole])
        del self._received[:whole]
        return head.split(b" ", 2)[1], body

    def _serve(self, path: bytes, body: bytes) -> None:
        if path == b"/mark":
            self._log.marked = frozenset(self._log.sent)
        if path in (b"/mark", b"/stats"):
            self._transport.write(_response("200 OK", self._log.as_json()))
            return
        number = number_in(body)
        if number is None:
            self._transport.write(RESPONSES["whole"])
            return
        latency_s, outcome = fate(self._world, number, self._log.begin(number))
        if latency_s:
            self._loop.call_later(latency_s, self._answer, number, outcome)
        else:
            self._answer(number, outcome)

    def _answer(self, number: int, outcome: Outcome) -> None:
        self._log.end(number, outcome, delivered=not self._transport.is_closing())
        if outcome == "dropped":
            self._transport.abort()
        else:
            self._transport.write(RESPONSES[outcome])


async def serve(world: World) -> None:
    """Serve on a free port of this machine, which is printed."""
    log = Log()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(world, log), "127.0.0.1", backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(WORLDS[WORLDS.index(cast(World, sys.argv[1]))]))
