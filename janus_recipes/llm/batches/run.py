"""Asking through a provider's batches: slower and cheaper, the same ledger and the same rows as asking live.

    providers:
      teacher: {kind: openai-batch, model: gpt-6.1-terra, key_env: OPENAI_API_KEY, batch: {poll_s: 60}}

It goes in rounds. A round walks the requests, submits those that nothing is known of, in as many files as it takes, and
waits until they are through; what came back is in the ledger then. The next walk finds what is still open: rows that
failed, and questions whose answer did not parse, which are asked with another sample index. It ends when a walk finds
nothing. So memory does not grow with the requests, but for the addresses under way (about 200 bytes each).

What is under way at the provider is written down before it is created (`state.py`). A run that stops, or is
killed, leaves it there; any later one on the same ledger waits for it and never asks the same twice. Who takes a
batch's answers in pays for them from its recipe's budget, also where another recipe's run had submitted it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from janus_recipes.errors import BudgetReached, SpendingRefused, StepError
from janus_recipes.llm.batches.api import BatchApi
from janus_recipes.llm.batches.files import Limits, RequestFile, most_usd_of, prompt_tokens_of
from janus_recipes.llm.batches.results import BREATHE_EVERY, Results
from janus_recipes.llm.batches.state import new_name
from janus_recipes.llm.batches.tracker import Tracker
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import ChatRequest, body_of
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.faults import told
from janus_recipes.llm.prices import dollars
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.llm.signals import signals


class Batches:
    """One run over the requests that have no answer yet. `requests` starts the same walk each time it is called."""

    def __init__(
        self,
        rows: Rows[Any],
        where: Endpoint,
        progress: Progress,
        requests: Callable[[], Iterable[ChatRequest]],
        purse: Purse | None = None,
    ) -> None:
        self._rows, self._where, self._progress, self._requests, self._purse = rows, where, progress, requests, purse
        self._provider = rows.provider
        self._report = progress.report
        self._recipe = "" if purse is None else purse.recipe
        self._committed_usd = 0.0
        """What batches under way may still cost, as this run's turn to spend began."""
        self._next: Step | None = None
        """What the walk has found and no batch holds yet."""
        self._stopping = asyncio.Event()
        self._signal = ""

    async def run(self, waiting: Iterator[ChatRequest | None]) -> None:
        """Ask until nothing waits. Raises what stopped it, after everything that arrived was kept.

        What is under way at the provider when it stops goes on there. `waiting` may yield None: others then get on.
        """
        self._results = Results(self._rows, self._report, self._purse, self._clean)
        async with BatchApi(self._provider, self._where) as api:
            self._tracker = Tracker(api, self._rows, self._report, self._results, self._clean)
            showing = asyncio.create_task(self._progress.keep_showing())
            asking = asyncio.create_task(self._ask(waiting))
            with signals(self._stop, asking.cancel):
                await asyncio.wait([asking])
            showing.cancel()
            await asyncio.wait([showing])
        if asking.cancelled():
            raise self._stopped()
        asking.result()

    async def _ask(self, waiting: Iterator[ChatRequest | None]) -> None:
        async with self._tracker.folder.turn():
            self._tracker.folder.tidy()
            await self._tracker.take_up()
        while await self._round(self._open_steps(waiting)):
            # Counted anew by the walk that follows.
            self._report.statuses, self._report.unanswered = Counter(), Counter()
            waiting = iter(self._requests())

    async def _round(self, steps: Iterator[Step | None]) -> bool:
        """Submit what a walk finds and wait for it. Returns whether anything was submitted or waited for."""
        busy = False
        looked_at = time.monotonic()
        poll_s = self._provider.batch.poll_s
        await self._pull(steps)
        while self._next is not None or self._tracker.under_way.wanted:
            if self._stopping.is_set():
                raise self._stopped()
            if self._next is not None and not self._tracker.queue.full:
                busy = await self._submit(steps) or busy
                if time.monotonic() - looked_at < poll_s:
                    continue
            elif self._tracker.under_way.wanted:
                await self._pause(poll_s)
            else:
                await self._make_room()
            busy = True
            looked_at = time.monotonic()
            await self._tracker.look()
            self._tell()
        return busy

    def _open_steps(self, waiting: Iterator[ChatRequest | None]) -> Iterator[Step | None]:
        """What is to be asked next for each request that is open; None now and then."""
        for count, request in enumerate(waiting):
            if request is None or count % BREATHE_EVERY == 0:
                yield None
            if request is not None:
                step = self._rows.standing(request)
                if isinstance(step, Step):
                    yield step
                else:
                    self._report.statuses[step.status] += 1

    async def _pull(self, steps: Iterator[Step | None]) -> None:
        """Go on to the next request that is neither under way nor given up."""
        self._next = None
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif self._may_ask(step):
                self._next = step
                return

    def _may_ask(self, step: Step) -> bool:
        address = bytes.fromhex(step.address)
        if self._tracker.under_way.meets(address) or step.address in self._rows.ledger:
            return False
        label = self._results.given_up(address)
        if label is not None:
            self._report.unanswered[label] += 1
        return label is None

    async def _submit(self, steps: Iterator[Step | None]) -> bool:
        """Submit one batch of what the walk finds next. Returns False when there was nothing after all."""
        if not self._may_spend():
            return False
        async with self._tracker.folder.turn_to_spend(self._recipe):
            await self._tracker.take_up()
            self._committed_usd = self._committed()
            name = new_name()
            file = await self._compose(name, steps)
            if not file.rows or self._stopping.is_set():
                self._tracker.folder.forget(name)
                return False
            await self._tracker.submit(file, name, self._recipe)
        self._tell()
        return True

    def _may_spend(self) -> bool:
        """Whether anything may be asked. Raises what forbids it, but not before what was paid for has come."""
        try:
            self._where.may_submit()
            if self._purse is not None:
                self._purse.check()
        except (BudgetReached, SpendingRefused) as error:
            if not self._tracker.under_way.wanted:
                raise
            self._tracker.queue.full = "budget full" if isinstance(error, BudgetReached) else "model retired"
        return not self._tracker.queue.full

    def _committed(self) -> float:
        """What batches under way may still cost: all of this recipe, and others' that this run waits for."""
        if self._purse is None:
            return 0.0
        of_others = self._tracker.under_way.usd_of_others(self._recipe)
        return self._tracker.folder.committed_usd(self._recipe) + of_others

    async def _compose(self, name: str, steps: Iterator[Step | None]) -> RequestFile:
        """Write the next requests to a file until it is full, or nothing more is open."""
        batch, tracker = self._provider.batch, self._tracker
        room = tracker.queue.room(tracker.under_way, self._prompt_tokens(self._next))
        limits = Limits(batch.requests, batch.megabytes * 1e6, room)
        with RequestFile(tracker.folder.file(name, "requests"), limits) as file:
            while self._next is not None and not self._stopping.is_set():
                # Asked once more: while we waited for our turn another process may have submitted it.
                known = bytes.fromhex(self._next.address) in file.rows or not self._may_ask(self._next)
                if not known and not self._took(file, self._next):
                    break
                await self._pull(steps)
        return file

    def _took(self, file: RequestFile, step: Step) -> bool:
        """Whether the request was written to the file; else why it was not is known to the queue."""
        body, address = body_of(step.request, self._provider), bytes.fromhex(step.address)
        longest = step.request.sampling.max_tokens
        usd = most_usd_of(body, longest, self._provider)
        if self._purse is not None and self._purse.would_exceed(self._committed_usd + file.usd + usd):
            self._tracker.queue.full = "budget full"
            return False
        full = file.add(address, step.number, body, longest, usd)
        if full == "queue":
            self._tracker.queue.full = "queue full"
        elif full is None:
            self._report.retries += self._results.failed_before(address)
        return full is None

    def _prompt_tokens(self, step: Step | None) -> int:
        return 0 if step is None else prompt_tokens_of(body_of(step.request, self._provider))

    async def _make_room(self) -> None:
        """Nothing of ours is under way, and yet the next request does not fit."""
        queue, others = self._tracker.queue, self._tracker.under_way.batches.values()
        if queue.full == "budget full" and self._purse is not None:
            self._purse.check()
            if not any(one.state.recipe == self._recipe for one in others):
                raise self._no_money(self._purse)
        if others:  # another process's or recipe's: they leave room when they end
            await self._pause(self._provider.batch.poll_s)
            return
        if (seconds := queue.pause_s()) is None:
            raise self._tracker.down(
                "its queue of batches has had no room for hours (token_limit_exceeded). Wait until what others have "
                "submitted is through, or set `batch.tokens_queued` to the account's limit"
            )
        await self._pause(seconds)
        queue.full = ""

    def _no_money(self, purse: Purse) -> BudgetReached:
        committed = self._tracker.folder.committed_usd(self._recipe)
        others = f" and {dollars(committed)} promised to its batches of other models" if committed else ""
        wait = "Wait until these are through, or raise" if committed else "Raise"
        return BudgetReached(
            f"what is left of the recipe's budget ({dollars(purse.limit_usd or 0)}, {dollars(purse.spent_usd)} "
            f"spent{others}) may not pay for the next request. Nothing new is asked. {wait} `budget_usd` in the "
            "recipe, then run the same command again: it continues."
        )

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _tell(self) -> None:
        """What the progress line says."""
        batches = self._tracker.under_way.wanted
        rows, done = sum(one.state.rows for one in batches), sum(one.done for one in batches)
        self._progress.in_flight = rows - done
        full = f", {self._tracker.queue.full}" if self._tracker.queue.full else ""
        self._progress.limit = f"{counted(len(batches))} under way, {done:,} of {rows:,} rows done there{full}"

    def _stop(self, name: str) -> None:
        self._signal = name
        self._stopping.set()

    def _stopped(self) -> StepError:
        batches = self._tracker.under_way.wanted
        rows = sum(one.state.rows for one in batches)
        going_on = f" {rows:,} requests in {counted(len(batches))} go on at the provider." if batches else ""
        return StepError(
            f"stopped by {self._signal}.{going_on} Run the same command again: it picks up their answers and continues."
        )

    def _clean(self, text: str) -> str:
        return told(text, self._where.key)


def counted(batches: int) -> str:
    """So many batches, in words."""
    return f"{batches} batch{'' if batches == 1 else 'es'}"
