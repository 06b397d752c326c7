"""Sending: as many in flight as allowed, and every way of stopping keeps what was answered."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from janus_recipes.errors import BudgetReached, ProviderDown, StepError
from janus_recipes.llm import limits, progress
from janus_recipes.llm.ask import ask
from janus_recipes.llm.batches.state import BatchFolder, BatchState
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import Reply, address_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Prices
from janus_recipes.records import Status
from tests.scripted import Said, asked, child, provider_at, questions, scripted, wait_for

pytestmark = pytest.mark.usefixtures("short_pauses")


def test_no_more_requests_are_in_flight_than_the_recipe_allows_and_no_fewer(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(wait_s=0.05)) as script:
        asked(questions(40), provider_at(script.base_url, concurrency=7), tmp_path)
        assert script.most == 7


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


def test_ctrl_c_in_a_pipe_whose_reader_dies_of_it_stops_the_run(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.2)) as script:
        process = child(script, tmp_path, 400)
        wait_for(script, 20)
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGINT)
        process.wait(20)
        # Those in flight then, and at most as many that were just being sent.
        assert script.came.total() < 60


def test_a_run_that_nobody_reads_the_progress_of_ends_well(tmp_path: Path) -> None:
    with scripted() as script:
        process = child(script, tmp_path, 30)
        assert process.stderr is not None and process.stdout is not None
        process.stderr.close()
        assert process.stdout.read() == "30\n"
        assert process.wait(20) == 0


def test_two_processes_on_one_ledger_both_end_well(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(f"re: {text}", wait_s=0.01)) as script:
        both = [child(script, tmp_path, 50), child(script, tmp_path, 50)]
        assert [process.communicate()[0] for process in both] == ["50\n", "50\n"]
        _, answers = asked(questions(50), provider_at(script.base_url), tmp_path)
        assert answers.report.asked == 0


def test_what_another_process_was_told_while_a_request_waited_its_turn_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BURST_S", 0.25)  # 240 a minute: one at once, then one every quarter of a second
    with scripted() as script, Ledger.open(tmp_path, "teacher") as other:
        provider = provider_at(script.base_url, requests_per_minute=240)
        addresses = [address_of(request, provider) for request in questions(8)()]
        telling = threading.Timer(0.3, lambda: [other.put(one, Reply("theirs", "stop")) for one in addresses[2:]])
        telling.start()
        rows, _ = asked(questions(8), provider, tmp_path)
        # All 8 wait for their turn. Other processes' answers are looked for once a second: 5 have gone by then.
        assert script.came.total() <= 6
        assert {row.status for row in rows} == {Status.OK}


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


def test_requests_without_an_answer_stop_the_step_and_only_they_are_asked_again(tmp_path: Path) -> None:
    def two_fail(text: str, before: int) -> Said:
        return Said(status=500) if text in ("question 3", "question 7") and before < 4 else Said()

    with scripted(two_fail) as script:
        with pytest.raises(StepError, match=r"2 of 20 requests got no answer \(server error \(500\): 2\)"):
            asked(questions(20), provider_at(script.base_url), tmp_path)
        rows, answers = asked(questions(20), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK] * 20
        assert answers.report.asked == 2


def test_an_error_in_the_steps_own_parser_keeps_the_answers(tmp_path: Path) -> None:
    with scripted() as script:
        with pytest.raises(ZeroDivisionError):
            asked(questions(20), provider_at(script.base_url), tmp_path, lambda text: 1 // 0)
        paid = script.came.total()
        _, answers = asked(questions(20), provider_at(script.base_url), tmp_path)
        assert (answers.report.from_ledger, script.came.total()) == (paid, 20)


def test_a_ledger_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    with scripted() as script:
        with pytest.raises(StepError, match="answers cannot be kept here"):
            asked(questions(2), provider_at(script.base_url), tmp_path / "ledger")
        assert script.came.total() == 0


def test_a_log_tells_how_far_it_is_and_what_it_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.1)
    with scripted(lambda text, before: Said(wait_s=0.25)) as script:
        asked(questions(8), provider_at(script.base_url), tmp_path)
    *lines, summary = capfd.readouterr().err.splitlines()
    assert "teacher: 0/8 rows so far, 0.0 answers/s, 8 in flight (limit: 8 in flight)" in lines
    assert summary.startswith("teacher: 8 rows, 0 from the ledger, 8 answers asked for (0 again), 0 retries, ")
    assert "; ok 8; 80 + 16 tokens" in summary


def test_what_the_recipes_batches_under_way_may_cost_is_left_for_them(tmp_path: Path) -> None:
    # A prompt of 10 tokens costs a dollar. Of 12, 8 are promised: asking stops at 4, when 3 more may be on their way.
    folder = BatchFolder(tmp_path / "another-model")
    folder.path.mkdir(parents=True)
    state = BatchState("b1", 1, 1, 8.0, "", "https://there/v1", "f", "2026-01-02T03:04:05Z", "id", recipe="mine")
    folder.begin(state, [])
    with scripted(lambda text, before: Said(wait_s=0.02)) as script:
        provider = provider_at(script.base_url, concurrency=4, prices=Prices(input=100_000.0, output=0.0))
        with (
            Ledger.open(tmp_path, provider.model) as ledger,
            Purse.open(tmp_path, "mine", 12.0, provider) as purse,
            pytest.raises(BudgetReached, match=r"8\.00 promised to its batches under way"),
        ):
            ask(questions(50), provider, ledger, str, 2, purse=purse)
        assert 4 <= script.came.total() <= 7


def test_a_budget_stops_the_run_and_is_overrun_by_no_more_than_what_was_in_flight(tmp_path: Path) -> None:
    # A prompt of 10 tokens costs a dollar; asking stops at 5, when 3 more may be on their way.
    with scripted(lambda text, before: Said(wait_s=0.02)) as script:
        provider = provider_at(script.base_url, concurrency=4, prices=Prices(input=100_000.0, output=0.0))
        with (
            Ledger.open(tmp_path, provider.model) as ledger,
            Purse.open(tmp_path, "mine", 5.0, provider) as purse,
            pytest.raises(BudgetReached, match="budget"),
        ):
            ask(questions(50), provider, ledger, str, 2, purse=purse)
        assert 5 <= script.came.total() <= 8
        assert purse.spent_usd == script.came.total()
        rows, _ = asked(questions(50), provider, tmp_path)
        assert (len(rows), set(script.came.values())) == (50, {1})
