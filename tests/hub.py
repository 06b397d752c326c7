"""The hub's side of an upload, played over real HTTP by a server on this machine that keeps what it is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_a-token-that-nobody-may-see"


class Hub:
    """The hub's side of an upload. `files` are what was committed, `asked` the requests' paths and bodies."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.tokens: set[str | None] = set()
        self.private = False
        self.refuses = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, found = hub.reply(self.path, body, self.headers.get("authorization"))
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_HEAD = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def reply(self, path: str, body: bytes, token: str | None) -> tuple[int, dict[str, Any]]:
        """What the hub answers to one request."""
        self.asked.append((path, body))
        self.tokens.add(token)
        if self.refuses:
            return 403, {"error": f"You may not write here with {TOKEN}"}
        if path == "/api/repos/create":
            return 200, {"url": f"{self.address}/me/mix", "name": "me/mix"}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            return 200, {"files": [{"path": one, "uploadMode": "regular", "shouldIgnore": False} for one in names]}
        if "/commit/" in path:
            lines = [json.loads(line) for line in body.splitlines()]
            sent = [line["value"] for line in lines if line["key"] == "file"]
            self.files = {one["path"]: base64.b64decode(one["content"]) for one in sent}
            return 200, {"commitUrl": f"{self.address}/me/mix/commit/1", "commitOid": "1"}
        return 200, {"id": "me/mix", "private": self.private}


@contextmanager
def played_hub() -> Iterator[Hub]:
    """A hub that answers while the block runs."""
    played = Hub()
    thread = Thread(target=played.server.serve_forever)
    thread.start()
    try:
        yield played
    finally:
        played.server.shutdown()
        thread.join()
        played.server.server_close()
