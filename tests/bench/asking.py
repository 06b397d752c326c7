"""Rates with latency and without, for every client on the same load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.contenders import BARRIER, OURS, OWN, SDK
from tests.bench.load import IN_FLIGHT, World, greedy_s, latencies
from tests.bench.running import Client, ClientFailed, do_job
from tests.bench.table import Row, at_least

SHARE_OF_GREEDY = 0.95
TIMES_BARRIER = 3.0
TIMES_SDK = 1.0


def bench_asking(clients: Sequence[Client], requests: int) -> list[Row]:
    """Rates with log-normal latency, as shares of what a greedy schedule without any overhead reaches."""
    what = f"{requests:,} slow answers, {IN_FLIGHT} in flight"
    seconds = latencies(requests)
    greedy, perfect = greedy_s(seconds, IN_FLIGHT), sum(seconds) / IN_FLIGHT
    rows = [Row(what, "greedy schedule: of sum of latencies / in flight", f"{perfect / greedy:.2f}")]
    took, failed = _told_by(clients, "slow", requests, what)
    for client, told in took.items():
        measure = f"{client.name}: of the greedy rate"
        share = greedy / _seconds(client, told)
        if client is OURS:
            rows.append(at_least(what, measure, share, SHARE_OF_GREEDY, "{:.2f}"))
        else:
            rows.append(Row(what, measure, f"{share:.2f}{_remarks(told, requests)}"))
        measure = f"{client.name}: of sum of latencies / in flight"
        rows.append(Row(what, measure, f"{perfect / _seconds(client, told):.2f}"))
    return rows + failed + _times(what, took, BARRIER, TIMES_BARRIER)


def bench_rate(clients: Sequence[Client], requests: int) -> list[Row]:
    """Requests a second when the server answers at once: what a client costs by itself."""
    what = f"{requests:,} instant answers, {IN_FLIGHT} in flight"
    took, failed = _told_by([one for one in clients if one is not BARRIER], "instant", requests, what)
    rows = [
        Row(what, f"{client.name}: requests a second", f"{rate:,.0f}{_remarks(told, requests)}")
        for client, told in took.items()
        for rate in [requests / _seconds(client, told)]
    ]
    return rows + failed + _times(what, took, SDK, TIMES_SDK)


def _told_by(
    clients: Sequence[Client], world: World, requests: int, what: str
) -> tuple[dict[Client, dict[str, Any]], list[Row]]:
    """What each client told of its job, and a row for each that failed: for a peer a finding, for ours a bar missed."""
    took: dict[Client, dict[str, Any]] = {}
    failed: list[Row] = []
    for client in clients:
        try:
            took[client] = do_job(client, world, requests)
        except ClientFailed as error:
            failed.append(Row(what, client.name, str(error), met=False if client is OURS else None))
    return took, failed


def _seconds(client: Client, told: dict[str, Any]) -> float:
    """From a client's first call until its user has the answers; of a peer, from its first request to its last answer.

    A peer's start-up, which is long for some, is not held against it.
    """
    return float(told["seconds"] if client in OWN else told["server"]["span_s"])


def _times(what: str, took: dict[Client, dict[str, Any]], other: Client, bar: float) -> list[Row]:
    """Our rate over another's, where both did the job."""
    if OURS not in took or other not in took:
        return []
    times = took[other]["seconds"] / took[OURS]["seconds"]
    return [at_least(what, f"{OURS.name}: times the rate of {other.name}", times, bar, "{:.2f}")]


def _remarks(told: dict[str, Any], requests: int) -> str:
    """What makes a rate not comparable: answers that are missing, or more in flight than agreed."""
    missing, peak = requests - told["whole"], told["server"]["peak"]
    remarks = [f"{missing} unanswered"] * bool(missing) + [f"{peak} in flight"] * (peak > IN_FLIGHT)
    return "".join(f", {remark}" for remark in remarks)
