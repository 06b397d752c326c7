"""The counts of one run of `ask`, for the progress line and for manifests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from janus_recipes.files import Json
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.latency import Latencies
from janus_recipes.records import Status

IN_A_BATCH = "in a batch under way"
"""Why a request is not asked live: its answer is paid for and will come."""


@dataclass
class CheckCount:
    """What one of the recipe's checks came to, among the rows read."""

    answers: int = 0
    """Answers that failed it."""
    rows_asked_again: int = 0
    """Rows that were asked again because an answer failed it."""
    rows_left_out: int = 0
    """Rows whose last answer failed it, too."""


@dataclass
class AskReport:
    """What was asked and what it came to. Tokens are those of the answers that this run paid for."""

    model: str
    rows: int = 0
    """Rows seen so far; all of them at the end."""
    from_ledger: int = 0
    """Rows that were settled without asking."""
    asked: int = 0
    """Answers that this run paid for and kept, re-asked ones included."""
    re_asked: int = 0
    """Of these, answers to a question asked again because the answer before did not parse or failed a check."""
    retries: int = 0
    """Requests sent again after a transient fault."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = None
    """What the answers of this run cost; None where the model's price is unknown."""
    usd_of_rows: float | None = 0.0
    """What the answers behind the rows read would cost at today's prices, whichever run asked for them; None: unknown.
    Attempts that did not parse are in it. Where two rows ask the same, their answer counts in both."""
    latencies: Latencies = field(default_factory=Latencies)
    """Of the answers that this run asked for one by one; a batch has none."""
    statuses: Counter[Status] = field(default_factory=Counter)
    """Rows by status."""
    faults: Counter[str] = field(default_factory=Counter)
    """Failed tries by kind."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Requests given up after their last try, by the kind of its fault."""
    reasons: dict[str, str] = field(default_factory=dict)
    """What the last such fault of each kind said, redacted."""
    estimated: int = 0
    """Answers, broken off ones included, whose endpoint told no usage, so that an estimate of it was charged."""
    lost: int = 0
    """Answers that were paid for and could not be kept: the disk was full."""
    checks: dict[str, CheckCount] = field(default_factory=dict)
    """By check, what the rows read came to. A check that no answer failed is not in it."""
    first_answer_at: str | None = None
    """The day (ISO, UTC) of the oldest answer among the rows read, whichever run asked for it; None without any."""
    last_answer_at: str | None = None
    """The day of the newest."""

    def count_answer(self, reply: Reply, again: bool, usd: float | None) -> None:
        """Count an answer that was paid for and kept; `again` where the one before did not parse, `usd` of the run."""
        self.asked += 1
        self.re_asked += again
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        self.usd = usd

    def count_read(self, status: Status, at: str) -> None:
        """Count a row that was read; `at` is when its answer was given, empty where it has none."""
        self.statuses[status] += 1
        if day := at[:10]:
            self.first_answer_at = min(self.first_answer_at or day, day)
            self.last_answer_at = max(self.last_answer_at or day, day)

    def forget_read(self) -> None:
        """The rows are about to be read from the first on."""
        self.statuses, self.checks, self.usd_of_rows = Counter(), {}, 0.0
        self.first_answer_at = self.last_answer_at = None

    def count_checks(self, failed: Sequence[Sequence[str]], attempts: int, left_out: bool) -> None:
        """Count a row of so many `attempts` by the checks that each of its answers failed, in the answers' order."""
        for check in {name for names in failed for name in names}:
            count = self.checks.setdefault(check, CheckCount())
            count.answers += sum(check in names for names in failed)
            count.rows_asked_again += any(check in names for names in failed[: attempts - 1])
            count.rows_left_out += left_out and check in failed[-1]

    def count_usd_read(self, usd: float | None) -> None:
        """Count the price of an answer that was read for a row; None where it is unknown."""
        self.usd_of_rows = None if usd is None or self.usd_of_rows is None else self.usd_of_rows + usd

    def as_json(self) -> Json:
        """The counts for a manifest."""
        return {
            "model": self.model,
            "rows": self.rows,
            "from_ledger": self.from_ledger,
            "asked": self.asked,
            "re_asked": self.re_asked,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "estimated": self.estimated,
            "usd": None if self.usd is None else round(self.usd, 6),
            "usd_of_rows": None if self.usd_of_rows is None else round(self.usd_of_rows, 6),
            "latency": self.latencies.as_json(),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(sorted(self.faults.items())),
            "unanswered": dict(sorted(self.unanswered.items())),
            "first_answer_at": self.first_answer_at,
            "last_answer_at": self.last_answer_at,
        }
