"""What an error from an endpoint means: wait and send again, give up this one request, or stop the run."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp
import openai

from janus_recipes.llm.chat import BROKEN_OFF, NotAReply, Reply, Unfinished, reply_from, well_formed
from janus_recipes.llm.client import CutShort
from janus_recipes.records import Status
from janus_recipes.redact import redact

MESSAGE_MOST = 500
"""Characters of an endpoint's own words that are told: some answer with a whole web page."""

PATIENCE_S = 600.0
"""An endpoint that asks to wait longer is taken to be down: a job should not sleep a day unseen."""

WAIT_MOST_S = 30 * 86400.0
"""What asks to wait longer is told as that."""

RESET_MOST_S = 60.0
_DURATION_PART = r"(\d+(?:\.\d+)?)(ms|h|m|s)"
_DURATION = re.compile(f"(?:{_DURATION_PART})+", re.ASCII)
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance")
_NO_MONEY_WORDS = re.compile(
    r"credit balance is too low|insufficient[ _](credit|fund|balance|quota)|billing[ _]hard[ _]limit"
    r"|exceeded your current quota|out of credits|spend(ing)? limit",
    re.IGNORECASE,
)
"""Words of a refusal for want of money; some providers say it with a 400. Not of a 429: some say it of a minute's."""

_FILTERED = ("content_filter", "content_policy_violation")
_FLAGGED = re.compile(r"flagged|moderation|content.polic|usage.polic|safety", re.IGNORECASE)
"""Words of a 403 or 404 about one request, where such a status else is about the key or the model."""

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

UNREADABLE = "unreadable"
"""The label of a whole answer that is none: it may have been paid for, and what follows is hardly better."""

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
    too_long: bool = False
    """Whether the run stops only because it would have to wait for so long."""
    begun: Reply | None = None
    """What came of an answer that is not whole: it may well be paid for. None where none was begun."""
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
    if isinstance(error, CutShort):
        label = "timed out" if isinstance(error.__cause__, TimeoutError) else "connection"
        return Fault("transient", label, str(error), begun=Reply("", BROKEN_OFF))
    if isinstance(error, (openai.APIConnectionError, aiohttp.ClientError)):
        return Fault("transient", "connection", f"connection failed: {error.__cause__ or error}")
    return None


def outcome_of(code: int, headers: Mapping[str, str], body: Any) -> Reply | Fault:
    """The answer that came back with this status, or what it means that there is none. `body` is its JSON or text."""
    if code >= 400:
        return fault_of_status(code, headers, body)
    if isinstance(body, dict) and body.get("error") and not body.get("choices"):
        return fault_of_status(_code_in(_error_in(body)), headers, body)
    try:
        return reply_from(body)
    except Unfinished as error:
        return Fault("transient", "broken off", str(error), begun=error.begun)
    except NotAReply as error:
        cut = isinstance(body, str) and body.lstrip().startswith("{")
        return Fault("transient", UNREADABLE, str(error), begun=Reply("", BROKEN_OFF) if cut else None)


def fault_of_status(code: int, headers: Mapping[str, str], body: Any) -> Fault:
    """What an answer with a status of 400 or more means. `body` is its JSON, or its text."""
    error = _error_in(body)
    name, reason = error.get("code"), f"{code}: {_words(error, body)}"
    if code < 500 and (_names_money(error) or (code != 429 and _NO_MONEY_WORDS.search(reason))):
        return Fault("down", f"refused ({code})", reason, code=code)
    if code == 429:
        return _waiting("rate limited (429)", reason, code, headers)
    if code in (408, 409) or code >= 500:
        return _waiting(f"server error ({code})", reason, code, headers)
    if code in (403, 404) and _FLAGGED.search(reason):
        return Fault("rejected", f"flagged ({code})", reason, Status.REFUSED, code)
    if code in (401, 402, 403, 404):
        return Fault("down", f"refused ({code})", reason, code=code)
    if name in _FILTERED:
        return Fault("rejected", "filtered", reason, Status.REFUSED, code)
    return Fault("rejected", f"rejected ({code})", reason, code=code, remedy=_remedy(error, reason))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's headers ask to wait: retry-after-ms, Retry-After in seconds or as a date."""
    try:
        if value := headers.get("retry-after-ms"):
            seconds = float(value) / 1000
        elif not (value := headers.get("retry-after")):
            return None
        elif value.strip().replace(".", "", 1).isdecimal():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):  # the latter for a date in a time zone that no clock has
        return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), WAIT_MOST_S)


def told(text: str, key: str | None) -> str:
    """An endpoint's words as they may be shown: short, and without the key."""
    return redact(text, key)[:MESSAGE_MOST]


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
        return max(0.0, seconds) if math.isfinite(seconds := float(duration)) else 0.0
    if not _DURATION.fullmatch(duration):
        return 0.0
    return sum(float(number) * _UNIT_S[unit] for number, unit in re.findall(_DURATION_PART, duration))


def _waiting(label: str, reason: str, code: int, headers: Mapping[str, str]) -> Fault:
    seconds = retry_after(headers)
    if seconds is None and code == 429:
        seconds = _reset(headers)
    if seconds is not None and seconds > PATIENCE_S:
        return Fault("down", label, f"{reason} (it asks to wait until {_clock(seconds)})", code=code, too_long=True)
    return Fault("transient", label, reason, code=code, retry_after_s=seconds)


def _clock(seconds: float) -> str:
    """The time of day in so many seconds, with the day where it is another one."""
    now = datetime.now()
    then = now + timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _code_in(error: dict[str, Any]) -> int:
    """The status that an error inside a 200 stands for: some gateways have found out too late to send it."""
    if _names_money(error):
        return 429
    with suppress(TypeError, ValueError, OverflowError):
        if 400 <= (code := int(error.get("code") or error.get("status") or 0)) < 600:
            return code
    return 500


def _error_in(body: Any) -> dict[str, Any]:
    """The error's fields: OpenAI has them under `error`, others at the top."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    return inner if isinstance(inner, dict) else {}


def _names_money(error: dict[str, Any]) -> bool:
    return error.get("code") in _NO_MONEY or error.get("type") in _NO_MONEY


def _words(error: dict[str, Any], body: Any) -> str:
    """The endpoint's own words, where it has any, in one line."""
    words = error.get("message") or body
    text = words if isinstance(words, str) else json.dumps(words) if words else "no message"
    return well_formed(" ".join(text.split()))


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
