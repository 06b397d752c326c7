"""What users trust with their money: a provider that misbehaves in every way, and kill -9 twenty times over."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.llm import tries
from janus_recipes.llm.ask import Answers, ask
from janus_recipes.llm.chat import ChatRequest, Message, Unparsed
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Faults, Provider, Sampling
from janus_recipes.records import Asked, Status
from janus_recipes.rehearsal.server import World, serving

REQUESTS = 10_000
KILLS, ASKED_IN_ALL, IN_FLIGHT = 20, 3_000, 16


def requests(count: int) -> Callable[[], Iterator[ChatRequest]]:
    def walk() -> Iterator[ChatRequest]:
        for number in range(count):
            messages = (Message("system", "Guard fern moss."), Message("user", f"What is {number}?"))
            yield ChatRequest(f"q/{number}", messages, Sampling(max_tokens=256))

    return walk


def whole(text: str) -> str:
    """What a step's parser does: the malformed answers of the micro-world are empty."""
    if not text:
        raise Unparsed("empty")
    return text


def at(url: str) -> Callable[[Provider], Any]:
    @contextmanager
    def opened(provider: Provider) -> Iterator[Endpoint]:
        yield Endpoint(url, local=True)

    return opened


def asked(url: str, folder: Path, count: int, **settings: Any) -> tuple[list[Asked[str]], Answers[str]]:
    provider = Provider(kind="rehearsal", model="teacher", **settings)
    with Ledger.open(folder, provider.model) as ledger:
        answers = ask(requests(count), provider, ledger, whole, re_asks=4, endpoint=at(url))
        return list(answers), answers


def stored(folder: Path) -> Counter[str]:
    """How often each address stands in the ledger."""
    rows = (json.loads(line) for path in folder.rglob("*.jsonl") for line in path.read_text().splitlines())
    return Counter(row["custom_id"] for row in rows)


@pytest.mark.timeout(300)
def test_ten_thousand_requests_to_a_misbehaving_provider_all_end_well_and_are_paid_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "BACKOFF_S", 0.02)
    faults = Faults(
        rate_limited=0.05, retry_after_s=0.01, server_error=0.03, hang=0.02, hang_s=60, malformed=0.05, dropped=0.01
    )
    with serving(faults) as world:
        rows, answers = asked(world.base_url, tmp_path, REQUESTS, concurrency=64, timeout_s=2.0, max_tries=10)
        stats = world.stats()
    assert [row.id for row in rows] == [f"q/{n}" for n in range(REQUESTS)]
    # Five malformed answers in a row have a chance of 0.05**5, and ten faults in a row of 0.11**10.
    assert {row.status for row in rows} == {Status.OK}
    # Of 100 requests 11 get no answer and 5 a malformed one: 10,000 good ones take about 11,900, 595 of them malformed.
    assert answers.report.re_asked == stats.fates["malformed"] > 500
    assert stats.fates["hang"] > 200 and stats.fates["dropped"] > 80 and stats.fates["rate_limited"] > 500
    kept = stored(tmp_path)
    assert set(kept.values()) == {1}
    assert len(kept) == answers.report.asked == REQUESTS + answers.report.re_asked
    # Every answer that arrived whole is kept, and was not asked for again.
    assert stats.answered == len(kept)
    assert stats.asked_after_answering == 0
    assert stats.requests == answers.report.asked + answers.report.faults.total()


def until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(0.001)


def times_asked_again(world: World) -> int:
    return world.stats().requests - len(world._asked)


@pytest.mark.timeout(300)
def test_a_run_killed_twenty_times_asks_again_only_what_was_in_flight(tmp_path: Path) -> None:
    """The provider is here, the runs are children that a server of forks starts quickly; each kill is a SIGKILL."""
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["janus_recipes.llm.ask", "janus_recipes.llm.flow", __name__])
    moments = sorted(random.Random(7).sample(range(50, ASKED_IN_ALL - 50), KILLS))
    with serving(Faults(latency_s=0.01, latency_sigma=0.8)) as world:
        again = 0
        for moment in moments:
            settings = {"concurrency": IN_FLIGHT}
            run = spawn.Process(target=asked, args=(world.base_url, tmp_path, ASKED_IN_ALL), kwargs=settings)
            run.start()
            until(lambda moment=moment: len(world._asked) >= moment)
            run.kill()
            run.join()
            assert run.exitcode == -9
            before, again = again, times_asked_again(world)
            assert again - before <= IN_FLIGHT
        rows, answers = asked(world.base_url, tmp_path, ASKED_IN_ALL, concurrency=IN_FLIGHT)
        assert [row.status for row in rows] == [Status.OK] * ASKED_IN_ALL
        assert 0 < times_asked_again(world) <= KILLS * IN_FLIGHT
    assert set(stored(tmp_path).values()) == {1}
    assert answers.report.from_ledger >= moments[-1] - IN_FLIGHT
