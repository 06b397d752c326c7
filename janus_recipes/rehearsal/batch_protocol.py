"""What OpenAI's files and batches look like on the wire: uploads, a batch file's rows, pages of a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email import message_from_bytes

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from janus_recipes.files import Json

ENDPOINT = "/v1/chat/completions"
ROWS_MOST = 50_000
"""Requests in one file."""


def form_of(content_type: str, raw: bytes) -> tuple[str, str, bytes]:
    """File name, purpose and content of an upload. Raises a 400 when it is none."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in message.walk()}
    try:
        file, purpose = parts["file"], parts["purpose"]
        content, said = file.get_payload(decode=True), purpose.get_payload(decode=True)
        assert isinstance(content, bytes) and isinstance(said, bytes)
        return file.get_filename() or "upload", said.decode().strip(), content
    except (LookupError, AssertionError) as error:
        raise HTTPException(400, "an upload is a form with the parts 'purpose' and 'file'") from error


def rows_of(content: bytes) -> tuple[list[Json], list[Json]]:
    """A batch file's rows, and what is wrong with them."""
    rows: list[Json] = []
    problems: list[Json] = []
    ids: set[str] = set()
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        code, said = _problem_of(line, ids)
        if code:
            problems.append({"code": code, "message": said, "line": number, "param": None})
        else:
            rows.append(json.loads(line))
            ids.add(rows[-1]["custom_id"])
    if not rows and not problems:
        problems.append({"code": "empty_file", "message": "The file holds no requests.", "line": None, "param": None})
    if len(rows) > ROWS_MOST:
        said = f"The file holds more than {ROWS_MOST:,} requests."
        problems.append({"code": "too_many_tasks", "message": said, "line": None, "param": None})
    return rows, problems


def _problem_of(line: bytes, ids: set[str]) -> tuple[str, str]:
    """Code and message of what is wrong with a row; empty where nothing is."""
    try:
        row = json.loads(line)
        id, method, url, body = (row[key] for key in ("custom_id", "method", "url", "body"))
    except (ValueError, LookupError, TypeError):
        return "invalid_json_line", "This line is no JSON object with custom_id, method, url and body."
    if id in ids:
        return "duplicate_custom_id", f"The custom_id '{id}' stands in this file twice."
    if (method, url) != ("POST", ENDPOINT) or not isinstance(body, dict):
        return "invalid_request", f"A row must be a POST to {ENDPOINT} with an object as its body."
    return "", ""


def page(items: Sequence[Json], query: Mapping[str, str], most: int) -> Response:
    """One page of a listing, the newest first: `limit` items after the one with the id `after`."""
    limit = min(int(query.get("limit", 20)), most)
    ids = [item["id"] for item in items]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    data = items[start : start + limit]
    edges = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return JSONResponse({"object": "list", "data": data, **edges, "has_more": start + limit < len(items)})
