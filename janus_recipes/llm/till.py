"""What the answers of one run cost: paid to the purse, counted in the report, and expected before a request is sent."""

from __future__ import annotations

from janus_recipes.llm.budget import Purse, paid_from
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.estimate import tokens_of
from janus_recipes.llm.faults import Fault
from janus_recipes.llm.report import AskReport
from janus_recipes.llm.rows import Step


class Till:
    """Where one run pays. Without a purse only the report counts."""

    def __init__(self, report: AskReport, purse: Purse | None) -> None:
        self._report = report
        self._purse = purse

    def check(self) -> None:
        """Call before each request. Raises what `Purse.check` raises."""
        if self._purse is not None:
            self._purse.check()

    def pay(self, step: Step, reply: Reply, answer_tokens: float = 0.0) -> None:
        """Pay for an answer to `step`; `answer_tokens` where not all of it came, as `Purse.pay` says."""
        if self._purse is not None:
            self._report.estimated += self._purse.pay(reply, _prompt_tokens(step), round(answer_tokens))
        self._report.usd = self.paid_usd

    def pay_begun(self, step: Step, fault: Fault) -> None:
        """Pay for an answer of which not all came, as if it had been as long as the others."""
        if fault.begun is not None:
            self.pay(step, fault.begun, self._answer_tokens(step))

    def tokens_expected(self, step: Step) -> float:
        """About what a request will use."""
        return _prompt_tokens(step) + self._answer_tokens(step)

    @property
    def paid_usd(self) -> float | None:
        """Dollars paid in this run; None without a purse, or where a price was unknown."""
        return paid_from(self._purse)

    def _answer_tokens(self, step: Step) -> float:
        """As long as the answers so far; before the first as long as it may be."""
        asked = self._report.asked
        return self._report.completion_tokens / asked if asked else step.request.sampling.max_tokens


def _prompt_tokens(step: Step) -> int:
    return sum(tokens_of(message.content) for message in step.request.messages)
