"""Asking through batches, against the micro-world's files and batches over real HTTP."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import openai
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from janus_recipes.errors import BudgetReached, ProviderDown, StepError
from janus_recipes.llm.ask import ask
from janus_recipes.llm.batches import tracker, under_way
from janus_recipes.llm.batches.files import line_of, outcomes_in
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import ChatRequest, Reply, Unparsed, address_of, body_of
from janus_recipes.llm.faults import Fault
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Faults, Sampling
from janus_recipes.records import Status
from janus_recipes.rehearsal import batch_protocol
from janus_recipes.rehearsal import batches as desk
from janus_recipes.rehearsal.server import World, serving
from tests.batching import asked, at, child, provider_of, question, questions

KEY = "sk-planted-9876543210"


def rows_of_batches(world: World) -> list[int]:
    return [len(batch.rows) for batch in world.desk.batches.values()]


def said_something(text: str) -> str:
    if not text:
        raise Unparsed("nothing was said")
    return text


def test_rows_come_in_the_order_of_the_requests_and_are_split_at_the_number_that_a_file_may_hold(
    tmp_path: Path,
) -> None:
    with serving(Faults(batch_latency_s=0.1)) as world:
        rows, answers = asked(questions(100), provider_of(requests=30), world, tmp_path)
        # 100 = 30 + 30 + 30 + 10
        assert rows_of_batches(world) == [30, 30, 30, 10]
    assert [(row.id, row.status) for row in rows] == [(f"q/{n}", Status.OK) for n in range(100)]
    counts = answers.report.as_json()
    assert (counts["rows"], counts["asked"], counts["retries"], counts["statuses"]) == (100, 100, 0, {"ok": 100})


def test_a_file_is_no_larger_than_the_provider_takes(tmp_path: Path) -> None:
    provider = provider_of()
    # Questions 10 to 15 are as long as each other: room for two lines and a byte less than a third.
    line = len(line_of(address_of(question(10), provider), body_of(question(10), provider)))
    with serving() as world:
        asked(questions(6, first=10), provider_of(megabytes=(3 * line - 1) / 1e6), world, tmp_path)
        assert rows_of_batches(world) == [2, 2, 2]


def test_no_more_tokens_wait_at_the_provider_than_the_recipe_says(tmp_path: Path) -> None:
    # "question 10" is 11 characters: 3 tokens. Seven wait at most, so two requests at a time.
    with serving(Faults(batch_tokens_queued=7)) as world:
        _, answers = asked(questions(6, first=10), provider_of(tokens_queued=7), world, tmp_path)
        assert rows_of_batches(world) == [2, 2, 2]
        assert answers.report.faults == {}
        assert {batch.status for batch in world.desk.batches.values()} == {"completed"}


def test_a_full_queue_is_found_out_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "PAUSE_S", 0.01)
    with serving(Faults(batch_tokens_queued=30)) as world:  # ten of these questions
        rows, _ = asked(questions(16, first=10), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        # All sixteen are refused. Halves of 24 tokens fit: eight, and the eight others when these are through.
        assert [batch.status for batch in world.desk.batches.values()] == ["failed", "completed", "completed"]
        assert rows_of_batches(world) == [16, 8, 8]


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    with serving() as world:
        first, _ = asked(questions(20), provider_of(), world, tmp_path)
        second, answers = asked(questions(20), provider_of(), world, tmp_path)
        assert second == first and answers.report.asked == 0
        asked(questions(30), provider_of(), world, tmp_path)
        assert rows_of_batches(world) == [20, 10]


def test_the_same_question_under_two_ids_is_paid_for_once(tmp_path: Path) -> None:
    twice = [ChatRequest(f"r/{n}", question(0).messages, Sampling(max_tokens=64)) for n in range(5)]
    with serving() as world:
        rows, _ = asked(lambda: twice, provider_of(), world, tmp_path)
        assert [row.id for row in rows] == [f"r/{n}" for n in range(5)]
        assert world.stats().requests == 1


def test_an_expired_batch_keeps_what_it_has_and_only_the_rest_is_asked_again(tmp_path: Path) -> None:
    with serving(Faults(batch_expires=0.5)) as world:
        rows, answers = asked(questions(200), provider_of(requests=20), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        ended = [batch.status for batch in world.desk.batches.values()]
        assert ended.count("expired") >= 3
        # Of 20 rows of an expired batch ten were run. Every row was run once in the end.
        assert (world.stats().requests, world.stats().asked_after_answering) == (200, 0)
    assert answers.report.retries == answers.report.faults["batch expired"] == answers.report.faults.total()


def test_of_a_partly_failed_batch_only_the_rows_that_failed_are_asked_again(tmp_path: Path) -> None:
    faults = Faults(rate_limited=0.1, server_error=0.1, dropped=0.1)
    with serving(faults) as world:
        rows, answers = asked(questions(100), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        fates = world.stats().fates
        assert world.stats().asked_after_answering == 0
    failed = {"rate limited (429)": fates["rate_limited"], "server error (500)": fates["server_error"]}
    assert answers.report.faults == {**failed, "missing": fates["dropped"]}
    assert answers.report.retries == answers.report.faults.total()


def test_rows_that_fail_every_time_are_given_up_and_the_others_kept(tmp_path: Path) -> None:
    with serving(Faults(server_error=0.7)) as world:
        with pytest.raises(StepError, match=r"of 20 requests got no answer \(server error \(500\): \d+\)") as stopped:
            asked(questions(20), provider_of().model_copy(update={"max_tries": 2}), world, tmp_path)
        assert len(world.desk.batches) == 2
        assert max(world._asked.values()) == 2
    with serving() as world:
        _, answers = asked(questions(20), provider_of(), world, tmp_path)
        assert f"{answers.report.asked} of 20" in str(stopped.value)


def test_an_answer_that_does_not_parse_is_asked_again_in_the_next_round(tmp_path: Path) -> None:
    with serving(Faults(malformed=0.3)) as world:
        rows, answers = asked(questions(60), provider_of(), world, tmp_path, parse=said_something, re_asks=9)
        malformed = world.stats().fates["malformed"]
    assert {row.status for row in rows} == {Status.OK}
    assert {row.attempts for row in rows} >= {1, 2}
    assert (answers.report.re_asked, answers.report.asked) == (malformed, 60 + malformed)
    assert answers.report.statuses == {Status.OK: 60}


def test_a_request_that_the_model_does_not_take_is_a_failed_row(tmp_path: Path) -> None:
    bad = ChatRequest("bad", (), Sampling(max_tokens=64))
    with serving() as world:
        rows, _ = asked(lambda: [*questions(2)(), bad], provider_of(), world, tmp_path)
        assert [row.status for row in rows] == [Status.OK, Status.OK, Status.FAILED]
        assert rows[2].reason.startswith("400: 'messages' must be a list")
        with pytest.raises(ProviderDown, match="it rejects every request: 400: 'messages' must be"):
            asked(lambda: [bad], provider_of(), world, tmp_path)


def test_a_cancelled_batch_stops_the_run_and_keeps_what_it_has(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=1.0)) as world:
        cancelling = Thread(target=cancel_when, args=(world, 5))
        cancelling.start()
        with pytest.raises(
            StepError, match=r"was cancelled at the provider; its \d+ answers of 40 are kept"
        ) as stopped:
            asked(questions(40), provider_of(), world, tmp_path)
        cancelling.join()
        kept = len(next(iter(world.desk.batches.values())).good)
        assert 5 <= kept < 40 and f"its {kept} answers" in str(stopped.value)
        asked(questions(40), provider_of(), world, tmp_path)
        assert rows_of_batches(world) == [40, 40 - kept]
        assert world.stats().asked_after_answering == 0


def cancel_when(world: World, answered: int) -> None:
    client = openai.OpenAI(base_url=world.base_url, api_key="none")
    while not any(batch.request_counts.completed >= answered for batch in client.batches.list()):  # type: ignore[union-attr]
        time.sleep(0.02)
    client.batches.cancel(next(iter(world.desk.batches)))


def test_a_batch_that_is_not_valid_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_protocol, "ROWS_MOST", 5)
    with serving() as world:
        with pytest.raises(ProviderDown, match="was refused: too_many_tasks: The file holds more than 5 requests"):
            asked(questions(6), provider_of(), world, tmp_path)
        rows, _ = asked(questions(6), provider_of(requests=5), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}


class Refusing(BaseHTTPRequestHandler):
    """An endpoint that knows no key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        error = {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}
        body = json.dumps({"error": error}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_refused_key_stops_the_run_and_is_printed_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    provider = provider_of()
    there = at(f"http://127.0.0.1:{server.server_port}/v1", KEY)
    with (
        Ledger.open(tmp_path, provider.model) as ledger,
        pytest.raises(ProviderDown, match=r"401: Incorrect API key.*See to the key") as stopped,
    ):
        ask(questions(3), provider, ledger, str, 2, endpoint=there)
    server.shutdown()
    server.server_close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    assert KEY not in str(stopped.value) + "".join(capfd.readouterr()) + written


def test_nobody_listening_is_a_provider_that_is_down(tmp_path: Path) -> None:
    with serving() as world:
        pass
    provider = provider_of().model_copy(update={"max_tries": 1})
    with pytest.raises(ProviderDown, match="it does not answer: connection failed"):
        asked(questions(3), provider, world, tmp_path)
    with serving() as world:
        asked(questions(3), provider, world, tmp_path)
        assert rows_of_batches(world) == [3]


def test_a_creation_that_is_not_confirmed_is_looked_for_and_not_paid_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = desk.Desk._create

    async def created_but_not_confirmed(self: desk.Desk, request: Request) -> Response:
        await create(self, request)
        raise HTTPException(500, "The server had an error")

    monkeypatch.setattr(desk.Desk, "_create", created_but_not_confirmed)
    with serving() as world:
        rows, _ = asked(questions(3), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert rows_of_batches(world) == [3]


@pytest.mark.parametrize("silent", [5, 1000])
def test_a_provider_that_is_silent_for_a_while_is_borne_with(
    silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, show, left = provider_of().model_copy(update={"max_tries": 1}), desk.Desk._show_batch, [silent]

    async def shown(self: desk.Desk, request: Request) -> Response:
        left[0] -= 1
        if left[0] >= 0:
            raise HTTPException(503, "Overloaded")
        return await show(self, request)

    monkeypatch.setattr(desk.Desk, "_show_batch", shown)
    with serving() as world:
        if silent > tracker.SILENT_AFTER:
            with pytest.raises(ProviderDown, match=r"it does not answer: 503: Overloaded\. Try again"):
                asked(questions(3), provider, world, tmp_path)
            left[0] = 0
        rows, _ = asked(questions(3), provider, world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert rows_of_batches(world) == [3]


def test_a_batch_that_the_provider_does_not_know_is_not_paid_for_again_unasked(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=60)) as world:
        run = child(world, tmp_path, 0, 3, "after the creation")
        run.communicate()
    with serving() as other:
        with pytest.raises(StepError, match=r"does not know the batch batch_0.*delete .*\.json") as lost:
            asked(questions(3), provider_of(), other, tmp_path)
        Path(str(lost.value).split("delete ")[1]).unlink()
        rows, _ = asked(questions(3), provider_of(), other, tmp_path)
        assert {row.status for row in rows} == {Status.OK}


def test_a_budget_is_not_overspent_and_what_was_paid_for_is_kept(tmp_path: Path) -> None:
    # A question of 3 tokens is at most 3 x 1.5 + 4, so 9, at $1 and its answer at most 64 at $10 per million; in a
    # batch half of it: $0.0003245.
    # Ten fit into $0.0033. Answers are 13 tokens, $0.0000665 in a batch, so that more fit when these are paid.
    provider, limit = provider_of(), 0.0033
    with serving() as world:
        with Purse.open(tmp_path, "mine", limit, provider) as purse:
            with pytest.raises(BudgetReached, match=r"may not pay for the next request.*\(\d+ answers of this run"):
                asked(questions(100, first=10), provider, world, tmp_path, purse=purse)
            assert rows_of_batches(world)[0] == 10
            assert 0.8 * limit < purse.spent_usd <= limit
            answered = world.stats().answered
        with Purse.open(tmp_path, "mine", 1.0, provider) as purse:
            asked(questions(100, first=10), provider, world, tmp_path, purse=purse)
        assert (world.stats().requests, world.stats().asked_after_answering) == (90 + 10, 0)
        assert 10 < answered < 100


def test_what_vllms_run_batch_writes_is_read_by_its_status_code(tmp_path: Path) -> None:
    good = {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
    rows = [
        {"custom_id": "aa" * 32, "response": {"status_code": 200, "body": good}, "error": None},
        {
            "custom_id": "bb" * 32,
            "response": {"status_code": 400, "body": {"error": {"message": "too long"}}},
            "error": None,
        },
        {"custom_id": "cc" * 32, "response": {"status_code": 500, "body": None}, "error": None},
        {"custom_id": "dd" * 32, "response": None, "error": {"code": "batch_expired", "message": "late"}},
        {"custom_id": "ee" * 32, "response": {"status_code": 200, "body": {}}, "error": None},
    ]
    path = tmp_path / "output.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "[]\nnot JSON\n" + json.dumps(rows[0])[:40])
    read = list(outcomes_in(path))
    assert [address.hex()[:2] for address, _ in read] == ["aa", "bb", "cc", "dd", "ee"]
    assert read[0][1] == Reply("hi", "stop")
    faults = [fault for _, fault in read[1:] if isinstance(fault, Fault)]
    assert [(fault.meaning, fault.label) for fault in faults] == [
        ("rejected", "rejected (400)"),
        ("transient", "server error (500)"),
        ("transient", "batch expired"),
        ("transient", "unreadable"),
    ]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / ".batches").write_text("a file where the folder should be")
    with serving() as world:
        with pytest.raises(StepError, match="batches cannot be kept track of here"):
            asked(questions(3), provider_of(), world, tmp_path)
        assert not world.desk.files
