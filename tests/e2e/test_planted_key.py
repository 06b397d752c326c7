"""A key that is planted in the environment is in no file that a run leaves: results, ledger, logs, Snakemake's own."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from janus_recipes.recipe.provider import Faults
from janus_recipes.rehearsal.server import serving
from tests.e2e.workshop import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

KEY = f"planted-{secrets.token_hex(12)}"
FAULTS = Faults(server_error=0.03, rate_limited=0.03, retry_after_s=0.01, malformed=0.03)
OVERLAY = """
name: planted
providers:
  teacher: {{kind: {kind}, model: {model}, base_url: "{base_url}", key_env: LETTERBOX}}
collection:
  instructions: {{per_source: 12, before_filter: 12}}
"""


@pytest.mark.parametrize("kind", ["openai", "openai-batch, batch: {poll_s: 0.1}"])
def test_a_planted_key_is_in_no_artefact_of_a_run(
    clean_copy: Workshop, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("LETTERBOX", KEY)
    with serving(FAULTS) as world:
        answering = OVERLAY.format(kind=kind, model="teacher", base_url=world.base_url)
        overlay = clean_copy.write("planted.yaml", answering)
        clean_copy.run("collection", overlays=(overlay,))
        assert world.stats().requests > 100, "the key was never sent"
    # Another model, not asked yet, at an endpoint that tells the key back: errors are where keys leak.
    with refusing() as base_url:
        clean_copy.write("planted.yaml", OVERLAY.format(kind=kind, model="other", base_url=base_url))
        assert clean_copy.start("collection", overlays=(overlay,)).wait() != 0
    assert "then run the same command again" in clean_copy.printed()
    assert files_with(KEY.encode(), clean_copy.folder) == []


class Refusing(BaseHTTPRequestHandler):
    """Refuses every request and says which key it was sent, as real providers do in part."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        error = {"message": f"Incorrect API key provided: {self.headers['Authorization']}", "code": "invalid_api_key"}
        body = json.dumps({"error": error}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def files_with(secret: bytes, folder: Path) -> list[str]:
    """The files below a folder that hold a secret, the engines' environments apart."""
    found = []
    for here, below, files in os.walk(folder):
        below[:] = [name for name in below if name != ".envs"]
        found += [name for name in files if secret in (Path(here) / name).read_bytes()]
    return found


def test_the_search_would_find_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_text(f"Authorization: Bearer {KEY}")
    assert files_with(KEY.encode(), tmp_path) == ["log"]
