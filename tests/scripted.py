"""An endpoint over real HTTP that says what a test tells it to, and short ways to ask it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from janus_recipes.llm.ask import Answers, ask
from janus_recipes.llm.chat import ChatRequest, Message, Unparsed
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.records import Asked

KEY = "sk-planted-0123456789"


@dataclass(frozen=True)
class Said:
    """What the scripted endpoint says to one request."""

    text: str | None = "fine"
    status: int = 200
    finish_reason: str = "stop"
    refusal: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    wait_s: float = 0.0
    drop: bool = False
    cut: bool = False
    """Whether the connection ends in the midst of the answer."""
    stall_s: float = 0.0
    """How long nothing comes after half the answer."""
    raw: bytes | None = None

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": "no", **self.error}}).encode()
        message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        return json.dumps({"model": "teacher-1", "choices": [choice], "usage": usage}).encode()


@dataclass
class Scripted:
    """An endpoint that says what `says(question, how often it came before)` returns."""

    says: Callable[[str, int], Said] = lambda question, before: Said(f"re: {question}")
    base_url: str = ""
    came: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorisation: set[str | None] = field(default_factory=set)
    asked_for: set[str] = field(default_factory=set)
    """Paths of the requests; whole URLs where it is used as a proxy."""
    headers: dict[str, str] = field(default_factory=dict)
    """Those of the last request."""
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, body: dict[str, Any]) -> Said:
        question = body["messages"][-1]["content"]
        with self.lock:
            said = self.says(question, self.came[question])
            self.came[question] += 1
            self.bodies.append(body)
            self.at.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(said.wait_s)
        with self.lock:
            self.now -= 1
        return said


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client leaves broken pipes behind: that is what some tests are about."""


@contextmanager
def scripted(says: Callable[[str, int], Said] | None = None) -> Iterator[Scripted]:
    script = Scripted(says) if says else Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            script.authorisation.add(self.headers["Authorization"])
            script.asked_for.add(self.path)
            script.headers = dict(self.headers)
            said = script.takes(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if said.drop:
                self.close_connection = True
                return
            body = said.body()
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            time.sleep(said.stall_s)
            self.wfile.write(b"" if said.cut else body[half:])
            self.close_connection = self.close_connection or said.cut

        def do_CONNECT(self) -> None:
            script.asked_for.add(self.path)
            script.headers = dict(self.headers)
            self.send_error(405)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def provider_at(url: str, **changes: Any) -> Provider:
    settings = {"concurrency": 8, "timeout_s": 5.0, "max_tries": 4, "key_env": "TEACHER_KEY"}
    return Provider(kind="openai", model="teacher", base_url=url, **{**settings, **changes})


def question(number: int, text: str = "", sample: int = 0) -> ChatRequest:
    return ChatRequest(f"q/{number}", (Message("user", text or f"question {number}"),), Sampling(max_tokens=64), sample)


def questions(count: int) -> Callable[[], list[ChatRequest]]:
    return lambda: [question(number) for number in range(count)]


def asked(
    requests: Callable[[], list[ChatRequest]],
    provider: Provider,
    folder: Path,
    parse: Callable[[str], Any] = str,
    re_asks: int = 2,
) -> tuple[list[Asked[Any]], Answers[Any]]:
    with Ledger.open(folder, provider.model) as ledger:
        answers = ask(requests, provider, ledger, parse, re_asks)
        return list(answers), answers


def number_in(text: str) -> int:
    if not text.isdigit():
        raise Unparsed(f"not a number: {text}")
    return int(text)


CHILD = """
import sys
from pathlib import Path
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Provider, Sampling
url, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
provider = Provider(kind="openai", model="teacher", base_url=url, concurrency=8, key_env="TEACHER_KEY", max_tries=2)
def requests():
    for n in range(count):
        yield ChatRequest(f"q/{n}", (Message("user", f"question {n}"),), Sampling(max_tokens=64))
with Ledger.open(folder, "teacher") as ledger:
    print(len(list(ask(requests, provider, ledger, str, 2))))
"""


def child(script: Scripted, folder: Path, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, script.base_url, str(folder), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def wait_for(script: Scripted, requests: int) -> None:
    deadline = time.monotonic() + 30
    while script.came.total() < requests and time.monotonic() < deadline:
        time.sleep(0.005)
