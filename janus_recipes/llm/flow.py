"""Sending what is outstanding: at most `concurrency` requests in flight, no barrier, each answer kept as it arrives.

As many workers as may be in flight each take the next request when their last one is settled, so memory does not grow
with the number of requests and a slow answer holds up nobody. Every way of stopping (a provider that is down, a full
disk, Ctrl-C) sends nothing new and keeps what is in flight.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import openai

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.llm.chat import ChatRequest, Reply, body_of, reply_from
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.faults import Fault, fault_of
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.records import Status
from janus_recipes.redact import redact

BACKOFF_S = 1.0
BACKOFF_MOST_S = 60.0
"""The n-th retry waits a random time up to BACKOFF_S * 2**(n - 1) seconds, BACKOFF_MOST_S at most (full jitter)."""

DOWN_AFTER = 10
"""A provider is down when this many requests in a row were given up and none was answered in between."""

REJECTED_AFTER = 20
"""Nothing has been answered and this many requests in a row were rejected with the same words: all will be."""

MESSAGE_MOST = 500
"""Characters of an endpoint's own words that are told: some answer with a whole web page."""

DRAIN_S = 20.0
"""Seconds that a stopped run waits for answers in flight; Slurm kills 30 s after its warning."""


class Flow:
    """One run of workers over the requests that have no answer yet."""

    def __init__(self, rows: Rows[Any], where: Endpoint, progress: Progress) -> None:
        self._rows = rows
        self._provider = rows.provider
        self._where = where
        self._progress = progress
        self._report = progress.report
        self._in_flight: set[str] = set()
        self._given_up_in_a_row = 0
        self._rejected_in_a_row = ("", 0)
        self._failure: BaseException | None = None
        self._headers: dict[str, str | openai.Omit] = {} if where.key else {"Authorization": openai.omit}
        self._stopping = asyncio.Event()

    async def run(self, waiting: Iterator[ChatRequest | None]) -> None:
        """Ask until nothing waits. Raises what stopped it, after everything that arrived was kept.

        `waiting` may yield None: the workers then let the answers that have arrived in.
        """
        async with _client(self._provider.concurrency, self._provider.timeout_s, self._where) as self._openai:
            showing = asyncio.create_task(self._progress.keep_showing())
            workers = [asyncio.create_task(self._work(waiting)) for _ in range(self._provider.concurrency)]
            with self._signals(workers):
                await asyncio.wait(workers)
            showing.cancel()
            await asyncio.wait([showing])
        if self._failure is not None:
            raise self._failure

    async def _work(self, waiting: Iterator[ChatRequest | None]) -> None:
        try:
            for request in waiting:
                if self._stopping.is_set():
                    return
                if request is None:
                    await asyncio.sleep(0)
                else:
                    await self._settle(request)
        except Exception as error:  # whatever it is, the other workers first keep what they have in flight
            self._stop(error)

    async def _settle(self, request: ChatRequest) -> None:
        """Ask until the request's row is settled, given up, or the run stops."""
        while isinstance(step := self._rows.standing(request), Step):
            if step.address in self._in_flight or self._stopping.is_set():
                return  # the same question under another id is being asked: both rows get its answer
            if await self._answer(step) is None and step.address not in self._rows.rejected:
                return
        self._report.statuses[step.status] += 1

    async def _answer(self, step: Step) -> Reply | None:
        self._in_flight.add(step.address)
        self._progress.in_flight += 1
        try:
            reply = await self._tried(step)
            if reply is not None:
                self._keep(step, reply)
            return reply
        finally:
            self._in_flight.discard(step.address)
            self._progress.in_flight -= 1

    async def _tried(self, step: Step) -> Reply | None:
        """The answer, after as many tries as the recipe allows; None when there is none to keep."""
        body = body_of(step.request, self._provider)
        tries = 0
        while True:
            outcome = await self._outcome(body)
            tries += 1
            if isinstance(outcome, Reply):
                return outcome
            if not await self._worth_another(step, outcome, tries):
                return None
            self._report.retries += 1

    async def _worth_another(self, step: Step, fault: Fault, tries: int) -> bool:
        """Note a fault and, where the request should be sent again, wait until it is time to."""
        self._report.faults[fault.label] += 1
        if fault.meaning != "transient":
            self._turned_away(step, fault)
            return False
        if tries >= self._provider.max_tries:
            self._given_up(fault)
            return False
        return not await self._stopped_within(_pause_s(tries, fault.retry_after_s))

    async def _outcome(self, body: dict[str, Any]) -> Reply | Fault:
        try:
            return await self._send(body)
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            return fault

    async def _send(self, body: dict[str, Any]) -> Reply:
        # The time-out is on the whole answer: the client's own starts again with every byte that trickles in.
        async with asyncio.timeout(self._provider.timeout_s):
            response = await self._openai.post(
                "/chat/completions", cast_to=httpx2.Response, body=body, options={"headers": self._headers}
            )
        return reply_from(_json_of(response))

    def _keep(self, step: Step, reply: Reply) -> None:
        self._rows.ledger.put(step.address, reply)
        self._given_up_in_a_row = 0
        self._report.asked += 1
        self._report.re_asked += step.number > 0
        self._report.prompt_tokens += reply.prompt_tokens
        self._report.completion_tokens += reply.completion_tokens

    def _turned_away(self, step: Step, fault: Fault) -> None:
        reason = self._clean(fault.reason)
        if fault.meaning == "down":
            self._stop(self._down(f"{reason}. See to the key, the model's name or the account"))
            return
        self._rows.rejected[step.address] = (fault.status, reason)
        before, count = self._rejected_in_a_row
        self._rejected_in_a_row = (reason, count + 1 if reason == before else 1)
        same = self._rejected_in_a_row[1] >= REJECTED_AFTER
        if same and not self._report.asked and fault.status is Status.FAILED:
            self._stop(self._down(f"it rejects every request: {reason}. See to the provider's section of the recipe"))

    def _given_up(self, fault: Fault) -> None:
        self._report.unanswered[fault.label] += 1
        self._given_up_in_a_row += 1
        if self._given_up_in_a_row >= DOWN_AFTER:
            self._stop(self._down(f"it does not answer: {self._clean(fault.reason)}. Try again later"))

    def _down(self, what: str) -> ProviderDown:
        url = self._clean(str(self._openai.base_url))
        return ProviderDown(f"{self._provider.model} at {url}: {what}; then run the same command again: it continues.")

    def _clean(self, text: str) -> str:
        return redact(text, self._where.key)[:MESSAGE_MOST]

    def _stop(self, failure: BaseException) -> None:
        """Send nothing new. The first reason to stop is the one that is told."""
        if self._failure is None:
            self._failure = failure
        self._stopping.set()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    @contextmanager
    def _signals(self, workers: list[asyncio.Task[None]]) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop the run when all in flight is kept; a second one, or DRAIN_S, stops it at once."""
        loop = asyncio.get_running_loop()

        def cancel() -> None:
            for worker in workers:
                worker.cancel()

        def stop(name: str) -> None:
            if self._stopping.is_set():
                cancel()
            self._progress.say(f"{name}: waiting for {self._progress.in_flight} answers in flight")
            self._stop(StepError(f"stopped by {name}. Run the same command again: it continues."))
            loop.call_later(DRAIN_S, cancel)

        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's business
            return
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        for one in before:
            loop.add_signal_handler(one, stop, one.name)
        try:
            yield
        finally:
            for one, handler in before.items():
                loop.remove_signal_handler(one)
                signal.signal(one, handler)


def _client(concurrency: int, timeout_s: float, where: Endpoint) -> openai.AsyncOpenAI:
    """The openai package's client, without its own retries, with room for every worker's connection."""
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    return openai.AsyncOpenAI(
        api_key=where.key or "none",
        base_url=where.base_url,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout_s, trust_env=not where.local),
    )


def _json_of(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _pause_s(number: int, retry_after_s: float | None) -> float:
    """Seconds before the try after the `number`-th: full jitter, on top of what the provider asked for."""
    return (retry_after_s or 0.0) + random.uniform(0, min(BACKOFF_MOST_S, BACKOFF_S * 2 ** (number - 1)))
