"""Clients and the load server as processes: started, waited for, killed, and what they tell read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load import IN_FLIGHT, World

ROOT = Path(__file__).parents[2]
MOST_S = 900.0
"""Seconds after which a client is taken to hang."""

READ_WITHIN_S = 0.5
"""A client that lives this long after an answer was sent has read it."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Client:
    """One way to ask: a module that is run with a job (see job.py), and the Python that has what it needs."""

    name: str
    command: tuple[str, ...]
    python: Path = field(default=Path(sys.executable))


class ClientFailed(Exception):
    """A client did not do its job. The message says how it ended."""


@dataclass(frozen=True)
class LoadServer:
    """A load server that runs. `base_url` is as the openai package wants it."""

    base_url: str

    def stats(self) -> dict[str, Any]:
        """Its log's counts (load_server.Log)."""
        return self._get("/stats")

    def mark(self) -> None:
        """Note what has been sent by now."""
        self._get("/mark")

    def _get(self, path: str) -> dict[str, Any]:
        with _DIRECT.open(self.base_url.removesuffix("/v1") + path, timeout=30) as response:
            return dict(json.load(response))


@contextmanager
def load_server(world: World) -> Iterator[LoadServer]:
    """A load server of its own for one measurement."""
    command = [sys.executable, "-m", "tests.bench.load_server", world]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield LoadServer(f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
        finally:
            process.kill()


@dataclass
class Running:
    """A client that has been started."""

    process: subprocess.Popen[str]
    words: Path

    def told(self, most_s: float = MOST_S) -> dict[str, Any]:
        """Wait for its end and give what it told (job.tell). Raises ClientFailed."""
        try:
            out, _ = self.process.communicate(timeout=most_s)
        except subprocess.TimeoutExpired:
            raise ClientFailed(f"hung for {most_s:.0f} s") from None
        try:
            return dict(json.loads(out.splitlines()[-1]))
        except (LookupError, ValueError, TypeError):
            last = [line.strip() for line in self.words.read_text(errors="replace").splitlines() if line.strip()][-1:]
            raise ClientFailed(f"failed, exit {self.process.returncode}: {''.join(last)[:90]}") from None

    def kill(self) -> None:
        """End it, and the processes that it started, by SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@contextmanager
def started(client: Client, server: LoadServer, requests: int, folder: Path) -> Iterator[Running]:
    """A client on the first `requests` questions, in a process group of its own, which is gone at the end."""
    module, *arguments = client.command
    job = (server.base_url, str(requests), str(IN_FLIGHT), str(folder))
    words = folder / "stderr.txt"
    with words.open("w") as errors:
        process = subprocess.Popen(
            [client.python, "-m", module, *job, *arguments],
            cwd=ROOT,
            env=_environ(folder),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    running = Running(process, words)
    try:
        yield running
    finally:
        running.kill()


def do_job(client: Client, world: World, requests: int) -> dict[str, Any]:
    """One job on a server of its own: what the client told and, as `server`, the server's log. Raises ClientFailed."""
    say(f"{client.name}: {requests:,} requests, {world} server")
    with (
        tempfile.TemporaryDirectory() as folder,
        load_server(world) as server,
        started(client, server, requests, Path(folder)) as running,
    ):
        return {**running.told(), "server": server.stats()}


def killed_at_half(client: Client, world: World, requests: int, most_s: float) -> dict[str, Any]:
    """As `do_job`, with a kill -9 when half was answered, and the same command again. Raises ClientFailed."""
    say(f"{client.name}: {requests:,} requests, {world} server, killed at half")
    with tempfile.TemporaryDirectory() as made, load_server(world) as server:
        folder = Path(made)
        with started(client, server, requests, folder) as first:
            _wait_until_sent(requests // 2, server, first)
            server.mark()
            time.sleep(READ_WITHIN_S)
        with started(client, server, requests, folder) as second:
            try:
                return {**second.told(most_s), "server": server.stats()}
            except ClientFailed as error:
                raise ClientFailed(f"{error}; {server.stats()['again_marked']} asked again") from None


def _wait_until_sent(answers: int, server: LoadServer, running: Running) -> None:
    while server.stats()["sent"] < answers:
        if running.process.poll() is not None:
            running.told()
            raise ClientFailed("ended before half was answered")
        time.sleep(0.02)


def say(line: str) -> None:
    """Tell whoever watches what is being measured."""
    print(f"  {line}", file=sys.stderr, flush=True)


def _environ(folder: Path) -> dict[str, str]:
    """This machine is asked directly, peers call nobody, and what they cache is gone with the job."""
    return os.environ | {
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "OPENAI_API_KEY": "none",
        "TELEMETRY_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "CURATOR_DISABLE_RICH_DISPLAY": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HOME": str(folder / "cache"),
    }
