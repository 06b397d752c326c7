"""The life of batches at the provider: created once, found again, seen through to their end.

Everything that changes a batch's state is done in this process's turn (`state.py`), so of all processes that
ask one model exactly one creates a batch and exactly one takes in what it gave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import openai
from openai.types import Batch

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.llm.batches.api import BatchApi
from janus_recipes.llm.batches.files import RequestFile
from janus_recipes.llm.batches.results import Results, Tally
from janus_recipes.llm.batches.state import BatchFolder, BatchState, Kind, now
from janus_recipes.llm.batches.under_way import BatchUnderWay, Queue, UnderWay
from janus_recipes.llm.faults import Fault, fault_of
from janus_recipes.llm.ledger import LOOK_EVERY_S
from janus_recipes.llm.report import AskReport
from janus_recipes.llm.rows import Rows

ENDED = frozenset({"completed", "expired", "cancelled", "failed"})

SILENT_AFTER = 10
"""A provider is down when so many looks in a row, each tried several times, got no answer."""

T = TypeVar("T")


class Tracker:
    """Submits batches and takes in what they give. `under_way` and `queue` say what may be submitted next."""

    def __init__(
        self, api: BatchApi, rows: Rows[Any], report: AskReport, results: Results, clean: Callable[[str], str]
    ) -> None:
        self.folder = BatchFolder(rows.ledger.folder)
        self.under_way = UnderWay()
        self.queue = Queue(rows.provider.batch.tokens_queued)
        self._api, self._rows, self._report, self._results, self._clean = api, rows, report, results, clean
        self._ended: set[str] = set()
        self._silent = 0

    async def take_up(self) -> None:
        """Find out what other processes, or earlier runs, have submitted and ended. Needs the turn."""
        for state in self.folder.under_way():
            if state.name not in self.under_way.batches:
                await self._take_up(state)
        gone = [name for name in self.under_way.batches if not self.folder.is_under_way(name)]
        for name in gone:
            self.under_way.drop(name)
            self.queue.accepted()
        ended = self.folder.ended()
        if ended - self._ended:
            await asyncio.sleep(LOOK_EVERY_S)  # so that the ledger looks through its whole folder
            self._rows.ledger.refresh()
        self._ended = ended

    async def submit(self, file: RequestFile, name: str, recipe: str) -> None:
        """Upload a file and create its batch, which is written down before and after. Needs the turn."""
        file_id = await self._called(self._api.upload(file.path))
        url = self._clean(self._api.base_url)
        state = BatchState(name, len(file.rows), file.tokens, file.usd, file.digest, url, file_id, now(), recipe=recipe)
        state = replace(state, answer_tokens=file.answer_tokens)
        self.folder.begin(state, file.rows.items())
        state = replace(state, id=await self._created(state))
        self.folder.created(state)
        self.under_way.add(state, file.rows, wanted=True)

    async def look(self) -> None:
        """See how the batches stand that this run waits for, or else all; take in what has ended."""
        for batch in self.under_way.wanted or list(self.under_way.batches.values()):
            remote = await self._retrieved(batch.state)
            if remote is None:
                continue
            if remote.request_counts is not None:
                batch.done = remote.request_counts.completed + remote.request_counts.failed
            if remote.status in ENDED:
                await self._land(batch, remote)

    async def _take_up(self, state: BatchState) -> None:
        if not state.id:
            found = await self._called(self._api.find(state))
            if found is None and state.base_url != self._clean(self._api.base_url):
                raise self._lost(state)  # here it is not, but there it may be
            if found is None:  # it was never created: what it would have asked is asked anew
                self.folder.forget(state.name)
                return
            state = replace(state, id=found)
            self.folder.created(state)
        addresses = dict(self.folder.addresses(state.name))
        if all(address.hex() in self._rows.ledger for address in addresses):  # its run was killed at the very end
            self.folder.end(replace(state, ended_at=now(), counts={"answered": len(addresses)}))
        else:
            self.under_way.add(state, addresses)

    async def _created(self, state: BatchState) -> str:
        """The id of a batch that is created now, and once: whenever that is not certain it is looked for first."""
        tries = 0
        while True:
            try:
                return await self._api.create(state)
            except openai.APIError as error:
                fault = self._fault(error)
            if fault.meaning == "transient" and (found := await self._called(self._api.find(state))) is not None:
                return found
            tries += 1
            if fault.meaning != "transient" or tries >= self._rows.provider.max_tries:
                self.folder.forget(state.name)
                raise self._refusal(fault)
            await asyncio.sleep(fault.retry_after_s or 0.0)

    async def _retrieved(self, state: BatchState) -> Batch | None:
        """How a batch stands; None when the provider does not answer for now."""
        try:
            remote = await self._api.retrieve(state.id)
        except openai.NotFoundError:
            raise self._lost(state) from None
        except openai.APIError as error:
            self._note_silence(error)
            return None
        self._silent = 0
        return remote

    async def _land(self, batch: BatchUnderWay, remote: Batch) -> None:
        """Take in what a batch gave, unless another process does or did."""
        state = batch.state
        async with self.folder.turn():
            if not self.folder.is_under_way(state.name):
                await self.take_up()
                return
            tally = await self._taken_in(self.folder.read(state.name), remote)
            if tally is None:
                return
            self.folder.end(replace(tally.state, status=remote.status, ended_at=now(), counts=dict(tally.counts)))
            self._ended.add(state.name)
            self.under_way.drop(state.name)
        if remote.status == "failed":
            self._not_accepted(state, remote)
        else:
            self.queue.accepted()
            self._judge(state, remote, tally)

    async def _taken_in(self, state: BatchState, remote: Batch) -> Tally | None:
        """What became of a batch's rows, its answers in the ledger; None when the files do not come for now."""
        if remote.status == "failed" and not (remote.output_file_id or remote.error_file_id):
            return Tally(state)
        try:
            paths = await self._downloaded(state, remote)
        except openai.APIError as error:
            self._note_silence(error)
            return None
        addresses = dict(self.folder.addresses(state.name))
        return await self._results.take_in(state, paths, addresses, self.folder.taking_in)

    async def _downloaded(self, state: BatchState, remote: Batch) -> list[Path]:
        """The files that a batch gave. Raises StepError where answers that were paid for are not kept any more."""
        ids: dict[Kind, str | None] = {"output": remote.output_file_id, "errors": remote.error_file_id}
        paths: list[Path] = []
        for kind, id in ids.items():
            path = self.folder.file(state.name, kind)
            try:
                with self.folder.writing():
                    if id and not path.exists():
                        await self._api.download(id, path)
            except openai.NotFoundError:
                if kind == "output":
                    raise self._lost(state, f"has no file {id} any more with the answers of") from None
                continue  # why rows failed is not known then: they count as missing, and cost nothing
            paths += [path] if id else []
        return paths

    def _not_accepted(self, state: BatchState, remote: Batch) -> None:
        """A batch that failed as a whole cost nothing: wait where the queue was full, else say what is wrong."""
        problems = (remote.errors.data if remote.errors else None) or []
        if any(one.code == "token_limit_exceeded" for one in problems):
            self.queue.refused(state.tokens, self.under_way.tokens)
            return
        said = "; ".join(
            f"{one.code}: {one.message}{f' (line {one.line})' if one.line else ''}" for one in problems[:3]
        )
        raise self.down(
            f"the batch {state.id} was refused: {self._clean(said) or 'no reason is given'}. See to the provider's "
            "section of the recipe, or to the account"
        )

    def _judge(self, state: BatchState, remote: Batch, tally: Tally) -> None:
        """Raise when going on would bring nothing."""
        if tally.down is not None:
            raise self._refusal(tally.down)
        if (fault := tally.nothing_but) is not None:
            remedy = f": say `{fault.remedy}` there" if fault.remedy else ""
            raise self.down(
                f"it rejects every request: {self._clean(fault.reason)}. See to the provider's section of the recipe"
                f"{remedy}. Where these requests alone are at fault, ask them with `kind: openai`: it tells them "
                "apart, and what was answered is not asked again"
            )
        if remote.status == "cancelled":
            raise StepError(
                f"the batch {state.id} was cancelled at the provider; its {tally.counts['answered']:,} answers of "
                f"{state.rows:,} are kept. Run the same command again to have the others asked."
            )

    async def _called(self, call: Awaitable[T]) -> T:
        """What a call that the package has tried often enough gives. Raises ProviderDown where it gives nothing."""
        try:
            return await call
        except openai.APIError as error:
            raise self._refusal(self._fault(error)) from None

    def _fault(self, error: openai.APIError) -> Fault:
        fault = fault_of(error) or Fault("transient", "unreadable", str(error))
        self._report.faults[fault.label] += 1
        return fault

    def _note_silence(self, error: openai.APIError) -> None:
        """Bear with a provider that does not answer for a while: the batches go on there."""
        fault = self._fault(error)
        self._silent += 1
        if fault.meaning != "transient" or self._silent >= SILENT_AFTER:
            raise self._refusal(fault)

    def _refusal(self, fault: Fault) -> ProviderDown:
        reason = self._clean(fault.reason)
        if fault.meaning == "transient":
            return self.down(f"it does not answer: {reason}. Try again later")
        return self.down(f"{reason}. See to the key, the model's name or the account")

    def _lost(self, state: BatchState, what: str = "does not know") -> StepError:
        return StepError(
            f"the provider {what} the batch {state.id or state.name}, which was submitted to {state.base_url} at "
            f"{state.began_at} and may have been paid for. Use the key and the endpoint of then. Or have its "
            f"{state.rows:,} requests asked and paid for again: delete {self.folder.path / state.name}.json"
        )

    def down(self, what: str) -> ProviderDown:
        """The error of a provider that cannot be asked any more, with what to do."""
        url = self._clean(self._api.base_url)
        return ProviderDown(
            f"{self._rows.provider.model} at {url}: {what}; then run the same command again: it continues."
        )
