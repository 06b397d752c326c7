"""The micro-world behind OpenAI's protocol (chat completions, files, batches), over real HTTP on this machine.

    with serving(Faults(rate_limited=0.05)) as world:
        client = openai.OpenAI(base_url=world.base_url, api_key="none")

The system chooses the port, and the server is a daemon thread of the process that asks: it is gone when that process
is, also after kill -9. It answers by the rules of `world.py` and misbehaves as `Faults` says. What becomes of a request
depends on the fault seed, the request's content and how often this content came before, never on the clock or on the
order of arrival; so the same run meets the same faults, and a request that failed may succeed when it is sent again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from janus_recipes.errors import StepError
from janus_recipes.files import digest_of_text
from janus_recipes.recipe.provider import Faults
from janus_recipes.rehearsal.batches import Desk
from janus_recipes.rehearsal.biased_judges import BIASES
from janus_recipes.rehearsal.world import answer, shaped
from janus_recipes.seeding import random_for

MODEL = "micro-world"
"""The one model that `GET /v1/models` lists; a request may name any."""

WELL_BEHAVED = Faults()
"""No faults and no latency."""

REFUSAL = "I'm sorry, but I can't help with that."
CHARACTERS_PER_TOKEN = 4
"""Tokens are counted roughly, for the usage figures and for the limit on the answer."""

_SHARES = ("rate_limited", "server_error", "dropped", "hang", "malformed", "refusal", "truncated")
_DELIVERED = ("ok", "hang", "malformed", "refusal", "truncated")
"""Fates that end with a whole answer, good or not: it is paid for."""


@dataclass(frozen=True)
class Stats:
    """What a server has seen so far."""

    requests: int
    """Well-formed chat requests."""
    fates: dict[str, int]
    """How many met each fate: `ok`, or the name of a fault as in `Faults`."""
    answered: int
    """Different requests (by content, the seed included) that got a whole answer while the client was still there."""
    asked_after_answering: int
    """Requests for something that had been answered before: a client that pays once makes none."""
    peak_in_flight: int


@dataclass
class World:
    """A running server. One event loop serves all requests, so the counters need no lock."""

    faults: Faults
    seed: int
    base_url: str = ""
    _asked: Counter[str] = field(default_factory=Counter)
    _fates: Counter[str] = field(default_factory=Counter)
    _answered: set[str] = field(default_factory=set)
    _asked_after_answering: int = 0
    _in_flight: int = 0
    _peak_in_flight: int = 0

    def __post_init__(self) -> None:
        self.desk = Desk(self.faults, self.seed, self.answer_row)

    def stats(self) -> Stats:
        """The counters at this moment. After a client's call returned, that call is counted."""
        return Stats(
            requests=sum(self._asked.values()),
            fates=dict(self._fates),
            answered=len(self._answered),
            asked_after_answering=self._asked_after_answering,
            peak_in_flight=self._peak_in_flight,
        )

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        body = _valid_chat_body(await request.body())
        content = digest_of_text(json.dumps(body, sort_keys=True))
        fate, latency_s = _fate(self.faults, self.seed, content, self._asked[content])
        self._asked[content] += 1
        self._fates[fate] += 1
        self._asked_after_answering += content in self._answered
        self._in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
        try:
            if latency_s:
                await asyncio.sleep(latency_s)
            if fate in _DELIVERED and not await request.is_disconnected():
                self._answered.add(content)
            return self._response(body, fate, content)
        finally:
            self._in_flight -= 1

    def answer_row(self, body: Any) -> tuple[int, dict[str, Any]] | None:
        """What the row of a batch gets: a status code and a body; None where it is lost."""
        try:
            asked = _valid_chat_body(json.dumps(body).encode())
        except HTTPException as error:
            return error.status_code, {"error": {"message": error.detail, "type": "invalid_request_error"}}
        content = digest_of_text(json.dumps(asked, sort_keys=True))
        fate, _ = _fate(self.faults, self.seed, content, self._asked[content])
        self._asked[content] += 1
        self._fates[fate] += 1
        self._asked_after_answering += content in self._answered
        if fate in _DELIVERED:
            self._answered.add(content)
        response = self._response(asked, fate, content)
        return None if isinstance(response, _BrokenOff) else (response.status_code, json.loads(bytes(response.body)))

    def _response(self, body: dict[str, Any], fate: str, content: str) -> Response:
        if fate == "rate_limited":
            headers = {"Retry-After": f"{self.faults.retry_after_s:g}"}
            return _error(429, "Rate limit reached for requests", "rate_limit_error", "rate_limit_exceeded", headers)
        if fate == "server_error":
            return _error(500, "The server had an error while processing your request", "server_error")
        if fate == "dropped":
            return _BrokenOff()
        said = answer(body["messages"], int(body.get("seed") or 0), BIASES.get(body["model"]))
        text = shaped(said, body.get("response_format"))
        return JSONResponse(_completion(body, text, fate, content))


@contextmanager
def serving(faults: Faults = WELL_BEHAVED, seed: int = 0) -> Iterator[World]:
    """Serve the micro-world while the block runs. `seed` decides which requests meet a fault.

    Raises StepError where the server does not start (no loopback address, no free file descriptor).
    """
    world = World(faults, seed)
    config = uvicorn.Config(_application(world), log_config=None, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with _listening_socket() as listener:
        world.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread = threading.Thread(target=server.run, args=([listener],), name="micro-world", daemon=True)
        thread.start()
        _wait_until(lambda: server.started, thread)
        try:
            yield world
        finally:
            server.should_exit = True
            server.force_exit = True  # a hanging answer is not waited for
            thread.join(timeout=10)


def _listening_socket() -> socket.socket:
    try:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    except OSError as error:
        raise StepError(f"the rehearsal's provider cannot listen on 127.0.0.1: {error}") from error
    # Without it each answer waits 40 ms for the client's delayed acknowledgement: headers and body are two writes.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _wait_until(started: Callable[[], bool], thread: threading.Thread) -> None:
    while not started():
        if not thread.is_alive():
            raise StepError("the rehearsal's provider stopped while it was starting; the log above says why")
        time.sleep(0.005)


def _application(world: World) -> Starlette:
    logging.getLogger("uvicorn.error").addFilter(_not_meant)
    routes = [
        Route("/v1/chat/completions", world.chat, methods=["POST"]),
        Route("/v1/models", _models, methods=["GET"]),
        *world.desk.routes(),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})


async def _models(request: Request) -> Response:
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "janus-recipes"}
    return JSONResponse({"object": "list", "data": [model]})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    invalid_url = f"Invalid URL ({request.method} {request.url.path})"
    message = invalid_url if error.detail in ("Not Found", "Method Not Allowed") else error.detail
    return _error(error.status_code, message, "invalid_request_error")


def _error(
    status: int, message: str, kind: str, code: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return JSONResponse(body, status_code=status, headers=headers)


def _valid_chat_body(raw: bytes) -> dict[str, Any]:
    """The request's JSON. Raises a 400 that says what is wrong."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise HTTPException(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise HTTPException(400, "you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(_is_message(one) for one in messages):
        raise HTTPException(400, "'messages' must be a list of objects with a role and a text as content")
    if not isinstance(body.get("seed") or 0, int):
        raise HTTPException(400, "'seed' must be an integer")
    if body.get("stream") or body.get("n") not in (None, 1):
        raise HTTPException(400, "the rehearsal's provider gives one whole answer: 'stream' and 'n' are not supported")
    return body


def _is_message(message: object) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in ("system", "developer", "user", "assistant")
        and isinstance(message.get("content"), str)
    )


def _fate(faults: Faults, seed: int, content: str, times_asked: int) -> tuple[str, float]:
    """What becomes of a request, and after how many seconds."""
    rng = random_for("fate", seed, content, times_asked)
    latency_s = faults.latency_s * math.exp(faults.latency_sigma * rng.gauss(0, 1))
    drawn = rng.random()
    for fate in _SHARES:
        drawn -= getattr(faults, fate)
        if drawn < 0:
            return fate, latency_s + (faults.hang_s if fate == "hang" else 0)
    return "ok", latency_s


def _completion(body: dict[str, Any], text: str, fate: str, content: str) -> dict[str, Any]:
    """The answer in OpenAI's shape, spoilt as the fate says or cut at the request's own token limit."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    finish = "stop"
    if fate == "malformed":
        text = _malformed(text)
    elif fate == "truncated" or (limit and _tokens(text) > limit):
        finish, text = "length", text[: min(len(text) // 2, (limit or len(text)) * CHARACTERS_PER_TOKEN)]
    refusal = REFUSAL if fate == "refusal" else None
    asked = sum(_tokens(one["content"]) for one in body["messages"])
    said = _tokens(refusal or text)
    message = {"role": "assistant", "content": None if refusal else text, "refusal": refusal}
    return {
        "id": f"chatcmpl-{content[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def _malformed(text: str) -> str:
    """JSON broken off, feedback without its result mark, or an empty answer where any text would be well-formed."""
    return text[: len(text) // 2] if text.startswith(("{", "[", "Feedback:")) else ""


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


class _BrokenOff(Response):
    """The beginning of an answer; then the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def _not_meant(record: logging.LogRecord) -> bool:
    """False for what uvicorn says when a connection is closed on purpose."""
    return "without completing response" not in record.getMessage()
