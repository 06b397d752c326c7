"""What a batch gave, taken into the ledger: answers, rejections, and rows that have to be asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from janus_recipes.llm.batches.files import outcomes_in
from janus_recipes.llm.budget import Purse, paid_from
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.faults import UNREADABLE, Fault
from janus_recipes.llm.report import AskReport
from janus_recipes.llm.rows import Rows
from janus_recipes.llm.tries import UNREADABLE_MOST
from janus_recipes.records import Status

BREATHE_EVERY = 64
"""Rows that are handled before signals and the progress line get their turn."""

MISSING = Fault("transient", "missing", "the batch ended without a word about this request")


@dataclass
class Tally:
    """What became of one batch's rows, of about so many tokens each."""

    prompt_tokens: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Rows by what became of them: `answered`, or a fault's label."""
    refused: dict[bytes, Fault] = field(default_factory=dict)
    """Requests that came back with what would else be said of a key or an account."""
    rejected: Counter[Fault] = field(default_factory=Counter)
    """Requests that the model does not take, by fault."""

    @property
    def down(self) -> Fault | None:
        """A fault that no further asking would mend. Beside answers a 403 or 404 is about its own request only."""
        about_all = (fault for fault in self.refused.values() if fault.code not in (403, 404))
        return next(about_all, None) or (None if self.counts["answered"] else next(iter(self.refused.values()), None))

    @property
    def nothing_but(self) -> Fault | None:
        """The fault for which every request was rejected, where that is so."""
        rows = self.counts.total()
        return next(
            (one for one, times in self.rejected.items() if times == rows and one.status is Status.FAILED), None
        )


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

    async def take_in(self, files: Iterable[Path], asked: dict[bytes, int], prompt_tokens: int = 0) -> Tally:
        """Handle each row of a batch once. `asked` has the batch's addresses, with the numbers of their attempts.

        `prompt_tokens` are about those of a question, for answers that tell no usage.
        Answers that the ledger has are left alone, so this may be begun again after a kill.
        """
        tally, seen = Tally(prompt_tokens), 0
        for path in files:
            for address, outcome in outcomes_in(path):
                number = asked.pop(address, None)
                if number is not None:
                    self._settle(address, number, outcome, tally)
                seen += 1
                if seen % BREATHE_EVERY == 0:
                    await asyncio.sleep(0)
        for address, number in asked.items():
            self._settle(address, number, MISSING, tally)
        if tally.down is None:
            for address, fault in tally.refused.items():
                self._reject(address, fault)
        return tally

    def _settle(self, address: bytes, number: int, outcome: Reply | Fault, tally: Tally) -> None:
        if isinstance(outcome, Reply):
            tally.counts["answered"] += 1
            self._keep(address.hex(), number, outcome, tally.prompt_tokens)
            return
        if address.hex() in self._rows.ledger:  # asked live meanwhile, by another process
            tally.counts["answered elsewhere"] += 1
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

    def _keep(self, address: str, number: int, reply: Reply, prompt_tokens: int) -> None:
        if address in self._rows.ledger:
            return
        self._rows.ledger.put(address, reply)
        if self._purse is not None:
            self._report.estimated += self._purse.pay(reply, prompt_tokens)
        self._report.count_answer(reply, number > 0, paid_from(self._purse))
