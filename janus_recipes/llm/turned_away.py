"""Requests that an endpoint turns away for good: are they their rows' own failure, or would it turn away all?

A key without access, a wrong model's name and a parameter that is not taken turn away every request; a moderation, a
firewall and a prompt that is too long turn away some. Words and statuses are the same for both, and after a restart
nothing may be left but the latter. So where several are turned away in a row, fewer at the end of a run, and one in a
run that got no answer at all, a harmless question that is otherwise like them finds out: as long as it is answered,
they are failures of their own rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from janus_recipes.llm.faults import Fault
from janus_recipes.llm.rows import Step
from janus_recipes.records import Status

REJECTED_AFTER = 20
"""Requests that are flagged in a row, or rejected in a row in whatever words (some name each request's own id), before
that is looked into."""

REFUSED_AFTER = 5
"""As many that met a 403 or 404 in a row, or were turned away last in a run. Before anything was answered it is the
first."""

OF_A_ROW = (403, 404)
"""Of the statuses that mean that nothing can be asked, those that may also mean one request alone."""

WORDS_DECIDE = (400, 413, 422)
"""Statuses that mean so only by their words, and those may be the request's own that are repeated."""

HARMLESS = "Please reply with the word yes."


@dataclass
class TurnedAway:
    """Counts what is turned away in a row."""

    answers: bool = False
    """Whether the endpoint has answered anything in this run."""
    _last: Step | None = None
    _in_a_row: int = 0
    _rejected_in_a_row: int = 0

    def count(self, step: Step, fault: Fault) -> None:
        """One more. What is refused for its content (without a 403 or 404) is about its own words alone."""
        if fault.code in OF_A_ROW:
            self._in_a_row += 1
        elif fault.status is Status.FAILED:
            self._rejected_in_a_row += 1
        else:
            return
        self._last = step

    def answered(self) -> None:
        """The endpoint has answered a question, be it a harmless one."""
        self.answers, self._in_a_row, self._rejected_in_a_row = True, 0, 0

    def may_be_all(self, fault: Fault) -> bool:
        """Whether what was counted last may be no matter of its own request."""
        if fault.code in OF_A_ROW:
            if fault.meaning == "rejected":
                return self._in_a_row >= REJECTED_AFTER
            return not self.answers or self._in_a_row >= REFUSED_AFTER
        if fault.meaning == "down":
            return True
        if fault.status is not Status.FAILED:
            return False
        return (fault.remedy is not None and not self.answers) or self._rejected_in_a_row >= REJECTED_AFTER

    @property
    def in_doubt(self) -> Step | None:
        """At the end of a run, where nothing more follows that would tell: a question turned away as all may be.

        After an answer that takes REFUSED_AFTER of them.
        """
        most = max(self._in_a_row, self._rejected_in_a_row)
        return self._last if most >= (REFUSED_AFTER if self.answers else 1) else None


def is_of_all(fault: Fault, answered_before: bool) -> bool:
    """Whether a fault that may be about all requests certainly is, so that nothing need be asked to find out.

    Where nothing was ever answered, a refusal or a parameter that is not taken is about what the recipe says.
    """
    if fault.meaning == "down" and fault.code not in (*OF_A_ROW, *WORDS_DECIDE):
        return True
    return not answered_before and (fault.meaning == "down" or fault.remedy is not None)


def what_to_see_to(fault: Fault, reason: str) -> str:
    """What is told when all requests are turned away."""
    if fault.too_long:
        return reason
    if fault.meaning == "down" or fault.code in OF_A_ROW:
        return f"{reason}. See to the key, the address, the model's name or the account"
    if fault.remedy:
        return f"{reason}. Say `{fault.remedy}` in the provider's section of the recipe"
    return f"it rejects every request: {reason}. See to the provider's section of the recipe"


def harmless(step: Step) -> Step:
    """A question like another one in all but its words."""
    messages = tuple(replace(one, content=HARMLESS) for one in step.request.messages)
    return replace(step, request=replace(step.request, messages=messages))
