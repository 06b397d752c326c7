"""The purse: what a recipe has spent on answers in all its runs, and the stop when its `budget_usd` is reached.

    <ledger>/.spend/<recipe>/20260102T030405Z-<random>.txt

One file a process, which nobody else ever writes to; the sum over all files is what the recipe has spent. A row has a
fixed length and ends with its file's total, so a total is one short read at the file's end, and what a kill tore off
a last row is cut away by arithmetic. Answers that another recipe paid for are not in it.

A row is with the kernel when `pay` returns (it survives kill -9) and on disk about a second later (a power cut). Other
processes' files are looked at before each request, as long as that takes less than 5% of the time. On one machine a
payment is therefore seen at once. On NFS it is seen about a second later, when it has been flushed, and a process that
has just begun on another host up to a minute later (the attribute cache of the folder, `acdirmax`): what is spent there
within that time may come on top of the requests in flight.

What batches under way may still cost is promised, not spent (`batches/state.py`). A step that asks live takes it off
what is left, too, soon after a batch begins or ends (`promises.py`); one that asks in batches does so itself, in its
turn to submit.
"""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType

from janus_recipes.errors import BudgetReached, SpendingRefused, StepError
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.estimate import tokens_of
from janus_recipes.llm.prices import Tariff, cost_of, dollars, tariff_of, usd_for
from janus_recipes.llm.promises import Promises
from janus_recipes.recipe.provider import Provider

ROW = "{paid:20.12f}{total:24.12f}{mark}\n"
ROW_LENGTH = 46
OPEN, CLOSED = ".", "="
"""The mark of a row after which more may follow, and of a file's last one: such a file is not looked at again."""

SPEND = ".spend"
"""The folder in the ledger. No model's folder begins with a dot."""

SYNC_EVERY_S = 1.0
SMOOTHING = 0.02
"""How much a look that took longer than usual counts for what looking costs."""

LOOKING_SHARE = 0.05
"""Of the time that passes, how much may go into looking at other processes' files."""


class Purse:
    """One process's way to spend for one recipe on one provider. Open it with `Purse.open`; close it, or use `with`."""

    def __init__(self, ledger: Path, recipe: str, limit_usd: float | None, provider: Provider) -> None:
        self.home = home = ledger / SPEND / recipe
        self.limit_usd = limit_usd
        self._recipe = recipe
        self._provider = provider
        self._unpriced = False
        self._paid = 0.0
        self._others = _OtherFiles(home)
        self._promises = None if provider.kind == "openai-batch" else Promises(ledger, recipe)
        self._file: _SpendFile | None = None

    @classmethod
    def open(cls, ledger: Path, recipe: str, limit_usd: float | None, provider: Provider) -> Purse:
        """The purse of a recipe whose answers lie in `ledger`. Nothing is written before `check` or `pay`."""
        return cls(ledger, recipe, limit_usd, provider)

    def __enter__(self) -> Purse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @cached_property
    def _tariff(self) -> Tariff | None:
        return tariff_of(self._provider)

    @property
    def _free(self) -> bool:
        return self._tariff is not None and self._tariff.free

    @property
    def recipe(self) -> str:
        """Whose money it is."""
        return self._recipe

    @property
    def usd_of_this_run(self) -> float | None:
        """Dollars paid by this process; None where the price of an answer was unknown."""
        return None if self._unpriced else self._paid

    @property
    def spent_usd(self) -> float:
        """Dollars that the recipe has spent, in all its runs, on all its providers."""
        own = None if self._file is None else self._file.path.name
        return self._others.total(but=own) + self._paid

    def check(self) -> None:
        """Call before each request. Raises BudgetReached when the limit is spent, or promised to batches under way.

        Raises SpendingRefused where there is a limit and no price, StepError where spending cannot be written down.
        """
        if self._tariff is None:
            self._refuse_without_price()
            return
        if self._free:
            return
        spent = self.spent_usd
        if self.limit_usd is not None and spent >= self.limit_usd:
            raise BudgetReached(
                f"the budget of the recipe {self._recipe} is reached: {dollars(spent)} of {dollars(self.limit_usd)} is "
                "spent. Nothing new is asked. Raise `budget_usd` in the recipe, then run the same command again: it "
                "continues."
            )
        self._keep_promises(spent)
        self._prepared()

    def would_exceed(self, usd: float) -> bool:
        """Whether so many more dollars do not fit into what is left."""
        return self.limit_usd is not None and not self._free and self.spent_usd + usd > self.limit_usd

    def pay(self, reply: Reply, prompt_tokens: int = 0, answer_tokens: int = 0) -> bool:
        """Write down what an answer cost. Returns whether that is an estimate, as the endpoint told no usage.

        `prompt_tokens` are about those of the question, for the estimate; `answer_tokens` those of an answer of which
        not all came: it was written to its end all the same.
        """
        usd, estimated = self.price_of(reply, prompt_tokens, answer_tokens)
        if usd is None:
            self._unpriced = True
        elif usd:
            self._paid += usd
            self._prepared().append(usd, self._paid)
        return estimated

    def price_of(self, reply: Reply, prompt_tokens: int = 0, answer_tokens: int = 0) -> tuple[float | None, bool]:
        """What `pay` writes down for an answer, in dollars, and whether that is an estimate. None: nobody knows."""
        usd = cost_of(reply, self._provider)
        if usd is not None:
            return usd, False
        usd = usd_for(self._provider, prompt_tokens, max(tokens_of(reply.text), answer_tokens))
        return usd, usd is not None

    def close(self) -> None:
        """Bring the last rows to disk. An empty file is removed."""
        if self._file is not None:
            self._file.close(self._paid)

    def _keep_promises(self, spent: float) -> None:
        """Raises BudgetReached when nothing is left beside what batches under way may cost."""
        if self._promises is None or self.limit_usd is None or spent + self._promises.usd() < self.limit_usd:
            return
        # Looked up after what is spent: of a batch that is being paid for, nothing then counts as both.
        promised = self._promises.usd(now=True)
        if spent + promised >= self.limit_usd:
            raise BudgetReached(
                f"the budget of the recipe {self._recipe} is reached: of {dollars(self.limit_usd)} {dollars(spent)} is "
                f"spent and {dollars(promised)} promised to its batches under way, which may cost less. Nothing new is "
                "asked. Wait until these are through, or raise `budget_usd` in the recipe; then run the same command "
                "again: it continues."
            )

    def _prepared(self) -> _SpendFile:
        if self._file is None:
            self._file = _SpendFile(self.home)
        return self._file

    def _refuse_without_price(self) -> None:
        if self.limit_usd is not None:
            raise SpendingRefused(
                f"the price of {self._provider.model} is not known, so the budget of the recipe {self._recipe} cannot "
                "be kept. Give its provider `prices` (dollars per million tokens), or set `budget_usd: null`. Nothing "
                "was asked."
            )


def paid_from(purse: Purse | None) -> float | None:
    """Dollars that this process has paid; None without a purse, or where a price was unknown."""
    return None if purse is None else purse.usd_of_this_run


def spent_by(ledger: Path, recipe: str) -> float:
    """Dollars that a recipe has spent on answers in all its runs. Nothing is written."""
    return _OtherFiles(ledger / SPEND / recipe).total(but=None)


class _SpendFile:
    """The file that this process alone writes to, brought to disk by a thread so that no answer waits for it."""

    def __init__(self, home: Path) -> None:
        self.path = home / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}.txt"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
        except OSError as error:
            raise self._cannot(error) from error
        self._thread = ThreadPoolExecutor(1, "purse")
        self._synced_at = time.monotonic()
        self._whole = True

    def append(self, paid: float, total: float, mark: str = OPEN) -> None:
        """Write one row. After a failure nothing more is written here, so that rows keep their places."""
        row = ROW.format(paid=paid, total=total, mark=mark).encode()
        try:
            if self._whole:
                self._whole = False
                self._whole = os.write(self._file, row) == len(row)
        except OSError as error:
            raise self._cannot(error) from error
        if not self._whole:
            raise self._cannot(OSError(None, "no room is left"))
        if time.monotonic() - self._synced_at > SYNC_EVERY_S:
            self._synced_at = time.monotonic()
            self._thread.submit(os.fsync, self._file)

    def close(self, total: float) -> None:
        """Say that nothing follows, bring all to disk; or remove the file when nothing was paid."""
        with suppress(OSError, StepError):  # what matters was written with the answers; this only spares later looks
            if total:
                self.append(0.0, total, CLOSED)
                os.fsync(self._file)
            else:
                self.path.unlink()
        self._thread.shutdown()
        os.close(self._file)

    def _cannot(self, error: OSError) -> StepError:
        return StepError(
            f"{self.path}: what is spent cannot be written down here: {error.strerror}. Nothing more was asked. Make "
            "room or allow writing, then run the same command again: answers kept so far are not asked again."
        )


class _OtherFiles:
    """The totals of all files in a folder. No total ever falls, so a file that is not seen for once does no harm."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._totals: dict[str, float] = {}
        self._closed: set[str] = set()
        self._cost_s = 0.0
        self._look_at = 0.0

    def total(self, but: str | None) -> float:
        """Dollars in all files but one, looked up again when looking has not cost its share of the time yet."""
        began = time.monotonic()
        if began >= self._look_at:
            self._look()
            now = time.monotonic()
            # Smoothed: that the machine was busy with something else for once must not blind us for long.
            self._cost_s += (now - began - self._cost_s) * (1.0 if now - began < self._cost_s else SMOOTHING)
            self._look_at = now + self._cost_s / LOOKING_SHARE
        return sum(usd for name, usd in self._totals.items() if name != but)

    def _look(self) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):  # the latter is told when a file is to be made
            for name in os.listdir(self._home):
                if name not in self._closed:
                    usd, mark = _last_row(self._home / name)
                    self._totals[name] = max(usd, self._totals.get(name, 0.0))
                    if mark == CLOSED:
                        self._closed.add(name)


def _last_row(path: Path) -> tuple[float, str]:
    """Total and mark of a file's last whole row. Opening it anew makes NFS ask the server for its size."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0.0, OPEN
    try:
        rows = os.fstat(file).st_size // ROW_LENGTH
        row = os.pread(file, ROW_LENGTH, (rows - 1) * ROW_LENGTH).decode() if rows else ""
    finally:
        os.close(file)
    try:
        return (float(row[20:44]), row[44]) if row else (0.0, OPEN)
    except ValueError:
        raise StepError(
            f"{path}: was changed by hand; what is spent is not known. Put it back, or delete it."
        ) from None
