"""Asking against real HTTP servers on this machine: every row gets a status, and no answer is paid for twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import ProviderDown, SpendingRefused, StepError
from janus_recipes.llm import flow, progress
from janus_recipes.llm.ask import Answers, ask
from janus_recipes.llm.chat import RE_ASK_STRIDE, ChatRequest, Message, Reply, Unparsed, address_of, body_of
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.schema import Faults, Provider, Sampling
from janus_recipes.records import Asked, Status
from janus_recipes.rehearsal.server import World, serving

KEY = "sk-planted-0123456789"


@dataclass(frozen=True)
class Said:
    """What the scripted endpoint says to one request."""

    text: str | None = "fine"
    status: int = 200
    finish_reason: str = "stop"
    refusal: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    wait_s: float = 0.0
    drop: bool = False
    raw: bytes | None = None

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": "no", **self.error}}).encode()
        message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        return json.dumps({"model": "teacher-1", "choices": [choice], "usage": usage}).encode()


@dataclass
class Scripted:
    """An endpoint that says what `says(question, how often it came before)` returns."""

    says: Callable[[str, int], Said] = lambda question, before: Said(f"re: {question}")
    base_url: str = ""
    came: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorisation: set[str | None] = field(default_factory=set)
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, body: dict[str, Any]) -> Said:
        question = body["messages"][-1]["content"]
        with self.lock:
            said = self.says(question, self.came[question])
            self.came[question] += 1
            self.bodies.append(body)
            self.at.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(said.wait_s)
        with self.lock:
            self.now -= 1
        return said


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client leaves broken pipes behind: that is what some tests are about."""


@contextmanager
def scripted(says: Callable[[str, int], Said] | None = None) -> Iterator[Scripted]:
    script = Scripted(says) if says else Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            script.authorisation.add(self.headers["Authorization"])
            said = script.takes(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if said.drop:
                self.close_connection = True
                return
            body = said.body()
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "BACKOFF_S", 0.01)
    monkeypatch.setenv("TEACHER_KEY", KEY)


def provider_at(url: str, **changes: Any) -> Provider:
    settings = {"concurrency": 8, "timeout_s": 5.0, "max_tries": 4, "key_env": "TEACHER_KEY"}
    return Provider(kind="openai", model="teacher", base_url=url, **{**settings, **changes})


def question(number: int, text: str = "", sample: int = 0) -> ChatRequest:
    return ChatRequest(f"q/{number}", (Message("user", text or f"question {number}"),), Sampling(max_tokens=64), sample)


def questions(count: int) -> Callable[[], list[ChatRequest]]:
    return lambda: [question(number) for number in range(count)]


def asked(
    requests: Callable[[], list[ChatRequest]],
    provider: Provider,
    folder: Path,
    parse: Callable[[str], Any] = str,
    re_asks: int = 2,
) -> tuple[list[Asked[Any]], Answers[Any]]:
    with Ledger.open(folder, provider.model) as ledger:
        answers = ask(requests, provider, ledger, parse, re_asks)
        return list(answers), answers


def number_in(text: str) -> int:
    if not text.isdigit():
        raise Unparsed(f"not a number: {text}")
    return int(text)


def test_rows_come_in_the_order_of_the_requests_whatever_answered_first(tmp_path: Path) -> None:
    def slow_first(text: str, before: int) -> Said:
        return Said(f"re: {text}", wait_s=0.2 if text == "question 0" else 0.0)

    with scripted(slow_first) as script:
        rows, answers = asked(questions(40), provider_at(script.base_url), tmp_path)
    assert [(row.id, row.status, row.value) for row in rows] == [
        (f"q/{n}", Status.OK, f"re: question {n}") for n in range(40)
    ]
    # 40 answers of 10 + 2 tokens each.
    counts = answers.report.as_json()
    assert (counts["rows"], counts["asked"], counts["retries"]) == (40, 40, 0)
    assert (counts["prompt_tokens"], counts["completion_tokens"]) == (400, 80)
    assert counts["statuses"] == {"ok": 40}


def test_no_more_requests_are_in_flight_than_the_recipe_allows_and_no_fewer(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(wait_s=0.05)) as script:
        asked(questions(40), provider_at(script.base_url, concurrency=7), tmp_path)
        assert script.most == 7


def test_what_was_answered_is_not_asked_again_and_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as script:
        first, _ = asked(questions(20), provider_at(script.base_url), tmp_path)
    monkeypatch.delenv("TEACHER_KEY")
    second, answers = asked(questions(20), provider_at("http://127.0.0.1:9/elsewhere"), tmp_path)
    assert second == first
    assert (answers.report.from_ledger, answers.report.asked) == (20, 0)


def test_answers_from_the_ledger_keep_the_days_on_which_they_were_given(tmp_path: Path) -> None:
    provider = provider_at("http://127.0.0.1:9/elsewhere")
    given = ["2025-11-21T00:00:01Z", "2025-11-20T23:59:58Z", "2025-11-22T08:00:00Z"]
    with Ledger.open(tmp_path, provider.model) as ledger:
        for request, at in zip(questions(3)(), given, strict=True):
            ledger.put(address_of(request, provider), Reply("fine", "stop", at=at))
    for _ in range(2):  # a run killed and resumed days later says the same
        _, answers = asked(questions(3), provider, tmp_path)
        counts = answers.report.as_json()
        assert (counts["first_answer_at"], counts["last_answer_at"]) == ("2025-11-20", "2025-11-22")
    _, answers = asked(lambda: questions(3)()[:1], provider, tmp_path)
    counts = answers.report.as_json()
    assert (counts["first_answer_at"], counts["last_answer_at"]) == ("2025-11-21", "2025-11-21")


def test_where_nothing_was_answered_no_day_is_named(tmp_path: Path) -> None:
    too_long = Said(status=400, error={"code": "context_length_exceeded", "message": "too long"})
    with scripted(lambda text, before: too_long) as script:
        _, answers = asked(questions(1), provider_at(script.base_url), tmp_path)
    counts = answers.report.as_json()
    assert counts["statuses"] == {"failed": 1}
    assert counts["first_answer_at"] is None and counts["last_answer_at"] is None


def test_a_larger_sample_pays_only_for_what_is_new(tmp_path: Path) -> None:
    with scripted() as script:
        asked(questions(10), provider_at(script.base_url), tmp_path)
        asked(questions(30), provider_at(script.base_url), tmp_path)
        assert set(script.came.values()) == {1} and len(script.came) == 30


def test_the_same_question_under_two_ids_is_paid_for_once(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said("fine", wait_s=0.05)) as script:
        rows, _ = asked(lambda: [question(n, "same") for n in range(10)], provider_at(script.base_url), tmp_path)
        assert [row.id for row in rows] == [f"q/{n}" for n in range(10)]
        assert script.came == {"same": 1}


CHILD = """
import sys
from pathlib import Path
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.schema import Provider, Sampling
url, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
provider = Provider(kind="openai", model="teacher", base_url=url, concurrency=8, key_env="TEACHER_KEY", max_tries=2)
def requests():
    for n in range(count):
        yield ChatRequest(f"q/{n}", (Message("user", f"question {n}"),), Sampling(max_tokens=64))
with Ledger.open(folder, "teacher") as ledger:
    print(len(list(ask(requests, provider, ledger, str, 2))))
"""


def child(script: Scripted, folder: Path, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, script.base_url, str(folder), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def wait_for(script: Scripted, requests: int) -> None:
    deadline = time.monotonic() + 30
    while script.came.total() < requests and time.monotonic() < deadline:
        time.sleep(0.005)


def test_an_answer_paid_for_is_not_asked_again_after_a_kill(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.03)) as script:
        process = child(script, tmp_path, 200)
        wait_for(script, 60)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        rows, answers = asked(questions(200), provider_at(script.base_url), tmp_path)
        assert [row.value for row in rows] == [f"re: question {n}" for n in range(200)]
        # The 8 in flight when it was killed may be asked again, of the 52 or more before them none.
        assert answers.report.from_ledger >= 52
        assert sum(times - 1 for times in script.came.values()) <= 8


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stopped_run_keeps_the_answers_in_flight_and_continues(name: str, tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.2)) as script:
        process = child(script, tmp_path, 200)
        wait_for(script, 20)
        process.send_signal(getattr(signal, name))
        errors = process.communicate()[1]
        assert process.returncode == 1
        assert f"stopped by {name}. Run the same command again" in errors
        rows, _ = asked(questions(200), provider_at(script.base_url, concurrency=100), tmp_path)
        assert len(rows) == 200
        assert set(script.came.values()) == {1}  # what was in flight was waited for and kept


def test_two_processes_on_one_ledger_both_end_well(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.01)) as script:
        both = [child(script, tmp_path, 50), child(script, tmp_path, 50)]
        assert [process.communicate()[0] for process in both] == ["50\n", "50\n"]
        _, answers = asked(questions(50), provider_at(script.base_url), tmp_path)
        assert answers.report.asked == 0


def test_a_rate_limit_is_waited_out_for_as_long_as_the_provider_says(tmp_path: Path) -> None:
    limited = Said(status=429, headers={"Retry-After": "1"})
    with scripted(lambda text, before: Said() if before else limited) as script:
        rows, answers = asked(questions(1), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK]
        assert 1.0 <= script.at[1] - script.at[0] < 2.0
    assert answers.report.faults == {"rate limited (429)": 1}
    assert answers.report.retries == 1


def test_a_provider_that_asks_to_wait_a_day_stops_the_run(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(status=429, headers={"Retry-After": "86400"})) as script:
        with pytest.raises(ProviderDown, match="asks to wait 86400 s"):
            asked(questions(3), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


def test_a_used_up_quota_stops_the_run_at_once(tmp_path: Path) -> None:
    spent = Said(status=429, error={"code": "insufficient_quota", "message": "You exceeded your current quota"})
    with scripted(lambda text, before: spent) as script:
        with pytest.raises(ProviderDown, match="exceeded your current quota"):
            asked(questions(3), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


TRANSIENT = {
    "time-out": Said(wait_s=1.0),
    "dropped connection": Said(drop=True),
    "server error": Said(status=503),
    "web page instead of JSON": Said(raw=b"<html>Bad gateway</html>", headers={"Content-Type": "text/html"}),
    "no choices": Said(raw=b'{"choices": []}'),
    "half an answer": Said(raw=b'{"choices": [{"index": 0, "mess'),
}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_transient_fault_is_tried_again(fault: str, tmp_path: Path) -> None:
    with scripted(lambda text, before: Said() if before else TRANSIENT[fault]) as script:
        rows, answers = asked(questions(4), provider_at(script.base_url, timeout_s=0.5), tmp_path)
        assert [(row.status, row.attempts) for row in rows] == [(Status.OK, 1)] * 4
        assert answers.report.retries == 4
        assert set(script.came.values()) == {2}


def test_requests_without_an_answer_stop_the_step_and_only_they_are_asked_again(tmp_path: Path) -> None:
    def two_fail(text: str, before: int) -> Said:
        return Said(status=500) if text in ("question 3", "question 7") and before < 4 else Said()

    with scripted(two_fail) as script:
        with pytest.raises(StepError, match=r"2 of 20 requests got no answer \(server error \(500\): 2\)"):
            asked(questions(20), provider_at(script.base_url), tmp_path)
        rows, answers = asked(questions(20), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK] * 20
        assert answers.report.asked == 2


def test_an_answer_that_does_not_parse_is_asked_again_with_another_sample(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said("4" if before else "four")) as script:
        rows, answers = asked(questions(3), provider_at(script.base_url), tmp_path, number_in)
    assert [(row.status, row.value, row.raw, row.attempts) for row in rows] == [(Status.OK, 4, "4", 2)] * 3
    assert (answers.report.asked, answers.report.re_asked) == (6, 3)


def test_re_asking_ends_and_the_last_raw_text_is_kept(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"try {before}")) as script:
        for _ in range(2):  # the second run finds all three attempts in the ledger
            rows, _ = asked(questions(1), provider_at(script.base_url), tmp_path, number_in)
            assert rows == [Asked("q/0", Status.UNPARSED, None, "try 2", 3, "not a number: try 2")]
        assert script.came == {"question 0": 3}
        # A recipe that allows two more re-asks pays for two.
        asked(questions(1), provider_at(script.base_url), tmp_path, number_in, re_asks=4)
        assert script.came == {"question 0": 5}


def test_a_refusal_is_a_status_with_the_words_of_the_refusal(tmp_path: Path) -> None:
    said = {
        "question 0": Said(None, refusal="I would rather not."),
        "question 1": Said("partl", finish_reason="content_filter"),
        "question 2": Said(status=400, error={"code": "content_filter", "message": "The prompt was filtered"}),
    }
    with scripted(lambda text, before: said[text]) as script:
        rows, _ = asked(questions(3), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.REFUSED] * 3
        assert [row.raw for row in rows] == ["I would rather not.", "partl", ""]
        assert set(script.came.values()) == {1}


def test_an_answer_cut_at_the_token_limit_is_a_status_and_not_asked_again(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said("12", finish_reason="length")) as script:
        rows, _ = asked(questions(1), provider_at(script.base_url), tmp_path, number_in)
        assert (rows[0].status, rows[0].raw, rows[0].attempts) == (Status.TRUNCATED, "12", 1)
        assert script.came.total() == 1


def test_one_request_that_is_rejected_is_a_failed_row_and_the_others_go_on(tmp_path: Path) -> None:
    too_long = Said(status=400, error={"code": "context_length_exceeded", "message": f"too long ({KEY})"})
    with scripted(lambda text, before: too_long if text == "question 1" else Said()) as script:
        rows, answers = asked(questions(3), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK, Status.FAILED, Status.OK]
        assert rows[1].reason == "400: too long ([redacted])"
        assert answers.report.statuses == {Status.OK: 2, Status.FAILED: 1}
        asked(questions(3), provider_at(script.base_url), tmp_path)
        assert script.came["question 1"] == 2  # a failure is never stored as an answer


def test_a_parameter_that_the_model_refuses_stops_the_run_before_all_have_failed(tmp_path: Path) -> None:
    refused = Said(status=400, error={"message": "Unsupported value: 'temperature'"})
    with scripted(lambda text, before: refused) as script:
        with pytest.raises(ProviderDown, match=r"rejects every request.*Unsupported value"):
            asked(questions(200), provider_at(script.base_url), tmp_path)
        assert script.came.total() < 20 + 8  # twenty tell, and those in flight then


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_stops_the_run_and_is_printed_nowhere(
    status: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = Said(status=status, error={"message": f"Incorrect API key provided: {KEY}"})
    with scripted(lambda text, before: wrong) as script:
        with pytest.raises(ProviderDown, match=f"{status}: Incorrect API key") as stopped:
            asked(questions(50), provider_at(script.base_url, concurrency=2), tmp_path)
        assert script.authorisation == {f"Bearer {KEY}"}
        assert script.came.total() <= 2
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    assert KEY not in str(stopped.value) + repr(stopped.value.__context__) + "".join(capfd.readouterr()) + written


def test_a_provider_that_goes_down_stops_the_run_and_keeps_what_it_gave(tmp_path: Path) -> None:
    def goes_down(text: str, before: int) -> Said:
        return Said() if int(text.split()[1]) < 30 else Said(status=502)

    with scripted(goes_down) as script:
        with pytest.raises(ProviderDown, match=r"does not answer: 502.*\(30 answers of this run are kept"):
            asked(questions(1000), provider_at(script.base_url, max_tries=2), tmp_path)
        assert script.came.total() < 100
    with scripted() as script:
        _, answers = asked(questions(40), provider_at(script.base_url), tmp_path)
        assert (answers.report.from_ledger, answers.report.asked) == (30, 10)


def test_nobody_listening_is_a_provider_that_is_down(tmp_path: Path) -> None:
    with scripted() as script:
        url = script.base_url
    with pytest.raises(ProviderDown, match="gave no answer"):
        asked(questions(2), provider_at(url, max_tries=2), tmp_path)
    with pytest.raises(ProviderDown, match="does not answer: connection failed"):
        asked(questions(50), provider_at(url, max_tries=2), tmp_path)


def test_a_missing_key_is_named_and_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY")
    with scripted() as script:
        with pytest.raises(SpendingRefused, match="set the environment variable TEACHER_KEY"):
            asked(questions(2), provider_at(script.base_url), tmp_path)
        assert script.came.total() == 0
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_without_a_key_is_sent_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with scripted() as script:
        asked(questions(2), provider_at(script.base_url, key_env=None), tmp_path)
        assert script.authorisation == {None}


def test_a_ledger_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    with scripted() as script:
        with pytest.raises(StepError, match="answers cannot be kept here"):
            asked(questions(2), provider_at(script.base_url), tmp_path / "ledger")
        assert script.came.total() == 0


def test_an_error_in_the_steps_own_parser_keeps_the_answers(tmp_path: Path) -> None:
    with scripted() as script:
        with pytest.raises(ZeroDivisionError):
            asked(questions(20), provider_at(script.base_url), tmp_path, lambda text: 1 // 0)
        paid = script.came.total()
        _, answers = asked(questions(20), provider_at(script.base_url), tmp_path)
        assert (answers.report.from_ledger, script.came.total()) == (paid, 20)


def test_text_that_utf8_cannot_hold_is_asked_all_the_same(tmp_path: Path) -> None:
    lone, line = "half of an emoji: \ud83d", "a\u2028b\r\nc"
    requests = [question(0, lone), question(1, line)]
    with scripted(lambda text, before: Said("back: \ude00")) as script:
        rows, _ = asked(lambda: requests, provider_at(script.base_url), tmp_path)
        assert set(script.came) == {"half of an emoji: \ufffd", line}
    assert [row.value for row in rows] == ["back: \ufffd"] * 2


def test_a_log_tells_how_far_it_is_and_what_it_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.1)
    with scripted(lambda text, before: Said(wait_s=0.25)) as script:
        asked(questions(8), provider_at(script.base_url), tmp_path)
    *lines, summary = capfd.readouterr().err.splitlines()
    assert "teacher: 0/8 rows so far, 0.0 answers/s, 8 in flight" in lines
    assert summary.startswith("teacher: 8 rows, 0 from the ledger, 8 answers asked for (0 again), 0 retries, ")
    assert summary.endswith("; ok 8; 80 + 16 tokens")


def test_the_body_has_the_endpoints_own_names_and_nothing_it_refuses() -> None:
    request = ChatRequest("q", (Message("system", "s"), Message("user", "u")), Sampling(max_tokens=9, temperature=0.5))
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    old = provider_at("http://x", token_limit_key="max_tokens")
    assert body_of(request, old) == {
        "model": "teacher",
        "messages": messages,
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 1.0,
    }
    new = provider_at("http://x", accepts_sampling=False)
    assert body_of(request, new) == {"model": "teacher", "messages": messages, "max_completion_tokens": 9}
    thinking = provider_at("http://x", accepts_sampling=False, reasoning_effort="none")
    assert body_of(request, thinking) == {**body_of(request, new), "reasoning_effort": "none"}
    world = Provider(kind="rehearsal", model="micro-world")
    assert body_of(question(0, sample=5), world)["seed"] == 5


def test_the_address_is_that_of_the_question_not_of_the_endpoint() -> None:
    here, there = provider_at("http://here"), provider_at("http://there", key_env=None, token_limit_key="max_tokens")
    assert address_of(question(1, "same"), here) == address_of(question(2, "same"), there)
    other_model = Provider(kind="openai", model="student")
    in_the_world = Provider(kind="rehearsal", model="teacher")
    warmer = ChatRequest("q", (Message("user", "same"),), Sampling(max_tokens=64, temperature=1.5))
    different = [
        address_of(question(1, "same"), here),
        address_of(question(1, "same", sample=1), here),
        address_of(question(1, "same", sample=RE_ASK_STRIDE - 1), here),
        address_of(question(1, "other"), here),
        address_of(warmer, here),
        address_of(question(1, "same"), other_model),
        address_of(question(1, "same"), in_the_world),
        address_of(question(1, "same"), provider_at("http://here", reasoning_effort="low")),
    ]
    assert len(set(different)) == 8


def at_world(world: World) -> Callable[[Provider], Any]:
    @contextmanager
    def opened(provider: Provider) -> Iterator[Endpoint]:
        yield Endpoint(world.base_url, local=True)

    return opened


def test_a_misbehaving_micro_world_ends_with_a_status_for_every_row(tmp_path: Path) -> None:
    faults = Faults(rate_limited=0.05, retry_after_s=0.1, server_error=0.03, dropped=0.02, refusal=0.02, truncated=0.02)
    provider = Provider(kind="rehearsal", model="micro-world", max_tries=8)
    with serving(faults) as world, Ledger.open(tmp_path, "micro-world") as ledger:
        answers = ask(questions(300), provider, ledger, str, 2, endpoint=at_world(world))
        rows = list(answers)
        assert [row.id for row in rows] == [f"q/{n}" for n in range(300)]
        assert {row.status for row in rows} <= {Status.OK, Status.REFUSED, Status.TRUNCATED}
        assert world.stats().asked_after_answering == 0
        assert answers.report.retries == answers.report.faults.total() > 0


def test_a_rehearsal_serves_its_own_provider_and_needs_no_key(tmp_path: Path) -> None:
    rows, _ = asked(questions(3), Provider(kind="rehearsal", model="micro-world"), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 3
