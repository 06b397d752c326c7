"""Ask a provider once per request, whatever happens: the one function that the steps use.

    with Ledger.open(Path(recipe.ledger), provider.model) as ledger:
        answers = ask(requests, provider, ledger, parse_preference_set, re_asks=2)
        write_jsonl(out, (row_of(row) for row in answers))
        manifest["asking"] = answers.report.as_json()

Two passes keep memory flat and the rows in the order of the requests. The first sends what the ledger has no answer
for; the second, while the rows are read, walks the requests again and reads each answer from the ledger. So `requests`
is a function that starts the same walk each time it is called.

Where rows must differ from each other (`repeats.py`), the walk over the requests is begun again after asking, until it
finds no row any more that has to be asked again because it repeats an earlier one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from janus_recipes.errors import BudgetReached, ProviderDown, StepError
from janus_recipes.llm.budget import Purse, paid_from
from janus_recipes.llm.chat import ChatRequest, Reply
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.endpoint import endpoint as endpoint_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.out_of_step import out_of_step
from janus_recipes.llm.prices import cost_of
from janus_recipes.llm.progress import Progress
from janus_recipes.llm.repeats import MustDiffer, Repeats
from janus_recipes.llm.report import IN_A_BATCH, AskReport
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.recipe.provider import Provider
from janus_recipes.records import Asked, Status

if TYPE_CHECKING:
    from janus_recipes.llm.batches.run import Batches
    from janus_recipes.llm.flow import Flow

T = TypeVar("T")

Requests = Callable[[], Iterable[ChatRequest]]

REASONS_TOLD = 3
"""How many different words of a provider are told at the end."""

BREATHE_EVERY = 64
"""Answers from the ledger that are passed over before arrived answers are let in again."""


class Answers(Generic[T]):
    """The rows, one for each request and in the requests' order, and what asking came to."""

    def __init__(self, requests: Requests, rows: Rows[T], repeats: Repeats[T], report: AskReport) -> None:
        self._requests, self._rows, self._repeats = requests, rows, repeats
        self._failed: list[Sequence[str]] = []
        self.report = report

    def __iter__(self) -> Iterator[Asked[T]]:
        """Read the rows from the ledger. The report's statuses, checks, days and price are of the rows read."""
        self.report.forget_read()
        self._repeats.begin()
        rows = replace(self._rows, on_read=self._count, check=self._repeats.check_in_order)
        for request in self._requests():
            self._failed = []
            found = rows.standing_since(request)
            if isinstance(found, Step):
                raise StepError(f"{request.id}: not among the requests when they were walked first. Run it again.")
            row, at = found
            self.report.count_read(row.status, at)
            self.report.count_checks(self._failed, row.attempts, row.status is Status.UNPARSED)
            yield row

    def _count(self, reply: Reply, failed: Sequence[str]) -> None:
        self._failed.append(failed)
        self.report.count_usd_read(cost_of(reply, self._rows.provider))


def ask(
    requests: Requests,
    provider: Provider,
    ledger: Ledger,
    parse: Callable[[str], T],
    re_asks: int,
    endpoint: Callable[[Provider], AbstractContextManager[Endpoint]] = endpoint_of,
    total: int | None = None,
    purse: Purse | None = None,
    differ: MustDiffer[T] | None = None,
) -> Answers[T]:
    """Ask what the ledger has no answer for, then give the rows.

    `parse` turns an answer's text into its value or raises Unparsed; such a question is asked again at once, `re_asks`
    times at most, with another sample index. The endpoint is opened, and a key needed, only when something is missing.
    `total` is how many rows there will be at most, for the time left that is shown; `purse` pays and keeps the budget.
    A row that by `differ` repeats an earlier one is asked again, too: `re_asks` counts both.

    Raises SpendingRefused without a key, BudgetReached when the purse is empty, ProviderDown when the endpoint does not
    answer or refuses everything, StepError when some requests got no answer, the ledger cannot be written, or the run
    was stopped. All that was answered by then is kept, and the same call continues.
    """
    report = AskReport(provider.model)
    repeats = Repeats(differ)
    rows = Rows(provider, ledger, parse, re_asks, check=repeats.check_known)
    report.usd = paid_from(purse)
    progress = Progress(report, total)
    try:
        with ExitStack() as opened:
            where = cache(lambda: opened.enter_context(endpoint(provider)))
            asking = _Asking(requests, rows, repeats, progress, purse, where)
            while asking.walk() and differ is not None:
                pass
    except (BudgetReached, ProviderDown, StepError) as error:
        raise _with_count(error, report) from None
    finally:
        progress.say(progress.summary())
    _check_all_answered(report)
    return Answers(requests, rows, repeats, report)


@dataclass
class _Asking(Generic[T]):
    """One run: the requests are walked in order, and what is open is asked, once or until nothing is open."""

    requests: Requests
    rows: Rows[T]
    repeats: Repeats[T]
    progress: Progress
    purse: Purse | None
    where: Callable[[], Endpoint]
    """Opens the endpoint when it is called first."""
    walks: int = 0

    def walk(self) -> bool:
        """Walk the rows in order and ask for those that are open. Returns whether some were, and all were answered."""
        waiting = self._waiting()
        first = next((request for request in waiting if request is not None), None)
        if first is None:
            return False
        ledger = self.rows.ledger
        if self.purse is not None and self.rows.provider.kind != "openai-batch":  # may be paid for and waiting
            self.purse.check()  # before a server is started or a key is asked for
        runner = _runner(self.rows, self.where(), self.progress, self.requests, self.purse)
        ledger.prepare()
        asyncio.run(runner.run(out_of_step(chain([first], waiting), ledger)))
        return not self.progress.report.unanswered

    def _waiting(self) -> Iterator[ChatRequest | None]:
        """The requests that are not settled yet; None now and then while many are. However often, rows count once."""
        report = self.progress.report
        if self.walks:
            self.progress.say(f"{report.model}: walking again, for repeats: {report.rows:,} rows")
        report.statuses = Counter()
        self.repeats.begin()
        self.walks += 1
        rows, settled = replace(self.rows, check=self.repeats.check_in_order), 0
        for request in self.requests():
            report.rows += self.walks == 1
            row = rows.standing(request)
            if isinstance(row, Step):
                yield request
                continue
            settled += 1
            report.from_ledger += self.walks == 1
            report.statuses[row.status] += 1
            if settled % BREATHE_EVERY == 0:
                yield None


def _runner(
    rows: Rows[Any], where: Endpoint, progress: Progress, requests: Requests, purse: Purse | None
) -> Flow | Batches:
    """What sends the requests of this kind of provider."""
    # The openai package takes a second to load: only when it is needed.
    if rows.provider.kind == "openai-batch":
        from janus_recipes.llm.batches.run import Batches

        return Batches(rows, where, progress, requests, purse)
    from janus_recipes.llm.batches.state import BatchFolder
    from janus_recipes.llm.flow import Flow

    return Flow(rows, where, progress, purse, BatchFolder(rows.ledger.folder).addresses_under_way())


def _with_count(
    error: BudgetReached | ProviderDown | StepError, report: AskReport
) -> BudgetReached | ProviderDown | StepError:
    """The error with how much of this run's asking is kept, so that nobody fears to have paid for nothing."""
    told = str(error)
    if report.asked:
        told += f" ({report.asked:,} answers of this run are kept and will not be asked again.)"
    if report.lost:
        told += f" {report.lost:,} answers in flight were paid for and could not be kept: they will be asked for again."
    return error if told == str(error) else type(error)(told)


def _check_all_answered(report: AskReport) -> None:
    """Raise when requests were given up, after everything else was answered."""
    count = report.unanswered.total()
    if not count:
        return
    reasons = ", ".join(f"{reason}: {times:,}" for reason, times in report.unanswered.most_common())
    if set(report.unanswered) == {IN_A_BATCH}:
        raise StepError(
            f"{count:,} of {report.rows:,} requests got no answer ({reasons}): it is paid for and is not asked for "
            f"again. Say `kind: openai-batch` in the section of {report.model} to have it fetched, or wait until a run "
            "that says so has ended; then run the same command again. The rest is kept."
        )
    words = "; ".join(sorted(set(report.reasons.values()))[:REASONS_TOLD])
    said = f" It said: {words}." if words else ""
    if report.asked == 0:
        raise ProviderDown(
            f"{report.model} gave no answer ({reasons}).{said} Try again later: the same command continues."
        )
    raise StepError(
        f"{count:,} of {report.rows:,} requests got no answer ({reasons}).{said} "
        "The rest is kept: run the same command again."
    )
