"""What may be sent: paced by the provider's headers or the recipe, slower on overload, one at a time when silent."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from janus_recipes.errors import ProviderDown
from janus_recipes.llm import flow, limits
from janus_recipes.llm.faults import Fault
from janus_recipes.llm.limits import Bucket, Gate, Ticket
from janus_recipes.records import Status
from tests.scripted import Said, asked, provider_at, questions, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")

TOO_MUCH = Fault("transient", "rate limited (429)", "slow down", code=429)
SILENT = Fault("transient", "connection", "refused")


def test_a_minutes_allowance_is_spread_evenly() -> None:
    bucket, now = Bucket(120), time.monotonic()
    # Two a second; five seconds' worth, ten, may go at once. The eleventh waits half a second.
    for _ in range(10):
        assert bucket.wait_s(1, now) == 0
        bucket.take(1)
    assert bucket.wait_s(1, now) == pytest.approx(0.5, abs=0.01)
    assert bucket.wait_s(1, now + 0.6) == 0


def test_what_costs_more_than_may_go_at_once_goes_and_is_paid_off_first() -> None:
    bucket, now = Bucket(60), time.monotonic()
    assert bucket.wait_s(20, now) == 0
    bucket.take(20)
    # A full bucket holds 5, so it is at -15: one more has to wait for 16 to flow in, at one a second.
    assert bucket.wait_s(1, now) == pytest.approx(16, abs=0.1)
    bucket.take(-12)  # the usage that the answer tells: 8
    assert bucket.wait_s(1, now) == pytest.approx(4, abs=0.1)


def test_a_limit_that_is_learnt_late_does_not_charge_for_what_went_before() -> None:
    bucket, now = Bucket(None), time.monotonic()
    for _ in range(1000):
        assert bucket.wait_s(1, now) == 0
        bucket.take(1)
    bucket.learn(60, remaining=None, spent_then=1, then=now)
    assert bucket.wait_s(1, now) == 0


def test_what_remains_for_everybody_on_the_account_counts_where_it_is_less() -> None:
    bucket, now = Bucket(600), time.monotonic()
    for _ in range(4):
        bucket.take(1)
    # The first of four was told that 5 remained: less three since, 2 remain, then one comes every 0.1 s.
    bucket.learn(600, remaining=5, spent_then=1, then=now)
    assert bucket.wait_s(2, now) == 0
    assert bucket.wait_s(3, now) == pytest.approx(0.1, abs=0.02)
    bucket.learn(600, remaining=9000, spent_then=4, then=now)
    assert bucket.wait_s(3, now) == pytest.approx(0.1, abs=0.02)


def test_the_recipes_limit_holds_where_the_headers_name_a_looser_one() -> None:
    bucket, now = Bucket(60), time.monotonic()
    bucket.learn(6000, remaining=None, spent_then=0, then=now)
    assert bucket.per_minute == 60
    bucket.learn(30, remaining=None, spent_then=0, then=now)
    assert bucket.per_minute == 30
    bucket.learn(6000, remaining=None, spent_then=0, then=now)
    assert bucket.per_minute == 60


@pytest.mark.parametrize("odd", ["nan", "inf", "-inf", "lots", "0x10", "-1"])
def test_a_limit_that_is_no_number_is_no_limit(odd: str, tmp_path: Path) -> None:
    headers = {f"x-ratelimit-{what}-{unit}": odd for what in ("limit", "remaining") for unit in ("requests", "tokens")}
    assert seconds_for(20, lambda text, before: Said(headers=headers), tmp_path) < 3


def gate(in_flight: int) -> tuple[Gate, list[str]]:
    said: list[str] = []
    return Gate(in_flight, None, None, said.append), said


async def let_in(one: Gate, count: int) -> list[Ticket]:
    tickets = [await asyncio.wait_for(one.enter(10), 1) for _ in range(count)]
    return [ticket for ticket in tickets if ticket is not None]


def test_overload_halves_what_is_in_flight_once_a_round_trip_and_answers_bring_it_back() -> None:
    async def go() -> list[str]:
        one, said = gate(8)
        for ticket in await let_in(one, 8):
            one.failed(ticket, TOO_MUCH)  # eight say the same of the same moment
            one.leave(ticket)
        for ticket in await let_in(one, 4):
            one.failed(ticket, TOO_MUCH)
            one.leave(ticket)
        # Two answers make 3, three more 4, and so on: 2 + 3 + 4 + 5 + 6 + 7 = 27 make 8.
        for _ in range(27):
            (ticket,) = await let_in(one, 1)
            one.answered(ticket, 0)
            one.leave(ticket)
        return said

    assert asyncio.run(go()) == [f"{n} in flight" for n in (8, 4, 2, 3, 4, 5, 6, 7, 8)]


def test_no_more_are_let_in_than_are_allowed() -> None:
    async def go() -> None:
        one, _ = gate(2)
        first, _ = await let_in(one, 2)
        waiting = asyncio.create_task(one.enter(10))
        await asyncio.sleep(0.05)
        assert not waiting.done() and one.in_flight == 2
        one.leave(first)
        assert await asyncio.wait_for(waiting, 1) is not None
        last = asyncio.create_task(one.enter(10))
        await asyncio.sleep(0)
        one.close()
        assert await asyncio.wait_for(last, 1) is None

    asyncio.run(go())


def test_what_an_answer_did_not_use_of_a_minutes_tokens_is_free_again_and_what_it_used_more_is_not() -> None:
    async def seconds_after(used: int) -> float:
        one = Gate(2, None, 600, lambda words: None)  # ten a second; five seconds' worth, 50, may go at once
        ticket = await one.enter(40)
        assert ticket is not None
        one.answered(ticket, used)
        one.leave(ticket)
        return one._wait_s(40, time.monotonic())

    # 10 of the 50 are left, and 30 come back: 40. Where 60 more were used, 90 lack: 9 seconds.
    assert asyncio.run(seconds_after(10)) == pytest.approx(0, abs=0.1)
    assert asyncio.run(seconds_after(100)) == pytest.approx(9, abs=0.3)


def test_while_others_are_in_flight_a_few_that_fail_in_a_row_are_no_silence() -> None:
    async def go() -> None:
        one, _ = gate(30)
        for ticket in (await let_in(one, 30))[:12]:
            one.failed(ticket, SILENT)
            one.leave(ticket)
        assert len(await let_in(one, 12)) == 12  # 18 may still be answered: nobody has to knock

    asyncio.run(go())


def test_a_rate_limit_is_a_sign_of_life() -> None:
    async def go() -> None:
        one, _ = gate(8)
        for fault in [SILENT] * 9 + [TOO_MUCH] + [SILENT] * 9:  # ten in a row would be a silence
            (ticket,) = await let_in(one, 1)
            one.failed(ticket, fault)
            one.leave(ticket)
        assert len(await let_in(one, 2)) == 2

    asyncio.run(go())


def test_where_nobody_answers_one_request_at_a_time_knocks() -> None:
    async def go() -> None:
        one, said = gate(12)
        for ticket in await let_in(one, 12):
            one.failed(ticket, SILENT)
            one.leave(ticket)
        (knocking,) = await let_in(one, 1)
        waiting = asyncio.create_task(one.enter(10))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert said[-1] == "no answer, knock 1 of 7"
        one.answered(knocking, 0)
        one.leave(knocking)
        await let_in(one, 11)
        assert said[-1] == "12 in flight" and not one.down

    asyncio.run(go())


def seconds_for(count: int, say: Callable[[str, int], Said], folder: Path, **settings: object) -> float:
    """How long asking so many questions takes, from the first to the last request."""
    with scripted(say) as script:
        rows, _ = asked(questions(count), provider_at(script.base_url, **settings), folder)
        assert [row.status for row in rows] == [Status.OK] * count
        return script.at[-1] - script.at[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-limit-requests": "600", "x-ratelimit-remaining-requests": "0"},
        {"anthropic-ratelimit-requests-limit": "600", "anthropic-ratelimit-requests-remaining": "0"},
        # An answer uses 12 tokens.
        {"x-ratelimit-limit-tokens": "7200", "x-ratelimit-remaining-tokens": "0"},
    ],
)
def test_the_pace_is_the_one_that_the_headers_name(headers: dict[str, str], tmp_path: Path) -> None:
    # The first 8 know of no limit; the other 16 come at ten a second, as the account's allowance is used up.
    took = seconds_for(24, lambda text, before: Said(headers=headers), tmp_path)
    assert 1.2 < took < 5.0


def test_without_headers_the_pace_is_the_recipes(tmp_path: Path) -> None:
    # 600 a minute are ten a second; fifty, five seconds' worth, go at once and the other ten after them.
    took = seconds_for(60, lambda text, before: Said(), tmp_path, requests_per_minute=600)
    assert 0.8 < took < 4.0


def test_one_rate_limit_holds_everybody_back(tmp_path: Path) -> None:
    def limited(text: str, before: int) -> Said:
        first = text == "question 0" and not before
        return Said(status=429, headers={"Retry-After": "1"}) if first else Said(wait_s=0.1)

    with scripted(limited) as script:
        asked(questions(20), provider_at(script.base_url, concurrency=4), tmp_path)
    # Three more had been sent with the first; then nobody sends for a second.
    assert len([at for at in script.at if at < script.at[0] + 0.9]) == 4


def test_a_provider_that_can_do_only_so_much_at_once_is_not_flooded(tmp_path: Path) -> None:
    with scripted() as script:
        script.says = lambda text, before: Said(status=503) if script.now > 6 else Said(wait_s=0.02)
        rows, answers = asked(questions(300), provider_at(script.base_url, concurrency=48, max_tries=9), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 300
    # Without slowing down most of the tries fail; with it only those of the start and one now and then.
    assert answers.report.faults.total() < 150


def test_a_short_outage_costs_no_request_its_tries(tmp_path: Path) -> None:
    with scripted() as script:
        # 16 fail at once and some of those in flight then; the knocks in vain are the tries of different requests.
        script.says = lambda text, before: Said(drop=True) if script.came.total() < 20 else Said()
        rows, answers = asked(questions(100), provider_at(script.base_url, concurrency=16, max_tries=3), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 100
    assert answers.report.faults.total() == 20


def test_an_outage_stops_the_run_long_before_every_request_has_used_its_tries(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(drop=True)) as script:
        with pytest.raises(ProviderDown, match=r"does not answer: connection failed.*run the same command again"):
            asked(questions(500), provider_at(script.base_url, concurrency=32, max_tries=6), tmp_path)
        # The first try of those in flight, what was sent meanwhile, and 7 knocks; not 32 * 6.
        assert script.came.total() < 32 + 32 + 7


def test_rate_limits_without_a_word_on_how_long_cost_no_request_its_tries(tmp_path: Path) -> None:
    with scripted() as script:
        script.says = lambda text, before: Said(status=429) if script.came.total() < 60 else Said()
        rows, answers = asked(questions(40), provider_at(script.base_url, max_tries=1), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 40
    assert answers.report.faults == {"rate limited (429)": 60}


def test_the_pause_after_rate_limits_grows_and_an_answer_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIMITED_S", 100.0)
    monkeypatch.setattr(limits, "LIMITED_MOST_S", 1000.0)
    monkeypatch.setattr(random, "uniform", lambda least, most: most)

    async def go() -> list[str]:
        one, said = gate(1)
        for _ in range(5):
            one._held_until = 0.0
            (ticket,) = await let_in(one, 1)
            one.failed(ticket, TOO_MUCH)
            one.leave(ticket)
        one._held_until = 0.0
        (ticket,) = await let_in(one, 1)
        one.answered(ticket, 0)
        one.leave(ticket)
        (ticket,) = await let_in(one, 1)
        one.failed(ticket, TOO_MUCH)
        return [words for words in said if words.startswith("waiting")]

    told = [words for words, _ in itertools.groupby(asyncio.run(go()))]
    assert told == [f"waiting {seconds} s after a rate limit" for seconds in (100, 200, 400, 800, 1000, 100)]


def test_nothing_but_rate_limits_for_long_is_a_provider_that_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PATIENCE_S", 0.5)
    monkeypatch.setattr(limits, "LIMITED_MOST_S", 0.1)
    with scripted(lambda text, before: Said(status=429, error={"message": "too many"})) as script:
        with pytest.raises(ProviderDown, match=r"nothing but rate limits for long: 429: too many\. Try again"):
            asked(questions(50), provider_at(script.base_url, max_tries=1), tmp_path)
        assert script.at[-1] - script.at[0] > 0.5


def test_that_everybody_waits_as_told_is_shown() -> None:
    async def go() -> list[str]:
        one, said = gate(2)
        for ticket in await let_in(one, 1):
            one.failed(ticket, Fault("transient", "rate limited (429)", "slow down", code=429, retry_after_s=30.0))
            one.leave(ticket)
        one._held_until = 0.0
        await let_in(one, 1)
        return said

    assert list(dict.fromkeys(asyncio.run(go()))) == ["2 in flight", "waiting 30 s as told", "1 in flight"]


def test_a_provider_that_hangs_is_told_after_short_knocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "KNOCK_S", 0.1)
    began = time.monotonic()
    with (
        scripted(lambda text, before: Said(wait_s=20.0)) as script,
        pytest.raises(ProviderDown, match="does not answer: no answer in time"),
    ):
        asked(questions(50), provider_at(script.base_url, concurrency=12, timeout_s=1.5), tmp_path)
    # One time-out of all in flight, 7 knocks of 0.1 s and their pauses of 1.27 s in all; not 7 more time-outs.
    assert time.monotonic() - began < 6
