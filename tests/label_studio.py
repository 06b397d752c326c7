"""A real Label Studio on this machine, in an environment of its own, spoken to through its API.

The first use installs it (.envs/label-studio, 0.8 GB) and lets it make its database, which takes a minute; both are
kept. A later one starts in some ten seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from janus_recipes.environments import build_environment

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".envs" / "label-studio"
FRESH = HOME / "fresh-data"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
"""The token of a server that lives for a test, on the loopback interface alone."""
START_S = 240.0


class LabelStudio:
    """A running server. Each method is one call of its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def project(self, title: str, config: Path) -> int:
        """A new project with this labelling configuration, which the server checks."""
        body = {"title": title, "label_config": config.read_text(encoding="utf-8")}
        return int(self._call("POST", "/api/projects", body)["id"])

    def add(self, project: int, tasks: Path) -> list[dict[str, Any]]:
        """Import a file of tasks. Returns them as the server has them, in their order."""
        self._call("POST", f"/api/projects/{project}/import", json.loads(tasks.read_text(encoding="utf-8")))
        found = self._call("GET", f"/api/tasks?project={project}&fields=all&page_size=1000")
        return sorted(found if isinstance(found, list) else found["tasks"], key=lambda one: one["id"])

    def annotate(self, task: int, choices: dict[str, tuple[str, str]], *, skip: bool = False) -> None:
        """Submit an annotation, or skip the task. `choices`: by question the text it is about, and the word chosen."""
        result = [
            {"from_name": name, "to_name": about, "type": "choices", "value": {"choices": [word]}}
            for name, (about, word) in choices.items()
        ]
        self._call("POST", f"/api/tasks/{task}/annotations", {"result": result, "was_cancelled": skip})

    def export(self, project: int, out: Path) -> Path:
        """Export a project as JSON, as its page does."""
        found = self._call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
        out.write_text(json.dumps(found), encoding="utf-8")
        return out

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, data, headers, method=method), timeout=60
        ) as answer:
            return json.loads(answer.read() or b"null")


@contextlib.contextmanager
def label_studio(folder: Path) -> Iterator[LabelStudio]:
    """A server with an empty database in `folder`, gone afterwards."""
    # One worker of the suite makes what all use; the others wait.
    HOME.parent.mkdir(exist_ok=True)
    with (HOME.parent / ".label-studio-data.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build_environment("label-studio", HOME / ".ready")
        if not FRESH.exists():
            made = HOME / "made-data"
            shutil.rmtree(made, ignore_errors=True)
            with _running(made):
                pass
            made.rename(FRESH)
    shutil.copytree(FRESH, folder)
    with _running(folder) as url:
        yield LabelStudio(url)


@contextlib.contextmanager
def _running(data: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    data.mkdir(parents=True, exist_ok=True)
    quiet = {"COLLECT_ANALYTICS": "False", "LATEST_VERSION_CHECK": "False", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    more = {"LABEL_STUDIO_BASE_DATA_DIR": str(data), "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true"}
    command = [
        *(HOME / "bin" / "label-studio", "start", "--no-browser", "--internal-host", "127.0.0.1"),
        *("--port", str(port), "--host", url),
        *("--username", "tests@example.com", "--password", "not-a-secret", "--user-token", TOKEN),
    ]
    with (data / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=os.environ | quiet | more, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(server, url, data / "server.log")
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{url}/health", timeout=5).read()
            return
        time.sleep(0.25)
    raise AssertionError(f"Label Studio did not start: {log.read_text(errors='replace')[-2000:]}")
