"""`make bench ARGS="judging"` asks what a whole table asks, and its bars fail when verdicts are lost or paid twice."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

from tests.bench.clients.judging_sdk import bodies_of
from tests.bench.job import Job
from tests.bench.judging import Judged, kept, rows_of, segments
from tests.bench.judging_steps import EACH, INSTANCES, MODELS, Judgings, prepare, step_of
from tests.bench.load import IN_FLIGHT
from tests.bench.micro_world import micro_world


def test_a_whole_table_is_154_728_verdicts() -> None:
    # The paper's 921 instances, by 4 rubrics, 3 times, for the 14 models of Table 2.
    assert INSTANCES * EACH * MODELS == 921 * 4 * 3 * 14 == 154_728


def test_the_openai_package_is_given_the_very_requests_of_the_step(tmp_path: Path) -> None:
    files = Judgings(tmp_path)
    prepare(files, "http://127.0.0.1:1/v1", instances=4, models=2)
    requests = [list(step_of(files, model)[1].requests()) for model in range(2)]
    assert [len(asked) for asked in requests] == [4 * EACH] * 2
    assert len({str(one.messages) for asked in requests for one in asked}) == 2 * 4 * 4  # the three runs ask the same
    assert len({one.id for one in requests[0]}) == 4 * EACH
    bodies = bodies_of(Job("http://127.0.0.1:1/v1", 5, 100, tmp_path))
    assert [body["messages"][-1]["content"] for body in bodies] == [one.messages[-1].content for one in requests[0][:5]]


def step(asked: int, ok: int = 12) -> Judged:
    return Judged(rows=12, ok=ok, asked=asked, wall_s=2.0, seconds=1.0, peak_mb=100.0)


def test_what_is_asked_again_after_a_kill_or_lost_misses_its_bar() -> None:
    # Two steps at 12 verdicts a second; the killed one had 8 of 12: asking for 4 repeats none, asking for 5 one.
    fine = rows_of([step(12), step(12)], had=8, again=step(4), each=12, sdk_rate=10.0, twice=IN_FLIGHT)
    assert [row.met for row in fine if row.met is not None] == [True] * 5
    assert fine[2].value == "1.20"
    again = rows_of([step(12), step(12)], had=8, again=step(5), each=12, sdk_rate=10.0, twice=0)
    assert (again[-2].value, again[-2].met) == ("1", False)
    lost = rows_of([step(12), step(12, ok=10)], had=8, again=step(4), each=12, sdk_rate=10.0, twice=0)
    assert (lost[-3].value, lost[-3].met) == ("2", False)
    # Requests that the server had twice: those under way at the kill, and no more.
    unwritten = rows_of([step(12), step(12)], had=8, again=step(4), each=12, sdk_rate=10.0, twice=IN_FLIGHT + 1)
    assert (unwritten[-1].value, unwritten[-1].met) == (str(IN_FLIGHT + 1), False)


def test_the_server_counts_what_reaches_it_and_what_it_had_answered_before() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}).encode()
    with micro_world() as server:
        request = Request(f"{server.base_url}/chat/completions", body, {"Content-Type": "application/json"})
        for twice in (0, 1):
            urlopen(request, timeout=30).close()
            stats = server.stats()
            assert (stats.requests, stats.asked_after_answering) == (1 + twice, twice)


def test_the_verdicts_kept_are_the_whole_lines_of_the_ledgers_segments(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "a.jsonl").write_bytes(b"{}\n{}\n{torn")
    (tmp_path / ".spend" / "x").mkdir(parents=True)
    (tmp_path / ".spend" / "spent.jsonl").write_bytes(b"{}\n")
    assert kept(segments(tmp_path)) == 2
