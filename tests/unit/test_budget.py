"""The purse: what was spent is known after any death, and a budget is not overshot by more than is in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from janus_recipes.errors import BudgetReached, SpendingRefused, StepError
from janus_recipes.llm import budget, promises
from janus_recipes.llm.batches.state import BatchFolder, BatchState
from janus_recipes.llm.budget import ROW_LENGTH, Purse, spent_by
from janus_recipes.llm.chat import Reply
from janus_recipes.recipe.provider import Prices, Provider

PRICED = Provider(kind="openai", model="m", prices=Prices(input=0.0, output=1.0))
MILLION = Reply("yes", "stop", prompt_tokens=1, completion_tokens=1_000_000)
"""An answer that costs $1."""


def purse(ledger: Path, limit: float | None = 10.0, provider: Provider = PRICED, recipe: str = "janus") -> Purse:
    return Purse.open(ledger, recipe, limit, provider)


def pay(ledger: Path, times: int) -> None:
    with purse(ledger, None) as open_purse:
        for _ in range(times):
            open_purse.pay(MILLION)


def test_a_budget_counts_all_runs_of_its_recipe_and_no_others(tmp_path: Path) -> None:
    pay(tmp_path, 3)
    pay(tmp_path, 2)
    with purse(tmp_path, recipe="another") as other:
        other.pay(MILLION)
    assert spent_by(tmp_path, "janus") == pytest.approx(5.0)
    with purse(tmp_path, 6.0) as mine:
        mine.check()
        mine.pay(MILLION)
        assert mine.usd_of_this_run == pytest.approx(1.0)
        with pytest.raises(BudgetReached, match=r"\$6.00 of \$6.00 is spent.*Raise `budget_usd`.*same command"):
            mine.check()
    with purse(tmp_path, 6.5) as raised:
        raised.check()


def test_what_does_not_fit_into_what_is_left_is_known_before(tmp_path: Path) -> None:
    pay(tmp_path, 3)
    # $10 - $3 = $7.
    with purse(tmp_path, 10.0) as mine:
        assert not mine.would_exceed(6.99) and mine.would_exceed(7.01)
    with purse(tmp_path, None) as unlimited:
        assert not unlimited.would_exceed(1e9)


def test_a_long_run_brings_its_payments_to_disk_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SYNC_EVERY_S", 0.0)
    pay(tmp_path, 20)
    assert spent_by(tmp_path, "janus") == pytest.approx(20.0)


def test_a_payment_of_another_process_is_seen_at_once(tmp_path: Path) -> None:
    with purse(tmp_path, 3.0) as mine, purse(tmp_path, 3.0) as other:
        for each in (mine, other, mine):
            each.check()
            each.pay(MILLION)
        time.sleep(0.05)  # looking must not have cost more than its share of the time
        with pytest.raises(BudgetReached):
            other.check()


def test_what_was_once_seen_to_be_spent_stays_spent(tmp_path: Path) -> None:
    with purse(tmp_path) as mine, purse(tmp_path) as other:
        for _ in range(3):
            other.pay(MILLION)
        assert mine.spent_usd == pytest.approx(3.0)
        (file,) = (tmp_path / ".spend" / "janus").iterdir()
        os.truncate(file, ROW_LENGTH)  # as NFS may show it for a while
        time.sleep(0.1)  # looking must not have cost more than its share of the time
        assert mine.spent_usd == pytest.approx(3.0)


def batch(ledger: Path, usd: float, name: str = "b1", recipe: str = "janus") -> tuple[BatchFolder, BatchState]:
    """A batch under way that may cost so much."""
    folder = BatchFolder(ledger / "another-model")
    folder.path.mkdir(parents=True, exist_ok=True)
    state = BatchState(name, 1, 1, usd, "", "https://there/v1", "f", "2026-01-02T03:04:05Z", "id", recipe=recipe)
    folder.begin(state, [])
    return folder, state


def test_a_live_step_leaves_what_the_recipes_batches_under_way_may_cost(tmp_path: Path) -> None:
    folder, state = batch(tmp_path, 6.0)
    batch(tmp_path, 100.0, "b2", recipe="another")
    with purse(tmp_path, 10.0) as mine:
        # $10 less $6: four answers of a dollar.
        for _ in range(4):
            mine.check()
            mine.pay(MILLION)
        with pytest.raises(BudgetReached, match=r"of \$10.00 \$4.00 is spent and \$6.00 promised.*Wait until these"):
            mine.check()
        folder.end(state)  # it cost nothing after all, which is seen at once where it matters
        mine.check()
        mine.pay(MILLION)


@pytest.mark.parametrize("first", ["of any model", "of its model"])
def test_a_batch_that_is_submitted_while_a_live_step_runs_is_seen_soon_but_not_looked_for_each_time(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if first == "of its model":
        batch(tmp_path, 1.0)
    at = time.monotonic()
    monkeypatch.setattr(promises.time, "monotonic", lambda: at)
    with purse(tmp_path, 10.0) as mine:
        mine.check()
        mine.check()
        time.sleep(0.02)  # a folder's time of change is that of the kernel's last tick
        batch(tmp_path, 10.0, "b2")
        mine.check()  # looked at only now and then
        at += promises.CHANGES_EVERY_S
        with pytest.raises(BudgetReached, match=r"promised"):
            mine.check()


def test_batches_are_not_read_again_and_again_while_none_begins_or_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = batch(tmp_path, 4.0)
    at = time.monotonic()
    monkeypatch.setattr(promises.time, "monotonic", lambda: at)
    looking = promises.Promises(tmp_path, "janus")
    assert looking.usd() == 4.0
    # Changed in place, as nobody does: that is found by reading alone.
    state = folder.path / "b1.json"
    state.write_text(state.read_text().replace("4.0", "7.0"))
    at += promises.CHANGES_EVERY_S
    assert looking.usd() == 4.0
    at += promises.PROMISES_EVERY_S
    assert looking.usd() == 7.0


def test_a_step_that_asks_in_batches_counts_its_promises_itself(tmp_path: Path) -> None:
    batch(tmp_path, 10.0)
    with purse(tmp_path, 10.0, PRICED.model_copy(update={"kind": "openai-batch"})) as mine:
        mine.check()


def test_what_was_spent_survives_kill_9(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/unit'); from pathlib import Path; import test_budget as t\n"
        "p = t.purse(Path(sys.argv[1]), None)\n"
        "for n in range(1000000): p.pay(t.MILLION); print(n, flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.communicate()[0].splitlines() if line.strip()]
    # Every payment that the child told of is there, and at most the one after it.
    assert len(told) <= spent_by(tmp_path, "janus") <= len(told) + 1


def test_a_file_torn_at_any_byte_of_its_last_row_keeps_all_rows_before(tmp_path: Path) -> None:
    pay(tmp_path, 5)
    (file,) = (tmp_path / ".spend" / "janus").iterdir()
    whole = file.read_bytes()[: 5 * ROW_LENGTH]
    for cut in range(4 * ROW_LENGTH, 5 * ROW_LENGTH):
        file.write_bytes(whole[:cut])
        assert spent_by(tmp_path, "janus") == pytest.approx(4.0)


def test_an_unknown_price_together_with_a_budget_is_refused_before_asking(tmp_path: Path) -> None:
    unknown = Provider(kind="openai", model="nobody/nothing-7b")
    with purse(tmp_path, 5.0, unknown) as mine, pytest.raises(SpendingRefused, match="Give its provider `prices`"):
        mine.check()
    with purse(tmp_path, None, unknown) as unlimited:
        unlimited.check()
        unlimited.pay(MILLION)
        assert unlimited.usd_of_this_run is None


def test_an_answer_without_usage_is_charged_by_its_length(tmp_path: Path) -> None:
    both = Provider(kind="openai", model="m", prices=Prices(input=1e6, output=2e6))  # $1 and $2 a token
    with purse(tmp_path, 20.0, both) as mine:
        assert not mine.pay(Reply("yes", "stop", prompt_tokens=1, completion_tokens=1))  # $3
        # 9 characters are 3 tokens, $6; the 2 characters of Japanese 2 tokens, $4; each prompt 2 tokens, $2.
        assert mine.pay(Reply("nine char", "stop"), prompt_tokens=2)
        assert mine.pay(Reply("はい", "stop"), prompt_tokens=2)
        assert mine.spent_usd == pytest.approx(3 + 8 + 6)
        mine.check()
        mine.pay(Reply("four", "stop"), prompt_tokens=1)  # $3
        with pytest.raises(BudgetReached):
            mine.check()


def test_what_is_free_needs_no_budget_and_leaves_no_trace(tmp_path: Path) -> None:
    with purse(tmp_path, 0.0, Provider(kind="rehearsal", model="m")) as mine:
        mine.check()
        mine.pay(MILLION)
        assert mine.usd_of_this_run == 0.0
    assert not (tmp_path / ".spend").exists()


def test_a_run_that_pays_for_nothing_leaves_no_file(tmp_path: Path) -> None:
    with purse(tmp_path) as mine:
        mine.check()
    assert list((tmp_path / ".spend" / "janus").iterdir()) == []


def test_a_place_that_cannot_be_written_is_found_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / ".spend").write_text("in the way")
    with purse(tmp_path) as mine, pytest.raises(StepError, match="Nothing more was asked"):
        mine.check()


def test_a_full_disk_stops_the_spending(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; sys.path.insert(0, 'tests/unit')\n"
        "from pathlib import Path; import test_budget as t\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({3 * ROW_LENGTH + 10},) * 2)\n"
        "p = t.purse(Path(sys.argv[1]), None)\n"
        "for n in range(5): p.pay(t.MILLION)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode and "cannot be written down here" in done.stderr
    assert spent_by(tmp_path, "janus") == pytest.approx(3.0)


def test_after_a_row_that_was_torn_by_a_full_disk_nothing_more_is_written_to_its_file(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; sys.path.insert(0, 'tests/unit')\n"
        "from contextlib import suppress; from pathlib import Path; import test_budget as t\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({3 * ROW_LENGTH + 10}, resource.RLIM_INFINITY))\n"
        "p = t.purse(Path(sys.argv[1]), None)\n"
        "with suppress(t.StepError):\n"
        "    for n in range(5): p.pay(t.MILLION)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"  # there is room again
        "p.pay(t.MILLION)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "cannot be written down here: no room is left" in done.stderr
    assert spent_by(tmp_path, "janus") == pytest.approx(3.0)  # a whole row after the torn one would not be readable


def test_a_file_changed_by_hand_is_named(tmp_path: Path) -> None:
    pay(tmp_path, 1)
    (file,) = (tmp_path / ".spend" / "janus").iterdir()
    file.write_text("x" * ROW_LENGTH)
    with pytest.raises(StepError, match=f"{file.name}: was changed by hand"):
        spent_by(tmp_path, "janus")


def test_checking_costs_little_with_many_files(tmp_path: Path) -> None:
    for _ in range(200):
        pay(tmp_path, 1)
    with purse(tmp_path, 5000.0) as mine:
        began, rounds = time.process_time(), 2000
        for _ in range(rounds):
            mine.check()
            mine.pay(MILLION)
        assert (time.process_time() - began) / rounds < 500e-6
        assert mine.spent_usd == pytest.approx(200 + rounds)
    assert os.listdir(tmp_path) == [".spend"]
