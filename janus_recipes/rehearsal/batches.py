"""The files and batches of the rehearsal's provider, in OpenAI's protocol, kept in the server's memory.

    client.files.create(file=open("requests.jsonl", "rb"), purpose="batch")
    client.batches.create(input_file_id=..., endpoint="/v1/chat/completions", completion_window="24h")

A batch takes `Faults.batch_latency_s`, and its rows are answered evenly over that time; where it stands is worked out
whenever somebody looks. Each row meets a fate of its own, as a live request does: a 429 or 500 is a row of the error
file, a dropped connection a row in neither file. A share of `Faults.batch_expires` ends half done.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from janus_recipes.files import Json, digest_of_text
from janus_recipes.recipe.provider import Faults
from janus_recipes.rehearsal.batch_protocol import ENDPOINT, form_of, page, rows_of
from janus_recipes.seeding import random_for

CHARACTERS_PER_TOKEN = 4
VALIDATED_AT, FINALIZING_AT = 0.1, 0.9
"""Shares of a batch's time: rows are answered between them."""

ENDED = frozenset({"completed", "expired", "cancelled", "failed"})

Answer = Callable[[Any], tuple[int, Json] | None]
"""From a row's body to status code and response body; None for a row that is lost."""


@dataclass
class StoredFile:
    """A file as it was uploaded, or as a batch wrote it."""

    id: str
    name: str
    purpose: str
    content: bytes

    def as_json(self) -> Json:
        """OpenAI's file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": int(time.time()),
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class Batch:
    """A batch and how far it is. `rows` are the input's, `times` when each state was reached (seconds since 1970)."""

    id: str
    input_file_id: str
    window: str
    metadata: Json | None
    rows: list[Json]
    problems: list[Json]
    rows_to_do: int
    """Fewer than `rows` where the batch is to expire."""
    status: str = "validating"
    created: float = field(default_factory=time.monotonic)
    times: dict[str, int] = field(default_factory=dict)
    done: int = 0
    good: list[Json] = field(default_factory=list)
    bad: list[Json] = field(default_factory=list)
    files: dict[str, str | None] = field(default_factory=dict)

    def reach(self, status: str) -> None:
        """Note a new state and when it was reached."""
        if status != self.status:
            self.status = status
            self.times[f"{status}_at"] = int(time.time())

    def as_json(self) -> Json:
        """OpenAI's batch object."""
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "errors": {"object": "list", "data": self.problems} if self.status == "failed" else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.window,
            "status": self.status,
            "output_file_id": self.files.get("output"),
            "error_file_id": self.files.get("error"),
            "metadata": self.metadata,
            "request_counts": {"total": len(self.rows), "completed": len(self.good), "failed": len(self.bad)},
            **self.times,
        }


@dataclass
class Desk:
    """All files and batches of one server. `answer` answers one row."""

    faults: Faults
    seed: int
    answer: Answer
    files: dict[str, StoredFile] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    _came: Counter[str] = field(default_factory=Counter)

    def routes(self) -> list[Route]:
        """The part of OpenAI's interface that this desk serves."""
        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files", self._list_files, methods=["GET"]),
            Route("/v1/files/{id}", self._show_file, methods=["GET"]),
            Route("/v1/files/{id}", self._delete_file, methods=["DELETE"]),
            Route("/v1/files/{id}/content", self._content, methods=["GET"]),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches", self._list_batches, methods=["GET"]),
            Route("/v1/batches/{id}", self._show_batch, methods=["GET"]),
            Route("/v1/batches/{id}/cancel", self._cancel, methods=["POST"]),
        ]

    async def _upload(self, request: Request) -> Response:
        name, purpose, content = form_of(request.headers.get("content-type", ""), await request.body())
        return JSONResponse(self._store(name, purpose, content).as_json())

    async def _list_files(self, request: Request) -> Response:
        return page([one.as_json() for one in reversed(self.files.values())], request.query_params, most=10_000)

    async def _show_file(self, request: Request) -> Response:
        return JSONResponse(self._file(request).as_json())

    async def _delete_file(self, request: Request) -> Response:
        file = self.files.pop(self._file(request).id)
        return JSONResponse({"id": file.id, "object": "file", "deleted": True})

    async def _content(self, request: Request) -> Response:
        return Response(self._file(request).content, media_type="application/octet-stream")

    async def _create(self, request: Request) -> Response:
        try:
            asked = json.loads(await request.body())
            file, window = self.files[asked["input_file_id"]], str(asked["completion_window"])
        except (ValueError, LookupError, TypeError) as error:
            raise HTTPException(400, f"A batch needs an input_file_id that exists and a window: {error}") from error
        if asked.get("endpoint") != ENDPOINT or file.purpose != "batch":
            raise HTTPException(400, f"The endpoint must be {ENDPOINT}, the file's purpose batch")
        rows, problems = rows_of(file.content)
        batch = Batch(
            id=f"batch_{len(self.batches):024d}",
            input_file_id=file.id,
            window=window,
            metadata=asked.get("metadata"),
            rows=rows,
            problems=problems,
            rows_to_do=len(rows) // 2 if self._expires(file.content) else len(rows),
            times={"created_at": int(time.time()), "expires_at": int(time.time()) + 86_400},
        )
        self.batches[batch.id] = batch
        return JSONResponse(batch.as_json())

    async def _list_batches(self, request: Request) -> Response:
        for batch in self.batches.values():
            self._bring_up_to_now(batch)
        return page([one.as_json() for one in reversed(self.batches.values())], request.query_params, most=100)

    async def _show_batch(self, request: Request) -> Response:
        return JSONResponse(self._batch(request).as_json())

    async def _cancel(self, request: Request) -> Response:
        batch = self._batch(request)
        if batch.status in ENDED:
            raise HTTPException(409, f"Cannot cancel a batch with status '{batch.status}'.")
        batch.reach("cancelling")
        return JSONResponse(batch.as_json())

    def _expires(self, content: bytes) -> bool:
        """Whether a batch is to expire. The same file may complete when it is sent again."""
        digest = digest_of_text(content.decode("utf-8", "replace"))
        self._came[digest] += 1
        return random_for("batch", self.seed, digest, self._came[digest]).random() < self.faults.batch_expires

    def _bring_up_to_now(self, batch: Batch) -> None:
        if batch.status in ENDED:
            return
        if batch.status == "cancelling":
            self._end(batch, "cancelled")
            return
        share = 1.0
        if self.faults.batch_latency_s:
            share = min(1.0, (time.monotonic() - batch.created) / self.faults.batch_latency_s)
        if share < VALIDATED_AT:
            return
        if batch.status == "validating":
            batch.problems += self._queue_problem(batch)
            batch.reach("failed" if batch.problems else "in_progress")
        if batch.status != "failed":
            self._go_on(batch, share)

    def _go_on(self, batch: Batch, share: float) -> None:
        progress = min(1.0, (share - VALIDATED_AT) / (FINALIZING_AT - VALIDATED_AT))
        for row in batch.rows[batch.done : math.floor(batch.rows_to_do * progress)]:
            self._do(batch, row)
        if share >= 1:
            self._end(batch, "completed" if batch.rows_to_do == len(batch.rows) else "expired")
        elif share >= FINALIZING_AT:
            batch.reach("finalizing")

    def _do(self, batch: Batch, row: Json) -> None:
        batch.done += 1
        answered = self.answer(row["body"])
        if answered is None:
            return
        status, body = answered
        response = {"status_code": status, "request_id": f"req_{batch.done}", "body": body}
        line = {"id": f"batch_req_{batch.done}", "custom_id": row["custom_id"], "response": response, "error": None}
        (batch.good if status == 200 else batch.bad).append(line)

    def _end(self, batch: Batch, status: str) -> None:
        if status == "expired":
            expired = {"code": "batch_expired", "message": "The completion window passed before this request was run."}
            for row in batch.rows[batch.done :]:
                batch.bad.append({"id": "", "custom_id": row["custom_id"], "response": None, "error": expired})
        for kind, lines in (("output", batch.good), ("error", batch.bad)):
            if lines:
                content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
                batch.files[kind] = self._store(f"{batch.id}_{kind}.jsonl", "batch_output", content).id
        batch.reach(status)

    def _queue_problem(self, batch: Batch) -> list[Json]:
        """What is wrong where the batch does not fit into the queue beside those that are under way."""
        limit = self.faults.batch_tokens_queued
        under_way = [one for one in self.batches.values() if one.status in ("in_progress", "finalizing")]
        if limit is None or sum(map(_prompt_tokens, [*under_way, batch])) <= limit:
            return []
        said = f"Enqueued token limit reached. Limit: {limit:,} enqueued tokens. Try again once batches have completed."
        return [{"code": "token_limit_exceeded", "message": said, "line": None, "param": None}]

    def _store(self, name: str, purpose: str, content: bytes) -> StoredFile:
        file = StoredFile(f"file-{len(self.files):024d}", name, purpose, content)
        self.files[file.id] = file
        return file

    def _file(self, request: Request) -> StoredFile:
        if (file := self.files.get(request.path_params["id"])) is None:
            raise HTTPException(404, f"No such File object: {request.path_params['id']}")
        return file

    def _batch(self, request: Request) -> Batch:
        if (batch := self.batches.get(request.path_params["id"])) is None:
            raise HTTPException(404, f"No batch found with id '{request.path_params['id']}'.")
        self._bring_up_to_now(batch)
        return batch


def _prompt_tokens(batch: Batch) -> int:
    texts = (message["content"] for row in batch.rows for message in row["body"]["messages"])
    return sum(-(-len(text) // CHARACTERS_PER_TOKEN) for text in texts)
