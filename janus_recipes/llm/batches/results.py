"""What a batch gave, taken into the ledger: answers, rejections, and rows that have to be asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from janus_recipes.llm.batches.files import outcomes_in
from janus_recipes.llm.batches.state import BatchState
from janus_recipes.llm.budget import Purse, paid_from
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.faults import UNREADABLE, Fault
from janus_recipes.llm.report import AskReport
from janus_recipes.llm.rows import Rows
from janus_recipes.llm.tries import UNREADABLE_MOST
from janus_recipes.llm.turned_away import REJECTED_AFTER
from janus_recipes.records import Status

BREATHE_EVERY = 64
"""Rows that are handled before signals and the progress line get their turn."""

PORTIONS = 100
"""Of a large batch. What a portion costs is written down before it is paid, on a disk that may be slow."""

MISSING = Fault("transient", "missing", "the batch ended without a word about this request")

ANSWERED, ELSEWHERE = "answered", "answered elsewhere"

Note = Callable[[BatchState], None]
"""Writes down how much of a batch is about to be paid."""


class Row(NamedTuple):
    """One row of what a batch gave. `number` is that of the request's attempt."""

    address: bytes
    number: int
    outcome: Reply | Fault


class Size(NamedTuple):
    """Tokens of a question, and of an answer that does not tell its own."""

    prompt: int
    answer: int


@dataclass
class Tally:
    """What became of one batch's rows."""

    state: BatchState
    """The batch, with how much of it is taken in and paid."""
    answered_before: bool = False
    """Whether the model has answered anything of this batch or, where that is small, of this step before it."""
    counts: Counter[str] = field(default_factory=Counter)
    """Rows by what became of them: `answered`, or a fault's label."""
    refused: dict[bytes, Fault] = field(default_factory=dict)
    """Requests that came back with what would else be said of a key or an account."""
    rejected: Counter[Fault] = field(default_factory=Counter)
    """Requests that the model does not take, by fault."""

    @property
    def down(self) -> Fault | None:
        """A fault that no further asking would mend. Where others are answered a 403 or 404 is its own request's."""
        about_all = (fault for fault in self.refused.values() if fault.code not in (403, 404))
        return next(about_all, None) or (None if self.answered_before else next(iter(self.refused.values()), None))

    @property
    def nothing_but(self) -> Fault | None:
        """The most frequent fault where every request was rejected and nothing was answered before."""
        if self.answered_before:
            return None
        failed = Counter({one: times for one, times in self.rejected.items() if one.status is Status.FAILED})
        # In whatever words: many providers put the request's own id or length into them.
        return failed.most_common(1)[0][0] if failed and failed.total() == self.counts.total() else None


class Results:
    """Puts answers into the ledger and pays for them; remembers how often a request failed in this run."""

    def __init__(self, rows: Rows[Any], report: AskReport, purse: Purse | None, clean: Callable[[str], str]) -> None:
        self._rows = rows
        self._report = report
        self._purse = purse
        self._clean = clean
        self._failed: dict[bytes, tuple[int, str]] = {}

    def failed_before(self, address: bytes) -> bool:
        """Whether a request came back without an answer in this run."""
        return address in self._failed

    def given_up(self, address: bytes) -> str | None:
        """The label of the last fault of a request that failed as often as the recipe allows, else None.

        An answer that cannot be read may have been paid for: it is not bought as often.
        """
        times, label = self._failed.get(address, (0, ""))
        most = self._rows.provider.max_tries
        return label if times >= (min(most, UNREADABLE_MOST) if label == UNREADABLE else most) else None

    async def take_in(self, state: BatchState, files: Iterable[Path], asked: dict[bytes, int], note: Note) -> Tally:
        """Handle each row of a batch once. `asked` has the batch's addresses, with the numbers of their attempts.

        Answers that the ledger has are left alone and one that was broken off is paid for once, so this may be begun
        again after a kill, with the state that was noted last.
        """
        tally = Tally(state, answered_before=any(asked.values()))
        rows = enumerate(_of_ours(chain.from_iterable(map(outcomes_in, files)), asked))
        while portion := list(islice(rows, max(BREATHE_EVERY, state.rows // PORTIONS))):
            await self._take_in(portion, tally, note)
        for address, number in asked.items():
            self._settle(Row(address, number, MISSING), tally, self._size(state))
        tally.answered_before |= self._report.asked + self._report.from_ledger > 0
        # So many in a row are no accident, whatever was answered before: access was lost, say, between two batches.
        tally.answered_before &= len(tally.refused) + tally.rejected.total() < REJECTED_AFTER
        tally.answered_before |= tally.counts[ANSWERED] + tally.counts[ELSEWHERE] > 0
        if tally.down is None:
            for address, fault in tally.refused.items():
                self._reject(address, fault)
        return tally

    async def _take_in(self, portion: Sequence[tuple[int, Row]], tally: Tally, note: Note) -> None:
        """Handle some rows with their places. What they cost is noted first, but for those that were noted before."""
        before, size = tally.state, self._size(tally.state)
        usd = sum(self._usd(row, size) for place, row in portion if place >= before.taken_in)
        if usd:
            tally.state = replace(before, taken_in=portion[-1][0] + 1, paid_usd=before.paid_usd + usd)
            note(tally.state)
        for count, (place, row) in enumerate(portion, start=1):
            if place >= before.taken_in:
                self._charge_begun(row, size)
            self._settle(row, tally, size)
            if count % BREATHE_EVERY == 0:
                await asyncio.sleep(0)

    def _size(self, state: BatchState) -> Size:
        """Of one row: its answer is as long as those so far, before the first of them as long as it may be."""
        asked, rows = self._report.asked, max(state.rows, 1)
        answer = self._report.completion_tokens / asked if asked else state.answer_tokens / rows
        return Size(state.tokens // rows, round(answer))

    def _usd(self, row: Row, size: Size) -> float:
        """What a row is about to be paid with; 0 where that is unknown."""
        whole = isinstance(row.outcome, Reply)
        reply = row.outcome if isinstance(row.outcome, Reply) else row.outcome.begun
        if reply is None or self._purse is None or (whole and row.address.hex() in self._rows.ledger):
            return 0.0
        return self._purse.price_of(reply, size.prompt, 0 if whole else size.answer)[0] or 0.0

    def _settle(self, row: Row, tally: Tally, size: Size) -> None:
        address, number, outcome = row
        if isinstance(outcome, Reply):
            tally.counts[ANSWERED] += 1
            self._keep(address.hex(), number, outcome, size)
            return
        if address.hex() in self._rows.ledger:  # asked live meanwhile, by another process
            tally.counts[ELSEWHERE] += 1
            return
        tally.counts[outcome.label] += 1
        self._report.faults[outcome.label] += 1
        if outcome.meaning == "down":
            tally.refused[address] = outcome
        elif outcome.meaning == "rejected":
            tally.rejected[outcome] += 1
            self._reject(address, outcome)
        else:
            self._failed[address] = (self._failed.get(address, (0, ""))[0] + 1, outcome.label)
            self._report.reasons[outcome.label] = self._clean(outcome.reason)

    def _reject(self, address: bytes, fault: Fault) -> None:
        self._rows.rejected[address.hex()] = (fault.status, self._clean(fault.reason))

    def _keep(self, address: str, number: int, reply: Reply, size: Size) -> None:
        if address in self._rows.ledger:
            return
        self._rows.ledger.put(address, reply)
        self._pay(reply, size.prompt)
        self._report.count_answer(reply, number > 0, paid_from(self._purse))

    def _charge_begun(self, row: Row, size: Size) -> None:
        """Pay for an answer of which not all came, as if it had been as long as the others."""
        if isinstance(row.outcome, Fault) and row.outcome.begun is not None:
            self._pay(row.outcome.begun, size.prompt, size.answer)
            self._report.usd = paid_from(self._purse)

    def _pay(self, reply: Reply, prompt_tokens: int, answer_tokens: int = 0) -> None:
        if self._purse is not None:
            self._report.estimated += self._purse.pay(reply, prompt_tokens, answer_tokens)


def _of_ours(outcomes: Iterable[tuple[bytes, Reply | Fault]], asked: dict[bytes, int]) -> Iterator[Row]:
    """The rows that were asked, each once, taken out of `asked`."""
    for address, outcome in outcomes:
        number = asked.pop(address, None)
        if number is not None:
            yield Row(address, number, outcome)
