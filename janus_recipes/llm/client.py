"""One endpoint over HTTP: a chat request's body in, status, headers and body out.

The openai package says where requests go and with which headers (its own environment variables included); aiohttp
carries them, with the certificates that the openai package trusts. That costs a tenth of the processor time of
the package's own `chat.completions.create`, which counts when thousands of requests are in flight. Nothing is tried
again here, and no status is an error: `faults.py` says what came back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import openai
import orjson
from yarl import URL

from janus_recipes.errors import StepError
from janus_recipes.llm.endpoint import Endpoint

KEEP_ALIVE_S = 4.0
"""An idle connection is not used again after that: uvicorn, and so vLLM, closes it after 5 s without a word."""


class Answer(NamedTuple):
    """What came back, whatever it is. `body` is the JSON, or the text where it is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class CutShort(aiohttp.ClientError):
    """The connection, or the time for it, ended in the midst of an answer."""


class Client:
    """Connections to one endpoint, at most `connections` at once. Use it in an `async with`."""

    def __init__(self, where: Endpoint, connections: int, timeout_s: float) -> None:
        self.base_url, self._headers = _address(where)
        self._proxy = None if where.local else _proxy_for(self.base_url)
        self._connections = connections
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Client:
        tls = httpx2.create_ssl_context() if self.base_url.startswith("https:") else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_S, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()

    async def ask(self, body: dict[str, Any], timeout_s: float | None = None) -> Answer:
        """Send one chat request and read the whole answer, within the client's time-out unless another one is given.

        Raises TimeoutError or aiohttp.ClientError without one, and CutShort for either where an answer had begun.
        """
        url, data = f"{self.base_url}chat/completions", orjson.dumps(body)
        # The time-out is on the whole answer: one on reading starts again with every byte that trickles in. Headers go
        # with each request: aiohttp shows those of a session to the proxy too, and the key is among them.
        begun = False
        try:
            async with (
                asyncio.timeout(timeout_s or self._timeout_s),
                self._session.post(url, data=data, headers=self._headers, proxy=self._proxy) as response,
            ):
                begun = response.ok
                return Answer(response.status, response.headers, _json_of(await response.read()))
        except (TimeoutError, aiohttp.ClientError) as error:
            if not begun:
                raise
            what = "no end of the answer in time" if isinstance(error, TimeoutError) else f"connection failed: {error}"
            raise CutShort(f"cut off in the midst of an answer: {what}") from error


def _address(where: Endpoint) -> tuple[str, dict[str, str]]:
    """The base URL, with a slash at its end, and the headers that the openai package would send."""
    unused = httpx2.AsyncClient(trust_env=False)  # the package's own would already look for a proxy
    package = openai.AsyncOpenAI(api_key=where.key or "none", base_url=where.base_url, http_client=unused)
    headers = {name: value for name, value in package.default_headers.items() if isinstance(value, str)}
    if where.key is not None:
        headers |= package.auth_headers
    return str(package.base_url), headers


def _proxy_for(url: str) -> URL | None:
    """The environment's proxy for a URL, looked up once and not with each request. Raises StepError for a SOCKS one."""
    parts = urlsplit(url)
    found = getproxies()
    named = found.get(parts.scheme) or found.get("all")
    if not named or proxy_bypass(parts.hostname or ""):
        return None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https"):
        raise StepError(f"the environment names a {proxy.scheme} proxy for {parts.hostname}; only http proxies work.")
    return proxy


def _json_of(raw: bytes) -> Any:
    try:
        return json.loads(raw)  # not orjson, which refuses the halves of emojis that some models write
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")
