"""The micro-world's files and batches over real HTTP, used by the openai package."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from openai.types import Batch

from janus_recipes.recipe.provider import Faults
from janus_recipes.rehearsal.server import World, serving

ENDPOINT: Any = "/v1/chat/completions"


def client(world: World) -> openai.OpenAI:
    return openai.OpenAI(base_url=world.base_url, api_key="none", max_retries=0, timeout=10)


def line(id: str, text: str) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return json.dumps({"custom_id": id, "method": "POST", "url": ENDPOINT, "body": body}, ensure_ascii=False) + "\n"


def created(world: World, content: str, tmp_path: Path, **more: Any) -> Batch:
    path = tmp_path / "requests.jsonl"
    path.write_text(content)
    with path.open("rb") as file:
        uploaded = client(world).files.create(file=file, purpose="batch")
    return client(world).batches.create(
        input_file_id=uploaded.id, endpoint=ENDPOINT, completion_window="24h", metadata={"a": "b"}, **more
    )


def ended(world: World, batch: Batch) -> Batch:
    deadline = time.monotonic() + 10
    while batch.status not in ("completed", "expired", "cancelled", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        batch = client(world).batches.retrieve(batch.id)
    return batch


def rows_in(world: World, file_id: str | None) -> dict[str, Any]:
    assert file_id is not None
    lines = client(world).files.content(file_id).text.splitlines()
    return {row["custom_id"]: row for row in map(json.loads, lines)}


@pytest.fixture
def world() -> Iterator[World]:
    with serving() as running:
        yield running


def test_a_batch_gives_the_answers_that_live_requests_get(world: World, tmp_path: Path) -> None:
    batch = created(world, line("one", "How do trees grow?") + line("two", "half a\u2028line, é"), tmp_path)
    assert (batch.status, batch.metadata) == ("validating", {"a": "b"})
    batch = ended(world, batch)
    assert batch.status == "completed" and batch.error_file_id is None
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 2, 0)
    rows = rows_in(world, batch.output_file_id)
    messages: Any = [{"role": "user", "content": "How do trees grow?"}]
    live = client(world).chat.completions.create(model="m", messages=messages)
    assert rows["one"]["response"]["status_code"] == 200 and rows["one"]["error"] is None
    assert rows["one"]["response"]["body"]["choices"][0]["message"]["content"] == live.choices[0].message.content
    assert world.stats().asked_after_answering == 1  # the live one


def test_files_come_back_as_they_were_uploaded(world: World, tmp_path: Path) -> None:
    content = line("one", "a\u2028b \r\n é")
    batch = created(world, content, tmp_path)
    api = client(world)
    assert api.files.content(batch.input_file_id).read() == content.encode()
    assert api.files.retrieve(batch.input_file_id).bytes == len(content.encode())
    assert [file.id for file in api.files.list()] == [batch.input_file_id]
    assert api.files.delete(batch.input_file_id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        api.files.content(batch.input_file_id)


def test_batches_are_listed_the_newest_first_page_by_page(world: World, tmp_path: Path) -> None:
    made = [created(world, line("one", f"question {n}"), tmp_path).id for n in range(5)]
    page = client(world).batches.list(limit=2)
    assert [batch.id for batch in page.data] == made[:2:-1] and page.has_more
    assert [batch.id for batch in page] == made[::-1]


def test_a_batch_goes_through_its_states_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = SimpleNamespace(time=time.time, ahead=0.0)  # it is put on, so that a slow machine misses no state
    clock.monotonic = lambda: time.monotonic() + clock.ahead
    monkeypatch.setattr("janus_recipes.rehearsal.batches.time", clock)
    with serving(Faults(batch_latency_s=1000.0)) as world:
        batch = created(world, "".join(line(str(n), f"question {n}") for n in range(10)), tmp_path)
        seen = [batch.status]
        for clock.ahead in (150.0, 500.0, 910.0, 1000.0):
            seen.append(client(world).batches.retrieve(batch.id).status)
    assert seen == ["validating", "in_progress", "in_progress", "finalizing", "completed"]


def test_an_expired_batch_has_half_of_its_rows_and_names_the_others(tmp_path: Path) -> None:
    with serving(Faults(batch_expires=1)) as world:
        batch = ended(world, created(world, "".join(line(str(n), f"question {n}") for n in range(10)), tmp_path))
        assert batch.status == "expired"
        assert sorted(rows_in(world, batch.output_file_id)) == list("01234")
        late = rows_in(world, batch.error_file_id)
        assert sorted(late) == list("56789")
        assert late["5"]["response"] is None and late["5"]["error"]["code"] == "batch_expired"


def test_a_cancelled_batch_keeps_what_was_done(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=60)) as world:
        batch = created(world, "".join(line(str(n), f"question {n}") for n in range(10)), tmp_path)
        world.desk.batches[batch.id].created -= 30  # half of its time, so half of its rows
        assert client(world).batches.retrieve(batch.id).status == "in_progress"
        assert client(world).batches.cancel(batch.id).status == "cancelling"
        batch = client(world).batches.retrieve(batch.id)
        assert batch.status == "cancelled" and batch.error_file_id is None
        assert sorted(rows_in(world, batch.output_file_id)) == list("01234")
        with pytest.raises(openai.ConflictError, match="Cannot cancel"):
            client(world).batches.cancel(batch.id)


def test_a_row_meets_a_fate_of_its_own(tmp_path: Path) -> None:
    with serving(Faults(rate_limited=0.3, server_error=0.3, dropped=0.2)) as world:
        batch = ended(world, created(world, "".join(line(str(n), f"question {n}") for n in range(50)), tmp_path))
        good, bad = rows_in(world, batch.output_file_id), rows_in(world, batch.error_file_id)
        fates = world.stats().fates
        codes = [row["response"]["status_code"] for row in bad.values()]
        assert (codes.count(429), codes.count(500)) == (fates["rate_limited"], fates["server_error"])
        assert len(good) == fates["ok"] and len(good) + len(bad) == 50 - fates["dropped"] < 50


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (line("one", "a") + line("one", "b"), "duplicate_custom_id"),
        (line("one", "a") + "{\n", "invalid_json_line"),
        (line("one", "a").replace("completions", "somewhere"), "invalid_request"),
        ("", "empty_file"),
    ],
)
def test_a_file_that_is_not_valid_fails_as_a_whole(content: str, code: str, world: World, tmp_path: Path) -> None:
    batch = ended(world, created(world, content, tmp_path))
    assert batch.status == "failed" and batch.output_file_id is None
    assert batch.errors is not None and batch.errors.data is not None
    assert [problem.code for problem in batch.errors.data] == [code]
    assert world.stats().requests == 0


def test_a_batch_that_does_not_fit_into_the_queue_fails(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=60, batch_tokens_queued=4)) as world:
        # Two tokens of four characters, and three.
        first, second = (created(world, line("one", text), tmp_path) for text in ("12345678", "123456789"))
        for batch in world.desk.batches.values():
            batch.created -= 10
        assert client(world).batches.retrieve(first.id).status == "in_progress"
        batch = client(world).batches.retrieve(second.id)
        assert batch.errors is not None and batch.errors.data is not None
        assert (batch.status, batch.errors.data[0].code) == ("failed", "token_limit_exceeded")


def test_an_unknown_batch_or_a_form_without_a_file_is_an_error_that_says_so(world: World) -> None:
    with pytest.raises(openai.NotFoundError, match="No batch found with id 'batch_x'"):
        client(world).batches.retrieve("batch_x")
    with pytest.raises(openai.BadRequestError, match="input_file_id"):
        client(world).batches.create(input_file_id="nothing", endpoint=ENDPOINT, completion_window="24h", metadata=None)
    with pytest.raises(openai.BadRequestError, match="a form with the parts"):
        client(world).post("/files", body={"purpose": "batch"}, cast_to=object)
