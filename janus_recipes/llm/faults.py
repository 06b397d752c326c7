"""What an error from an endpoint means: wait and send again, give up this one request, or stop the run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import openai

from janus_recipes.llm.chat import NotAReply
from janus_recipes.records import Status

PATIENCE_S = 600.0
"""An endpoint that asks to wait longer is taken to be down: a job should not sleep a day unseen."""

_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")
_FILTERED = ("content_filter", "content_policy_violation")

Meaning = Literal["transient", "rejected", "down"]


@dataclass(frozen=True)
class Fault:
    """One failed try. `label` groups faults in counts; `reason` is for people and not redacted yet."""

    meaning: Meaning
    label: str
    reason: str
    status: Status = Status.FAILED
    retry_after_s: float | None = None


def fault_of(error: Exception) -> Fault | None:
    """What an exception of one try means; None when it is no fault of the endpoint but one of this program."""
    if isinstance(error, openai.APIStatusError):
        return _status_fault(error)
    if isinstance(error, (openai.APITimeoutError, TimeoutError)):
        return Fault("transient", "timed out", "no answer in time")
    if isinstance(error, openai.APIConnectionError):
        return Fault("transient", "connection", f"connection failed: {error.__cause__ or error}")
    if isinstance(error, NotAReply):
        return Fault("transient", "unreadable", str(error))
    return None


def _status_fault(error: openai.APIStatusError) -> Fault:
    code, reason = error.status_code, f"{error.status_code}: {_message(error)}"
    if code == 429 and error.code not in _NO_MONEY:
        return _waiting("rate limited (429)", reason, error.response.headers)
    if code in (408, 409) or code >= 500:
        return _waiting(f"server error ({code})", reason, error.response.headers)
    if code in (401, 402, 403, 404, 429):
        return Fault("down", f"refused ({code})", reason)
    if error.code in _FILTERED:
        return Fault("rejected", "filtered", reason, Status.REFUSED)
    return Fault("rejected", f"rejected ({code})", reason)


def _waiting(label: str, reason: str, headers: Mapping[str, str]) -> Fault:
    seconds = retry_after(headers)
    if seconds is not None and seconds > PATIENCE_S:
        return Fault("down", label, f"{reason} (asks to wait {seconds:.0f} s)")
    return Fault("transient", label, reason, retry_after_s=seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's headers ask to wait: retry-after-ms, Retry-After in seconds or as a date."""
    try:
        if value := headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        if not (value := headers.get("retry-after")):
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _message(error: openai.APIStatusError) -> str:
    """The endpoint's own words, where it has any, in one line."""
    body: Any = error.body
    words = body.get("message") if isinstance(body, dict) else body
    text = words if isinstance(words, str) else json.dumps(words or error.message)
    return " ".join(text.split())
