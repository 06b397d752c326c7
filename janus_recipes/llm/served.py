"""Serve an open teacher or judge with vLLM inside the step's own job, for as long as the step asks it.

    judge:
      kind: vllm
      model: prometheus-eval/prometheus-7b-v2.0
      served: {revision: 66ffb1fc20beebfb60a3964a957d9011723116c5, gpus: 1}

A server, not the engine as a library: its answers go through the same code as those of any other endpoint, so each is
in the ledger when it arrives, and a killed step continues at its next row. Only this step reaches it: it listens on the
loopback alone, at a port that this process holds for it, and wants a key that was drawn for it. It is a guarded child
(`processes.py`), so it is gone with the step, also after kill -9.
"""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.generation.run import engine_environ
from janus_recipes.llm.endpoint import Endpoint, Engine
from janus_recipes.processes import alone_in, child_beside, last_lines
from janus_recipes.recipe.provider import Provider
from janus_recipes.redact import remember_secret

LOG = "vllm.log"
HOST = "127.0.0.1"
KEY_VARIABLE = "VLLM_API_KEY"
"""Where vLLM looks for the key that it shall want: a command line could be read by everyone on the machine."""

POLL_S = 0.2
GRACE_S = 5.0
"""What the server gets to end by itself: it has nothing to save, and a cluster's own grace is short."""

DYING_S = 5.0
"""How long a server whose engine is dead may still take to end, and meanwhile refuse every request."""

_LEAK_LINES = re.compile(r"nanobind: | - (leaked|\.\.\. skipped)")
"""What a dying engine's libraries say after the reason of its death."""


@contextmanager
def serving(provider: Provider, engine: Engine) -> Iterator[Endpoint]:
    """The endpoint of `provider.model`, ready to answer; the server's log is `engine.work`/vllm.log.

    Raises StepError with the log's last lines when the server dies, before it is ready or while it is asked, and when
    it is not ready within `served.start_s` seconds.
    """
    key, log = secrets.token_urlsafe(32), engine.work / LOG
    remember_secret(key)
    with alone_in(engine.work), held_port() as port:
        command = server_command(provider, engine.environment, port)
        environ = engine_environ(provider.served, provider.model) | {KEY_VARIABLE: key}
        with child_beside(command, env=environ, log=log, grace_s=GRACE_S) as server:
            wait_until_ready(provider, server, port, log)
            try:
                yield Endpoint(f"http://{HOST}:{port}/v1", key, local=True, alive=lambda: server.poll() is None)
            except ProviderDown:
                if _has_ended(server):
                    raise _died(provider, server, log) from None
                raise


@contextmanager
def held_port() -> Iterator[int]:
    """A free loopback port that the kernel gives to nobody else, but lets a server of ours listen at.

    Two sockets may be bound to one port where both allow it (SO_REUSEADDR) and at most one listens. Ours never does.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def server_command(provider: Provider, environment: Path, port: int) -> list[str]:
    """vLLM's server, in its own environment. Raises StepError where that is not built.

    On a CPU it runs as `generation.run.engine_settings` says, for the reasons given there.
    """
    python, served = environment / "bin" / "python", provider.served
    if not python.exists():
        raise StepError(f"{python} is not there: run `janus env build {environment.name} --out {environment}/.ready`")
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", provider.model]
    command += ["--host", HOST, "--port", str(port), "--disable-uvicorn-access-log", "--dtype", served.dtype]
    # Else what the model's own generation_config.json says would be added to the recipe's sampling, unseen.
    command += ["--generation-config", "vllm"]
    if served.revision is not None and not Path(provider.model).is_dir():
        command += ["--revision", served.revision]
    if served.max_model_len is not None:
        command += ["--max-model-len", str(served.max_model_len)]
    if served.chat_template is not None:
        command += ["--chat-template", served.chat_template]
    if served.gpus == 0:
        return [*command, "--enforce-eager", "--no-enable-chunked-prefill"]
    memory = str(served.gpu_memory_utilization)
    return [*command, "--tensor-parallel-size", str(served.gpus), "--gpu-memory-utilization", memory]


def wait_until_ready(provider: Provider, server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the server answers. Raises StepError when it ends before, or takes longer than the recipe allows."""
    _say(f"loading {provider.model} to serve it; the server's log is {log}")
    began, limit_s = time.monotonic(), provider.served.start_s
    while not is_healthy(port):
        if server.poll() is not None:
            raise _died(provider, server, log)
        if time.monotonic() - began > limit_s:
            raise StepError(
                f"vLLM does not serve {provider.model} after {limit_s:g} s. Its last words, in {log}:\n"
                f"{last_words(log)}\nIf it was still loading, raise the provider's `served.start_s`."
            )
        time.sleep(POLL_S)
    _say(f"{provider.model} is served after {time.monotonic() - began:.0f} s")


def is_healthy(port: int) -> bool:
    """Whether a server at this port says that it can answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5.0)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def last_words(log: Path) -> str:
    """The last lines of the server's log that say something about it."""
    lines = last_lines(log, 200).split("\n")
    return "\n".join([line for line in lines if not _LEAK_LINES.match(line)][-20:])


def _has_ended(server: subprocess.Popen[bytes]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        server.wait(DYING_S)
    return server.returncode is not None


def _died(provider: Provider, server: subprocess.Popen[bytes], log: Path) -> StepError:
    return StepError(
        f"vLLM, which serves {provider.model} here, ended (exit {server.returncode}). Its last words, in {log}:\n"
        f"{last_words(log)}\nWhat was answered is kept: the same command continues."
    )


def _say(text: str) -> None:
    sys.stderr.write(f"janus: {text}\n")
