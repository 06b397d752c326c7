"""What is kept and what is paid twice when the server misbehaves and the client is killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.contenders import AIOHTTP, OURS
from tests.bench.load import FAULTS, IN_FLIGHT
from tests.bench.running import Client, ClientFailed, do_job, killed_at_half
from tests.bench.table import Row, at_most

RESTARTED_MOST_S = 60.0
"""A client that was killed and started again has half of the work left: about four seconds."""


def bench_faults(clients: Sequence[Client], requests: int) -> list[Row]:
    """Malformed answers kept, answers lost, and answers asked again that the client had when it was killed."""
    share = sum(share for _, share in FAULTS)
    others = [one for one in clients if one is not AIOHTTP]  # another transport of the same client
    faulty, killed = f"{requests:,} answers, {share:.0%} of tries go wrong", f"{requests:,} answers, kill -9 at half"
    rows = [row for client in others for row in kept(client, requests, faulty)]
    return rows + [row for client in others for row in paid_twice(client, requests, killed)]


def kept(client: Client, requests: int, what: str) -> list[Row]:
    """What is left of the answers of a server that misbehaves."""
    try:
        told = do_job(client, "faulty", requests)
    except ClientFailed as error:
        return [_failure(client, what, error)]
    lost = requests - told["whole"] - told["malformed"]
    counts = {
        "malformed kept": (told["malformed"], 0),
        "lost": (lost, 0),
        "asked again": (told["server"]["again"], 0),
    }
    return _rows(client, what, counts)


def paid_twice(client: Client, requests: int, what: str) -> list[Row]:
    """What a client that was killed and started again asks for twice."""
    try:
        told = killed_at_half(client, "slow", requests, RESTARTED_MOST_S)
    except ClientFailed as error:
        return [_failure(client, what, error)]
    log = told["server"]
    counts = {
        f"{log['marked']:,} had, asked again": (log["again_marked"], 0),
        "asked twice at all": (log["requests"] - requests, IN_FLIGHT),
        "lost": (requests - told["whole"], 0),
    }
    return _rows(client, what, counts)


def _rows(client: Client, what: str, counts: Mapping[str, tuple[int, int]]) -> list[Row]:
    """Counts with their bars: a row each where they are ours, else one row without bars."""
    if client is OURS:
        return [at_most(what, f"{client.name}: {name}", count, bar, "{:.0f}") for name, (count, bar) in counts.items()]
    values = " / ".join(f"{count:,}" for count, _ in counts.values())
    return [Row(what, f"{client.name}: {' / '.join(counts)}", values)]


def _failure(client: Client, what: str, error: ClientFailed) -> Row:
    return Row(what, client.name, str(error), met=False if client is OURS else None)
