"""What an error from an endpoint means: wait and send again, give up this one request, or stop the run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp
import openai

from janus_recipes.llm.chat import NotAReply
from janus_recipes.records import Status

PATIENCE_S = 600.0
"""An endpoint that asks to wait longer is taken to be down: a job should not sleep a day unseen."""

RESET_MOST_S = 60.0
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")
_FILTERED = ("content_filter", "content_policy_violation")

_UNSUPPORTED = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_IN_WORDS = re.compile(
    r"not (be )?(supported|permitted|allowed|accepted|recogni[sz]ed)|does not (support|accept)|doesn't support"
    r"|unsupported|unrecogni[sz]ed|unknown|deprecated|no longer",
    re.IGNORECASE,
)
_REMEDIES = {
    "temperature": "accepts_sampling: false",
    "top_p": "accepts_sampling: false",
    "max_tokens": "token_limit_key: max_completion_tokens",
    "max_completion_tokens": "token_limit_key: max_tokens",
    "reasoning_effort": "reasoning_effort: null",
    "response_format": "structured_output: false",
}
"""What a provider's section of the recipe says so that a parameter is not sent, or by its other name."""

Meaning = Literal["transient", "rejected", "down"]


@dataclass(frozen=True)
class Fault:
    """One failed try. `label` groups faults in counts; `reason` is for people and not redacted yet."""

    meaning: Meaning
    label: str
    reason: str
    status: Status = Status.FAILED
    code: int | None = None
    """The HTTP status; None where no answer came."""
    retry_after_s: float | None = None
    remedy: str | None = None
    """The line of the recipe that lets the model take such requests, where it refuses one of their parameters."""


def fault_of(error: Exception) -> Fault | None:
    """What an exception of one try means; None when it is no fault of the endpoint but one of this program."""
    if isinstance(error, openai.APIStatusError):
        return fault_of_status(error.status_code, error.response.headers, error.body)
    if isinstance(error, (openai.APITimeoutError, TimeoutError)):
        return Fault("transient", "timed out", "no answer in time")
    if isinstance(error, aiohttp.InvalidURL):
        return Fault("down", "connection", f"its address cannot be used: {error}")
    if isinstance(error, (openai.APIConnectionError, aiohttp.ClientError)):
        return Fault("transient", "connection", f"connection failed: {error.__cause__ or error}")
    if isinstance(error, NotAReply):
        return Fault("transient", "unreadable", str(error))
    return None


def fault_of_status(code: int, headers: Mapping[str, str], body: Any) -> Fault:
    """What an answer with a status of 400 or more means. `body` is its JSON, or its text."""
    error = _error_in(body)
    name, reason = error.get("code"), f"{code}: {_words(error, body)}"
    if code == 429 and name not in _NO_MONEY:
        return _waiting("rate limited (429)", reason, code, headers)
    if code in (408, 409) or code >= 500:
        return _waiting(f"server error ({code})", reason, code, headers)
    if code in (401, 402, 403, 404, 429):
        return Fault("down", f"refused ({code})", reason, code=code)
    if name in _FILTERED:
        return Fault("rejected", "filtered", reason, Status.REFUSED, code)
    return Fault("rejected", f"rejected ({code})", reason, code=code, remedy=_remedy(error, reason))


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


def _reset(headers: Mapping[str, str]) -> float | None:
    """The seconds until what is used up is there again, where a rate limit says that and no Retry-After."""
    waits = [
        _seconds(headers.get(f"x-ratelimit-reset-{unit}", ""))
        for unit in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{unit}") == "0"
    ]
    # The whole allowance is back only then, but a minute's is back within a minute.
    return min(max(waits), RESET_MOST_S) if waits else None


def _seconds(duration: str) -> float:
    """Seconds of a duration as the headers write it: 6m0s, 1.5s, 120ms, 20. What is none counts as nothing."""
    with suppress(ValueError):
        return float(duration)
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", duration)
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def _waiting(label: str, reason: str, code: int, headers: Mapping[str, str]) -> Fault:
    seconds = retry_after(headers)
    if seconds is None and code == 429:
        seconds = _reset(headers)
    if seconds is not None and seconds > PATIENCE_S:
        return Fault("down", label, f"{reason} (asks to wait {seconds:.0f} s)", code=code)
    return Fault("transient", label, reason, code=code, retry_after_s=seconds)


def _error_in(body: Any) -> dict[str, Any]:
    """The error's fields: OpenAI has them under `error`, others at the top."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    return inner if isinstance(inner, dict) else {}


def _words(error: dict[str, Any], body: Any) -> str:
    """The endpoint's own words, where it has any, in one line."""
    words = error.get("message") or body
    text = words if isinstance(words, str) else json.dumps(words) if words else "no message"
    return " ".join(text.split())


def _remedy(error: dict[str, Any], reason: str) -> str | None:
    """What to change in the recipe when the words say that the model does not take a parameter."""
    if error.get("code") not in _UNSUPPORTED and not _IN_WORDS.search(reason):
        return None
    parameter = str(error.get("param") or "").split(".")[0]
    named = parameter if parameter in _REMEDIES else _first_named(reason)
    return _REMEDIES.get(named)


def _first_named(reason: str) -> str:
    found = re.search(r"\b(" + "|".join(_REMEDIES) + r")\b", reason)
    return found[1] if found else ""
