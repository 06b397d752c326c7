"""Who is measured: ours, the openai package used in three ways, and the peers where their environment is."""

from __future__ import annotations

from pathlib import Path

from janus_recipes.environments import build_environment
from tests.bench.running import ROOT, Client

OURS = Client("janus", ("tests.bench.clients.ours",))
BARRIER = Client("batches with a barrier", ("tests.bench.clients.sdk", "barrier"))
SDK = Client("openai SDK, workers", ("tests.bench.clients.sdk", "workers"))
AIOHTTP = Client("openai SDK, workers, aiohttp", ("tests.bench.clients.sdk", "aiohttp"))
OWN = (OURS, BARRIER, SDK, AIOHTTP)

PEERS_READY = ROOT / ".envs" / "bench-peers" / ".ready"
PEERS = ("curator", "distilabel", "litellm")


def contenders(*, build_peers: bool) -> tuple[Client, ...]:
    """Everyone to measure. Peers take part when their environment is there; `build_peers` makes it so."""
    if build_peers:
        build_environment("bench-peers", PEERS_READY)
    return OWN + (peers(PEERS_READY.parent) if PEERS_READY.exists() else ())


def peers(environment: Path) -> tuple[Client, ...]:
    """The peers, each by its own small script, with the Python of their environment."""
    python = environment / "bin" / "python"
    return tuple(Client(name, (f"tests.bench.peers.{name}",), python) for name in PEERS)
