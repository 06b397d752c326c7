"""Batches survive what happens to the process: a kill at any point, Ctrl-C, another process on the same ledger."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.llm.batches import api
from janus_recipes.recipe.provider import Faults, Provider
from janus_recipes.records import Status
from janus_recipes.rehearsal.server import World, serving
from tests.batching import asked, child, provider_of, questions

MOMENTS = {
    "before the upload": 0,
    "after the upload": 0,
    "before the creation": 0,
    "after the creation, before its id is known": 1,
    "after the creation": 1,
    "during the download": 1,
    "after the download": 1,
    "after 10 answers were kept": 1,
    "when all is in the ledger": 1,
}
"""When a run is killed, and how many batches it has created by then."""


def wait_for_batches(world: World, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(world.desk.batches) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(world.desk.batches) >= count


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_nothing_is_paid_for_twice(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "APPEARS_S", 0.2)
    with serving() as world:
        run = child(world, tmp_path, 0, 50, moment)
        errors = run.communicate()[1]
        assert run.returncode == -signal.SIGKILL, errors
        assert len(world.desk.batches) == MOMENTS[moment]
        rows, answers = asked(questions(50), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert (world.stats().requests, world.stats().asked_after_answering) == (50, 0)
        assert len(world.desk.batches) == 1
        kept = {"after 10 answers were kept": 10, "when all is in the ledger": 50}.get(moment, 0)
        assert answers.report.asked == 50 - kept
        asked(questions(51), provider_of(), world, tmp_path)
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [50, 1]
    left = [path.name for path in (tmp_path / ".batches" / "micro-world").iterdir()]
    assert sorted(left) == [".lock", "ended"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stopped_run_leaves_its_batches_going_and_the_same_command_picks_them_up(name: str, tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=2.0)) as world:
        run = child(world, tmp_path, 0, 100)
        wait_for_batches(world, 2)
        time.sleep(0.2)
        run.send_signal(getattr(signal, name))
        errors = run.communicate()[1]
        assert run.returncode == 1
        assert f"stopped by {name}. 100 requests in 2 batches go on at the provider. Run the same command" in errors
        _, answers = asked(questions(100), provider_of(requests=60), world, tmp_path)
        assert (len(world.desk.batches), answers.report.asked, world.stats().requests) == (2, 100, 100)


def test_two_recipes_on_one_ledger_pay_once_for_what_both_ask(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=0.5)) as world:
        # 0 to 149 and 50 to 199: 100 questions are in both.
        moment = "until another run is about to submit too"
        both = [child(world, tmp_path, 0, 150, moment), child(world, tmp_path, 50, 150, moment)]
        told = [run.communicate() for run in both]
        assert [run.returncode for run in both] == [0, 0], told
        assert (world.stats().requests, world.stats().asked_after_answering) == (200, 0)
        assert {out.split()[0] for out, _ in told} == {"150"}


def test_another_recipe_waits_for_a_batch_of_a_killed_one_where_it_needs_it_and_only_then(tmp_path: Path) -> None:
    with serving(Faults(batch_latency_s=2.0)) as world:
        run = child(world, tmp_path, 0, 50, "after the creation")
        run.communicate()
        _, answers = asked(questions(60, first=40), provider_of(), world, tmp_path)
        assert answers.report.rows == 60
        assert (world.stats().requests, world.stats().asked_after_answering) == (100, 0)


def test_asking_live_does_not_pay_for_what_a_batch_under_way_will_answer(tmp_path: Path) -> None:
    live = Provider(kind="openai", model="micro-world", max_tries=1)
    with serving(Faults(batch_latency_s=1.0)) as world:
        child(world, tmp_path, 0, 20, "after the creation").communicate()
        with pytest.raises(StepError, match=r"20 of 30 requests got no answer \(in a batch under way: .*openai-batch"):
            asked(questions(30), live, world, tmp_path)
        rows, answers = asked(questions(30), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert (answers.report.asked, answers.report.from_ledger) == (20, 10)
        assert (world.stats().requests, world.stats().asked_after_answering) == (30, 0)


def test_a_batch_of_unknown_fate_is_found_on_a_later_page_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    with serving() as world:
        child(world, tmp_path, 0, 50, "after the creation, before its id is known").communicate()
        asked(questions(5, first=1000), provider_of(requests=1), world, tmp_path / "elsewhere")
        rows, _ = asked(questions(50), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert len(world.desk.batches) == 6
