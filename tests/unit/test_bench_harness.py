"""What `make bench` measures with: the same load for everyone, a log that sees what is paid twice, bars that fail."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.bench import __main__ as bench
from tests.bench.asking import bench_rate
from tests.bench.clients.collection_sdk import bodies_of
from tests.bench.collection_steps import STEPS, files_in, prepare, text
from tests.bench.contenders import BARRIER, OURS, peers
from tests.bench.faults import kept
from tests.bench.job import Job
from tests.bench.ledger import bench_ledger
from tests.bench.load import fate, greedy_s, is_whole, latencies, number_in, prompt
from tests.bench.load_server import COMPLETION_TOKENS, PROMPT_TOKENS
from tests.bench.running import Client, LoadServer, do_job, killed_at_half, load_server
from tests.bench.table import Row, at_least, at_most

MISSING_CLIENT = Client("nobody", ("tests.bench.clients.nobody",))


def ask(server: LoadServer, number: int) -> tuple[int, Any]:
    """Status and body of one question, over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [{"content": prompt(number)}]}))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_the_greedy_schedule_gives_each_free_place_the_next_request() -> None:
    # Two places: one takes 1 s and then 3 s, the other 1 s: 4 s, though the sum over two is 2.5 s.
    assert greedy_s([1, 1, 3], 2) == 4
    # The other way round the long one hides the short ones.
    assert greedy_s([3, 1, 1], 2) == 3
    assert greedy_s([1, 2, 3], 1) == 6
    assert greedy_s([], 2) == 0


def test_latencies_are_log_normal_with_half_a_second_as_median_and_ten_as_cap() -> None:
    seconds = sorted(latencies(3000))
    # The median of 3,000 draws lies within 0.5 * exp(+-0.8 * 3 * 1.25 / sqrt(3000)), about 0.47 to 0.53 (3 sigma).
    assert 0.47 < seconds[1500] < 0.53
    # A share of Phi(1) = 0.841 lies below median * exp(sigma) = 1.11 s; 3 sigma of that share are 0.02.
    assert sum(one < 0.5 * 2.718281828**0.8 for one in seconds) / 3000 == pytest.approx(0.841, abs=0.02)
    assert seconds[-1] <= 10


def test_every_client_meets_the_same_latency_and_fault_on_the_same_question() -> None:
    assert [fate("faulty", 7, attempt) for attempt in range(9)] == [fate("faulty", 7, attempt) for attempt in range(9)]
    assert latencies(5) == latencies(9)[:5]
    assert number_in(prompt(41).encode()) == 41


def test_the_server_answers_each_question_as_its_fate_says() -> None:
    wanted = {"whole": 200, "malformed": 200, "rate limited": 429, "server error": 500}
    chosen: dict[str, int] = {}
    for number in range(2000):
        found = fate("faulty", number, 0)
        if found.latency_s < 0.2:
            chosen.setdefault(found.outcome, number)
    assert set(chosen) == {*wanted, "dropped"}
    with load_server("faulty") as server:
        for outcome, status in wanted.items():
            got, body = ask(server, chosen[outcome])
            assert got == status
            if status == 200:
                assert is_whole(body["choices"][0]["message"]["content"]) == (outcome == "whole")
        with pytest.raises(ConnectionError):
            ask(server, chosen["dropped"])
        assert server.stats()["requests"] == 5
        assert server.stats()["sent"] == 1


def test_the_server_knows_what_is_asked_again_and_what_of_it_the_client_had() -> None:
    with load_server("instant") as server:
        ask(server, 1)
        server.mark()
        for number in (2, 1, 2, 2):
            ask(server, number)
        counts = server.stats()
    # Five requests for two questions: 1 once more, and it was marked; 2 twice more, and it was not.
    assert {name: counts[name] for name in ("requests", "sent", "marked", "again", "again_marked")} == {
        "requests": 5,
        "sent": 2,
        "marked": 1,
        "again": 3,
        "again_marked": 1,
    }


def test_requests_that_arrive_in_pieces_or_together_are_each_answered() -> None:
    body = prompt(3).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with load_server("instant") as server:
        host, port = urlsplit(server.base_url).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(request[:30])
            raw.sendall(request[30:] + request + b"POST /mark HTTP/1.1\r\n\r\n")
            received = b""
            while b'"marked": 1' not in received:
                received += raw.recv(65536)
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_ours_keeps_no_malformed_answer_loses_none_and_asks_for_none_again() -> None:
    # Of the first 80 questions some first answers are malformed, so that the count of 0 means something.
    assert any(fate("faulty", number, 0).outcome == "malformed" for number in range(80))
    rows = kept(OURS, 80, "faults")
    assert [(row.value, row.met) for row in rows] == [("0", True)] * 3


def test_ours_is_measured_with_its_accounting() -> None:
    told = do_job(OURS, "instant", 50)
    # 50 answers at $1 a million tokens of prompt and $2 of answer.
    assert told["usd"] == pytest.approx(50 * (PROMPT_TOKENS + 2 * COMPLETION_TOKENS) / 1e6)


def test_ours_asks_after_a_kill_only_for_what_it_had_not() -> None:
    told = killed_at_half(OURS, "slow", 200, 60)
    log = told["server"]
    assert told["whole"] == 200
    assert log["again_marked"] == 0 and log["marked"] >= 100
    # 100 are in flight all along: at most those, and more than none, are asked again.
    assert 200 < log["requests"] <= 300


def test_a_client_that_keeps_nothing_is_seen_to_pay_again_after_a_kill() -> None:
    log = killed_at_half(BARRIER, "slow", 40, 60)["server"]
    assert log["again_marked"] == log["marked"] >= 20


def test_a_ledger_is_asked_only_for_what_it_lacks() -> None:
    rows = bench_ledger(2000)
    assert [row.measure for row in rows if row.met is False] == []
    # 2,000 rows of 1,998 bytes of text and some 300 around it.
    assert rows[0].measure == "its 5 MB merely read: seconds"
    assert rows[-1] == Row("ledger of 2,000 answers of 2 kB", "asked that was there", "0", "<= 0", True)


def test_a_client_that_fails_is_a_row_that_says_why() -> None:
    (row,) = bench_rate([MISSING_CLIENT], 10)
    assert row.measure == "nobody"
    assert row.value.startswith("failed, exit 1:") and "tests.bench.clients.nobody" in row.value
    assert row.met is None


def test_peers_run_with_the_python_of_their_own_environment() -> None:
    for peer in peers(Path("elsewhere")):
        assert peer.python == Path("elsewhere/bin/python")
        assert Path(*peer.command[0].split(".")).with_suffix(".py").exists()


def test_a_missed_bar_is_shown_and_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row("what", "a peer", "7"), at_most("what", "met", 1.0, 2.0, "{:.1f}")]
    monkeypatch.setitem(bench.PARTS, "rate", lambda clients, share: rows)
    assert bench.main(["rate"]) == 0
    monkeypatch.setitem(
        bench.PARTS, "rate", lambda clients, share: [*rows, at_least("what", "missed", 1.0, 2.0, "{:.1f}")]
    )
    assert bench.main(["rate"]) == 1
    last = [line for line in capsys.readouterr().out.splitlines() if "missed" in line]
    assert ">= 2.0" in last[0] and "no" in last[0]


def test_an_unknown_part_is_refused_with_the_parts_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.main(["speed"])
    assert stopped.value.code == 2
    assert "asking" in capsys.readouterr().err


def test_the_openai_package_is_measured_on_the_very_requests_of_the_collections_steps(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    prepare(files, "http://127.0.0.1:9/v1", 2)
    bodies = bodies_of(Job("http://127.0.0.1:9/v1", 99, 4, tmp_path), "preferences")
    # Three preference sets for each of the two instructions.
    assert [text(n // 3) in body["messages"][-1]["content"] for n, body in enumerate(bodies)] == [True] * 6
    assert all(str(files.recipe) in files.command(step) for step in STEPS)
