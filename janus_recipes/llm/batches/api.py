"""The provider's files and batches, through the openai package. Creating a batch is the one call that costs money.

Everything else is tried again by the package. A batch whose creation was not confirmed is looked for instead: by the
file that it was made from, and by its name in the metadata.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

import httpx2
import openai
from openai.types import Batch

from janus_recipes.llm.batches.files import URL
from janus_recipes.llm.batches.state import BatchState
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.recipe.provider import Provider

APPEARS_S = 30.0
"""A batch that was created stands in the provider's list within so many seconds."""

PAGE = 100
"""Batches in one page of the list, the most that OpenAI gives."""

CLOCKS_DIFFER_S = 3600.0
"""Batches that were created so long before ours was begun, by their provider's clock, are not ours."""


class BatchApi:
    """One endpoint. Use it in an `async with`. Raises what the openai package raises, for `faults.fault_of` to read."""

    def __init__(self, provider: Provider, where: Endpoint) -> None:
        self._window = provider.batch.window
        self._headers: dict[str, str | openai.Omit] = {} if where.key else {"Authorization": openai.omit}
        self._client = openai.AsyncOpenAI(
            api_key=where.key or "none",
            base_url=where.base_url,
            max_retries=provider.max_tries - 1,
            http_client=openai.DefaultAsyncHttpxClient(timeout=provider.timeout_s, trust_env=not where.local),
        )

    async def __aenter__(self) -> BatchApi:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.close()

    @property
    def base_url(self) -> str:
        """Where it is."""
        return str(self._client.base_url)

    async def upload(self, path: Path) -> str:
        """Upload a file of requests, read as it is sent. Returns its id. Costs nothing."""
        with path.open("rb") as file:
            return (await self._client.files.create(file=file, purpose="batch", extra_headers=self._headers)).id

    async def create(self, state: BatchState) -> str:
        """Create the batch of a file that was uploaded, in one try. Returns its id."""
        batch = await self._client.with_options(max_retries=0).batches.create(
            input_file_id=state.file_id,
            endpoint=URL,
            completion_window=cast(Literal["24h"], self._window),
            metadata={"janus": state.name},
            extra_headers=self._headers,
        )
        return batch.id

    async def find(self, state: BatchState) -> str | None:
        """The id of a batch that may have been created, or None when it was not: waits until it would be listed."""
        while True:
            looked_at = state.age_s()
            if (found := await self._listed(state)) is not None:
                return found
            if looked_at >= APPEARS_S:
                return None
            await asyncio.sleep(min(APPEARS_S - looked_at, APPEARS_S / 10) + 0.01)

    async def _listed(self, state: BatchState) -> str | None:
        """The id of a batch in the account's list, which may go back for years: only its recent part is read."""
        since = datetime.fromisoformat(state.began_at).timestamp() - CLOCKS_DIFFER_S
        newest = 0
        async for batch in self._client.batches.list(limit=PAGE, extra_headers=self._headers):
            if batch.input_file_id == state.file_id or (batch.metadata or {}).get("janus") == state.name:
                return batch.id
            newest = max(newest, batch.created_at)
            if batch.created_at < min(since, newest):  # older than one before it: the list has the newest first
                return None
        return None

    async def retrieve(self, id: str) -> Batch:
        """How a batch stands."""
        return await self._client.batches.retrieve(id, extra_headers=self._headers)

    async def download(self, file_id: str, path: Path) -> None:
        """Bring a file to `path`, as it arrives; it stands there only when it is whole."""
        half = path.with_name(f"{path.name}.half")
        try:
            files = self._client.files.with_streaming_response
            async with files.content(file_id, extra_headers=self._headers) as response:
                await response.stream_to_file(half)
            os.replace(half, path)
        except httpx2.TransportError as error:  # the package takes care of the headers only
            raise openai.APIConnectionError(message=str(error), request=httpx2.Request("GET", self.base_url)) from error
        finally:
            half.unlink(missing_ok=True)
