"""How much may be sent now: what the provider's headers allow, or else the recipe, and what its troubles advise.

Every worker passes the `Gate` before each try. It starts at the configured number in flight and acts on signals only:

- 429, 503 and 529 halve the number in flight, at most once per round trip; each window of answers adds one back.
- Retry-After holds back everybody, not only the request that met it. A 429 without one does so too, for a pause that
  grows until an answer comes; when none has come for PATIENCE_S, the provider is down.
- Requests and tokens a minute are spread evenly: a request waits until there is room for it, no batch waits for its
  slowest.
- When all tries in flight fail and nothing is heard, one request at a time knocks, after growing pauses. An answer
  opens the gate again; PROBES knocks in vain say that the provider is down.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from janus_recipes.llm.faults import PATIENCE_S, Fault

BURST_S = 5.0
"""A minute's allowance is spread evenly; this many seconds' worth may go at once."""

OVERLOADED = (429, 503, 529)

LIMITED_S = 1.0
LIMITED_MOST_S = 60.0
"""The n-th round trip of 429s in a row holds everybody for up to LIMITED_S * 2**(n - 1) seconds, LIMITED_MOST_S at most
(full jitter)."""

TOLD_FROM_S = 1.0
"""A shorter hold is not told."""

SILENT_AFTER = 10
"""Nobody is there when this many tries in a row, and all that were in flight, met neither answer nor rate limit."""

PROBES = 7
PROBE_S = 1.0
"""The n-th knock waits PROBE_S * 2**(n - 1) seconds: about two minutes in all."""

_HEADERS = {
    (what, unit): (f"x-ratelimit-{what}-{unit}", f"anthropic-ratelimit-{unit}-{what}")
    for what in ("limit", "remaining")
    for unit in ("requests", "tokens")
}
"""What limits are called: OpenAI's and Azure's names, which most others have taken over, and Anthropic's."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send one try. `number` counts tries; the two sums are what all tries had cost before it."""

    number: int
    at: float
    tokens: float
    requests_before: float
    tokens_before: float
    knock: bool = False
    """Whether it only finds out if somebody is there."""


@dataclass
class Bucket:
    """An allowance a minute, refilled evenly. None: nobody has named a limit. The recipe's is never exceeded."""

    per_minute: float | None
    spent: float = 0.0
    """All that was ever taken out."""
    _most_per_minute: float = field(init=False)
    _level: float = field(init=False)
    _filled_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._most_per_minute = math.inf if self.per_minute is None else self.per_minute
        self._level, self._filled_at = self._most, time.monotonic()

    @property
    def _most(self) -> float:
        return max(1.0, (self.per_minute or 0.0) / 60 * BURST_S)

    def wait_s(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be taken. What is dearer than a full bucket goes when it is full."""
        if self.per_minute is None:
            return 0.0
        self._level = min(self._most, self._level + (now - self._filled_at) * self.per_minute / 60)
        self._filled_at = now
        return max(0.0, (min(cost, self._most) - self._level) * 60 / self.per_minute)

    def take(self, cost: float) -> None:
        """Take `cost`, or give back a negative one. The level may fall below nothing and is paid off first."""
        self.spent += cost
        if self.per_minute is not None:
            self._level -= cost

    def learn(self, per_minute: float | None, remaining: float | None, spent_then: float, then: float) -> None:
        """Adopt the limit that an answer names, and what it says remained at the time its request was sent.

        Others may use the same account, so what remains counts where it is less than what is thought to remain.
        """
        if per_minute is not None and per_minute > 0:
            if self.per_minute is None:  # what was spent so far was spent without a limit
                self._level, self._filled_at = math.inf, time.monotonic()
            self.per_minute = min(per_minute, self._most_per_minute)
        if self.per_minute is not None and remaining is not None:
            refilled = (time.monotonic() - then) * self.per_minute / 60
            self._level = min(self._level, remaining + refilled - (self.spent - spent_then))


class Gate:
    """What all workers of a run pass. `say` is told the limit in force, in words, whenever it changes."""

    def __init__(
        self,
        in_flight: int,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        say: Callable[[str], None],
    ) -> None:
        self.in_flight = 0
        self.down = False
        """Whether the provider was knocked at in vain for the last time."""
        self._cap = self._allowed = in_flight
        self._requests, self._tokens = Bucket(requests_per_minute), Bucket(tokens_per_minute)
        self._say = say
        self._sent = self._sent_at_cut = self._answered = 0
        self._held_until = 0.0
        self._hold_told = ""
        self._limits_in_a_row = 0
        self._limited_since = 0.0
        self._silence = _Silence()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._closed = False
        self._tell()

    async def enter(self, tokens: float) -> Ticket | None:
        """Wait, first come first served, until a request of about so many tokens may be sent. None: none may any more.

        Whoever got a ticket calls `leave` when its try is over.
        """
        async with self._turn:
            while not self._closed:
                now = time.monotonic()
                seconds = self._wait_s(tokens, now)
                if seconds <= 0:
                    return self._let_in(tokens, now)
                await self._change_within(seconds)
            return None

    def leave(self, ticket: Ticket) -> None:
        """The try is over, however it ended."""
        self.in_flight -= 1
        self._silence.left(ticket.number)
        self._changed.set()

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True
        self._changed.set()

    def learn(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """Read the limits that the headers of an answer, or of an error, name."""
        before = self._requests.per_minute, self._tokens.per_minute
        for bucket, unit, spent in (
            (self._requests, "requests", ticket.requests_before + 1),
            (self._tokens, "tokens", ticket.tokens_before + ticket.tokens),
        ):
            bucket.learn(_figure(headers, "limit", unit), _figure(headers, "remaining", unit), spent, ticket.at)
        if before != (self._requests.per_minute, self._tokens.per_minute):
            self._tell()

    def answered(self, ticket: Ticket, tokens: float) -> None:
        """An answer came, and used so many tokens; 0 where the provider does not say."""
        self._limits_in_a_row = 0
        self._heard()
        if tokens:
            self._tokens.take(tokens - ticket.tokens)
        if self._allowed == self._cap:
            return
        self._answered += 1
        if self._answered >= self._allowed:
            self._allow(self._allowed + 1)

    def failed(self, ticket: Ticket, fault: Fault) -> None:
        """A try failed: send less, wait, or find that nobody is there."""
        if fault.retry_after_s:
            self._hold(fault.retry_after_s, "as told")
        overloaded = fault.code in OVERLOADED and ticket.number > self._sent_at_cut
        if fault.code == 429:
            self._limited(fault, again=overloaded)
        if overloaded:
            self._sent_at_cut = self._sent
            self._allow(max(1, self._allowed // 2))
        if fault.meaning == "transient" and fault.code != 429:
            self.down = self._silence.failed(ticket.number, self.in_flight)
            if self._silence.found:
                self._tell()
        else:
            self._heard()

    def _limited(self, fault: Fault, again: bool) -> None:
        """A rate limit was met, `again` where it was not yet known when this try was sent."""
        now = time.monotonic()
        if not self._limits_in_a_row:
            self._limited_since = now
        self._limits_in_a_row += again or not self._limits_in_a_row
        if again and not fault.retry_after_s:
            most = min(LIMITED_MOST_S, LIMITED_S * 2.0 ** min(self._limits_in_a_row - 1, 60))
            self._hold(random.uniform(0, most), "after a rate limit")
        self.down = now - self._limited_since > PATIENCE_S

    def _hold(self, seconds: float, why: str) -> None:
        """Let nobody in for so long."""
        until = time.monotonic() + seconds
        if until > self._held_until:
            self._held_until = until
            if seconds >= TOLD_FROM_S:
                self._hold_told = f"waiting {seconds:.0f} s {why}"
                self._tell()

    def _wait_s(self, tokens: float, now: float) -> float:
        if self._silence.found:
            if self._silence.probe is not None:
                return math.inf
        elif self.in_flight >= self._allowed:
            return math.inf
        until = max(self._held_until, self._silence.quiet_until)
        return max(until - now, self._requests.wait_s(1, now), self._tokens.wait_s(tokens, now))

    def _let_in(self, tokens: float, now: float) -> Ticket:
        self._sent += 1
        knock = self._silence.found
        ticket = Ticket(self._sent, now, tokens, self._requests.spent, self._tokens.spent, knock)
        self._requests.take(1)
        self._tokens.take(tokens)
        self.in_flight += 1
        if knock:
            self._silence.probe = ticket.number
        if self._hold_told:
            self._hold_told = ""
            self._tell()
        return ticket

    async def _change_within(self, seconds: float) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await self._changed.wait()

    def _heard(self) -> None:
        if self._silence.failed_in_a_row:
            self._silence = _Silence()
            self._changed.set()
            self._tell()

    def _allow(self, in_flight: int) -> None:
        self._allowed, self._answered = in_flight, 0
        self._changed.set()
        self._tell()

    def _tell(self) -> None:
        if self._silence.found:
            self._say(f"no answer, knock {self._silence.knocks + 1} of {PROBES}")
            return
        if self._hold_told:
            self._say(self._hold_told)
            return
        paces = ((self._requests, "requests/min"), (self._tokens, "tokens/min"))
        named = [f"{bucket.per_minute:,.0f} {unit}" for bucket, unit in paces if bucket.per_minute is not None]
        self._say(", ".join([f"{self._allowed} in flight", *named]))


@dataclass
class _Silence:
    """How long nothing has been heard from the provider, and the knocks since that was found."""

    failed_in_a_row: int = 0
    found: bool = False
    probe: int | None = None
    """The ticket of the one request that knocks."""
    knocks: int = 0
    quiet_until: float = 0.0

    def failed(self, number: int, in_flight: int) -> bool:
        """Count a failed try. Returns whether the provider is down."""
        self.failed_in_a_row += 1
        if not self.found:
            self.found = self.failed_in_a_row >= max(SILENT_AFTER, in_flight)
            self.quiet_until = time.monotonic() + PROBE_S if self.found else 0.0
        elif number == self.probe:
            self.knocks += 1
            self.quiet_until = time.monotonic() + PROBE_S * 2**self.knocks
        return self.knocks >= PROBES

    def left(self, number: int) -> None:
        """The request that knocked is through."""
        if number == self.probe:
            self.probe = None


def _figure(headers: Mapping[str, str], what: str, unit: str) -> float | None:
    for name in _HEADERS[what, unit]:
        if value := headers.get(name):
            with suppress(ValueError):
                return max(0.0, figure) if math.isfinite(figure := float(value)) else None
    return None
