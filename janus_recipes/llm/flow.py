"""Sending what is outstanding: at most `concurrency` requests in flight, no barrier, each answer kept as it arrives.

As many workers as may be in flight each take the next request when their last one is settled, so memory does not grow
with the number of requests and a slow answer holds up nobody. When a worker may send, `limits.py` says. Every way of
stopping (a provider that is down, a budget that is spent, a full disk, Ctrl-C) sends nothing new and keeps what is in
flight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Set
from contextlib import suppress
from functools import partial
from typing import Any

from janus_recipes.errors import BudgetReached, ProviderDown, StepError
from janus_recipes.files import Json
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import ChatRequest, Reply, body_of
from janus_recipes.llm.client import Client
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.faults import UNREADABLE, Fault, fault_of, outcome_of, told
from janus_recipes.llm.limits import Gate, Ticket
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.report import IN_A_BATCH
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.llm.signals import signals
from janus_recipes.llm.till import Till
from janus_recipes.llm.tries import Tries, pause_s
from janus_recipes.llm.turned_away import TurnedAway, harmless, is_of_all, what_to_see_to

DOWN_AFTER = 10
"""A provider is down when this many requests in a row were given up and none was answered in between."""

KNOCK_S = 30.0
"""Seconds that a request which knocks waits for its answer; longer where the answers so far took long."""


class Flow:
    """One run of workers over the requests that have no answer yet."""

    def __init__(
        self,
        rows: Rows[Any],
        where: Endpoint,
        progress: Progress,
        purse: Purse | None = None,
        in_batches: Set[bytes] = frozenset(),
    ) -> None:
        """`in_batches` are the addresses of what a provider's batches will answer: it is not paid for once more."""
        self._rows = rows
        self._provider = provider = rows.provider
        self._where = where
        self._progress = progress
        self._report = progress.report
        self._till = Till(self._report, purse)
        self._in_batches = in_batches
        self._client = Client(where, provider.concurrency, provider.timeout_s)
        self._gate = Gate(
            provider.concurrency, provider.requests_per_minute, provider.tokens_per_minute, self._tell_limit
        )
        self._asking: set[str] = set()
        self._given_up_in_a_row = 0
        self._away = TurnedAway()
        self._finding_out = asyncio.Lock()
        self._failure: BaseException | None = None
        self._stopping = asyncio.Event()

    async def run(self, waiting: Iterator[ChatRequest | None]) -> None:
        """Ask until nothing waits. Raises what stopped it, after everything that arrived was kept.

        `waiting` may yield None: the workers then let the answers that have arrived in.
        """
        async with self._client:
            showing = asyncio.create_task(self._progress.keep_showing())
            workers = [self._started(self._work(waiting)) for _ in range(self._provider.concurrency)]
            with signals(self._signalled, lambda: [worker.cancel() for worker in workers]):
                await asyncio.wait(workers)
                workers.append(self._started(self._look_back()))
                await asyncio.wait(workers)
            showing.cancel()
            await asyncio.wait([showing])
        if self._failure is not None:
            raise self._failure

    def _started(self, work: Awaitable[None]) -> asyncio.Task[None]:
        async def safe() -> None:
            try:
                await work
            except Exception as error:  # whatever it is, the other workers first keep what they have in flight
                self._stop(error)

        return asyncio.create_task(safe())

    async def _work(self, waiting: Iterator[ChatRequest | None]) -> None:
        for request in waiting:
            if self._stopping.is_set():
                return
            if request is None:
                await asyncio.sleep(0)
            else:
                await self._settle(request)

    async def _settle(self, request: ChatRequest) -> None:
        """Ask until the request's row is settled, given up, or the run stops."""
        while isinstance(step := self._rows.standing(request), Step):
            if step.address in self._asking or self._stopping.is_set():
                return  # the same question under another id is being asked: both rows get its answer
            if bytes.fromhex(step.address) in self._in_batches:
                self._report.unanswered[IN_A_BATCH] += 1
                return
            if await self._answer(step) is None and step.address not in self._rows.rejected:
                return
        self._report.statuses[step.status] += 1

    async def _answer(self, step: Step) -> Reply | None:
        self._asking.add(step.address)
        try:
            return await self._tried(step)
        finally:
            self._asking.discard(step.address)

    async def _tried(self, step: Step) -> Reply | None:
        """The answer, after as many tries as the recipe allows; None when there is none to keep."""
        body = body_of(step.request, self._provider)
        tries = Tries()
        while (ticket := await self._gate.enter(self._till.tokens_expected(step))) is not None:
            if reply := self._answered_meanwhile(step):
                self._gate.leave(ticket)
                return reply
            outcome = await self._outcome(body, ticket, partial(self._keep, step))
            if isinstance(outcome, Reply):
                return outcome
            tries.count(outcome)
            self._till.pay_begun(step, outcome)
            if not await self._worth_another(step, outcome, tries):
                return None
            self._report.retries += 1
        return None

    def _answered_meanwhile(self, step: Step) -> Reply | None:
        """What another process was answered while this request waited for its turn."""
        self._rows.ledger.refresh()
        return self._rows.ledger.get(step.address)

    async def _outcome(self, body: Json, ticket: Ticket, keep: Callable[[Reply], None]) -> Reply | Fault:
        """One try. An answer is kept and paid for before the next request takes its place."""
        self._progress.in_flight = self._gate.in_flight
        try:
            self._till.check()
            outcome = await self._send(body, ticket)
            if isinstance(outcome, Fault):
                self._gate.failed(ticket, outcome)
            else:
                self._gate.answered(ticket, outcome.prompt_tokens + outcome.completion_tokens)
                self._report.latencies.add(time.monotonic() - ticket.at)
                self._away.answered()
                keep(outcome)
            return outcome
        finally:
            self._gate.leave(ticket)
            self._progress.in_flight = self._gate.in_flight

    async def _send(self, body: Json, ticket: Ticket) -> Reply | Fault:
        try:
            answer = await self._client.ask(body, self._knock_s() if ticket.knock else None)
            self._gate.learn(ticket, answer.headers)
            return outcome_of(answer.status, answer.headers, answer.body)
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            return fault

    def _knock_s(self) -> float:
        usual = self._report.latencies.percentile(0.99) or 0.0
        return min(self._provider.timeout_s, max(KNOCK_S, 2 * usual))

    async def _worth_another(self, step: Step, fault: Fault, tries: Tries) -> bool:
        """Note a fault and, where the request should be sent again, wait until it is time to."""
        self._report.faults[fault.label] += 1
        if fault.meaning != "transient":
            await self._turned_away(step, fault)
            return False
        if self._gate.down or not self._where.alive():
            self._stop(self._no_answer(fault))
        elif tries.used_up(self._provider.max_tries):
            self._given_up(fault)
            return False
        if fault.code == 429:  # the gate holds everybody
            return not self._stopping.is_set()
        return not await self._stopped_within(pause_s(tries.failed, fault.retry_after_s))

    def _keep(self, step: Step, reply: Reply) -> None:
        try:
            self._rows.ledger.put(step.address, reply)
        except StepError:
            self._report.lost += 1
            with suppress(StepError):  # there may be no room for this either
                self._till.pay(step, reply)
            raise
        self._given_up_in_a_row = 0
        try:
            self._till.pay(step, reply)
        finally:
            self._report.count_answer(reply, step.number > 0, self._till.paid_usd)

    async def _turned_away(self, step: Step, fault: Fault) -> None:
        """Note a row's failure, or stop where every request would be turned away."""
        self._away.count(step, fault)
        if (found := await self._found_to_be_of_all(step, fault)) is not None:
            self._stop(self._turns_all_away(found))
        else:
            self._rows.rejected[step.address] = (fault.status, self._clean(fault.reason))

    async def _found_to_be_of_all(self, step: Step, fault: Fault) -> Fault | None:
        """For which fault the endpoint turns every request away; None where it does not."""
        if not self._away.may_be_all(fault):
            return None
        if is_of_all(fault, answered_before=self._report.asked + self._report.from_ledger > 0):
            return fault
        async with self._finding_out:
            # Looked at again: while this one waited, another one may have found out.
            return await self._fault_of_a_harmless_one(step) if self._away.may_be_all(fault) else None

    async def _look_back(self) -> None:
        """At a run's end: find out about what was turned away last, where it was too little to tell before."""
        step = self._away.in_doubt
        if step is None or self._stopping.is_set():
            return
        with suppress(BudgetReached):  # no row needs the answer: without the money for it nothing is found out
            if (found := await self._fault_of_a_harmless_one(step)) is not None:
                self._stop(self._turns_all_away(found))

    async def _fault_of_a_harmless_one(self, step: Step) -> Fault | None:
        """Why a question like this one, but in harmless words, gets no answer. Its answer is paid for, and no row's.

        None where it is answered, and when the run stops before that is known.
        """
        step = harmless(step)
        body, tries = body_of(step.request, self._provider), Tries()
        while (ticket := await self._gate.enter(self._till.tokens_expected(step))) is not None:
            outcome = await self._outcome(body, ticket, partial(self._till.pay, step))
            if isinstance(outcome, Reply):
                return None
            tries.count(outcome)
            self._till.pay_begun(step, outcome)
            self._report.faults[outcome.label] += 1
            if outcome.meaning != "transient" or self._gate.down or tries.used_up(self._provider.max_tries):
                return outcome
            if not await self._stopped_within(pause_s(tries.failed, outcome.retry_after_s)):
                self._report.retries += 1
        return None

    def _turns_all_away(self, fault: Fault) -> ProviderDown:
        if fault.meaning == "transient":
            return self._no_answer(fault)
        return self._down(what_to_see_to(fault, self._clean(fault.reason)))

    def _given_up(self, fault: Fault) -> None:
        self._report.unanswered[fault.label] += 1
        self._report.reasons[fault.label] = self._clean(fault.reason)
        self._given_up_in_a_row += 1
        if self._given_up_in_a_row >= DOWN_AFTER:
            self._stop(self._no_answer(fault))

    def _no_answer(self, fault: Fault) -> ProviderDown:
        reason = self._clean(fault.reason)
        if fault.label == UNREADABLE:
            return self._down(f"it gives no answers: {reason} See to the provider's section of the recipe")
        silent = "nothing but rate limits for long" if fault.code == 429 else "it does not answer"
        return self._down(f"{silent}: {reason}. Try again later")

    def _down(self, what: str) -> ProviderDown:
        url = self._clean(self._client.base_url)
        return ProviderDown(f"{self._provider.model} at {url}: {what}; then run the same command again: it continues.")

    def _clean(self, text: str) -> str:
        return told(text, self._where.key)

    def _stop(self, failure: BaseException) -> None:
        """Send nothing new. The first reason to stop is the one that is told."""
        if self._failure is None:
            self._failure = failure
        self._stopping.set()
        self._gate.close()

    def _tell_limit(self, words: str) -> None:
        self._progress.limit = words

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def _signalled(self, name: str) -> None:
        # First of all: what is said may go nowhere, as after Ctrl-C in a pipe whose reader died of it.
        self._stop(StepError(f"stopped by {name}. Run the same command again: it continues."))
        self._progress.say(f"{name}: waiting for {self._progress.in_flight} answers in flight")
