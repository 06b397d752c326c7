"""Requests that an endpoint turns away for good: are they their rows' own failure, or would it turn away all?

A key without access, a wrong model's name and a parameter that is not taken turn away every request; a moderation, a
firewall and a prompt that is too long turn away some. Words and statuses are the same for both, and after a restart
nothing may be left but the latter. So where several are turned away in a row, a harmless question that is otherwise
like them finds out: as long as it is answered, they are failures of their own rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from janus_recipes.llm.chat import ChatRequest
from janus_recipes.llm.faults import Fault
from janus_recipes.records import Status

REJECTED_AFTER = 20
"""Requests that are flagged in a row, or rejected with the same words before anything was answered, before that is
looked into."""

REFUSED_AFTER = 5
"""As many that met a 403 or 404 in a row. Before anything was answered it is the first."""

OF_A_ROW = (403, 404)
"""Of the statuses that mean that nothing can be asked, those that may also mean one request alone."""

HARMLESS = "Please reply with the word yes."


@dataclass
class TurnedAway:
    """Counts what is turned away in a row."""

    answers: bool = False
    """Whether the endpoint has answered anything in this run."""
    _in_a_row: int = 0
    _same_words: tuple[str, int] = field(default=("", 0))

    def count(self, fault: Fault, reason: str) -> None:
        """One more, for a reason in the endpoint's words."""
        self._in_a_row += fault.code in OF_A_ROW
        before, count = self._same_words
        self._same_words = (reason, count + 1 if reason == before else 1)

    def answered(self) -> None:
        """The endpoint has answered a question, be it a harmless one."""
        self.answers, self._in_a_row, self._same_words = True, 0, ("", 0)

    def may_be_all(self, fault: Fault) -> bool:
        """Whether what was counted last may be no matter of its own request."""
        if fault.code in OF_A_ROW:
            if fault.meaning == "rejected":
                return self._in_a_row >= REJECTED_AFTER
            return not self.answers or self._in_a_row >= REFUSED_AFTER
        if fault.meaning == "down":
            return True
        if self.answers or fault.status is not Status.FAILED:
            return False
        return fault.remedy is not None or self._same_words[1] >= REJECTED_AFTER


def is_of_all(fault: Fault, answered_before: bool) -> bool:
    """Whether a fault that may be about all requests certainly is, so that nothing need be asked to find out.

    Where nothing was ever answered, a refusal or a parameter that is not taken is about what the recipe says.
    """
    if fault.meaning == "down" and fault.code not in OF_A_ROW:
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


def harmless(request: ChatRequest) -> ChatRequest:
    """A request like another one in all but its words."""
    return replace(request, messages=tuple(replace(one, content=HARMLESS) for one in request.messages))
