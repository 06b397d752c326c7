"""What a batch promises: what it costs at most, of which nothing is counted twice while its answers are paid for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from janus_recipes.errors import BudgetReached, StepError
from janus_recipes.llm.batches import results
from janus_recipes.llm.batches.files import most_usd_of, outcomes_in
from janus_recipes.llm.batches.state import BatchFolder, BatchState, committed_by, states_in
from janus_recipes.llm.budget import Purse, spent_by
from janus_recipes.llm.chat import BROKEN_OFF, Reply, body_of
from janus_recipes.llm.faults import Fault
from janus_recipes.recipe.provider import Prices
from janus_recipes.rehearsal.server import serving
from tests.batching import asked, provider_of, question, questions

A_DOLLAR = Prices(input=0.0, output=1e6)
"""A token of an answer costs a dollar, one of a prompt nothing."""


def test_while_a_batch_is_paid_for_it_never_counts_more_than_it_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "BREATHE_EVERY", 4)
    provider = provider_of(price_share=1.0).model_copy(update={"prices": A_DOLLAR})
    seen: list[tuple[float, float]] = []
    real = Purse.pay

    def pay(self: Purse, *told: object) -> bool:
        seen.append((spent_by(tmp_path, "mine"), committed_by(tmp_path, "mine")))
        estimated = real(self, *told)  # type: ignore[arg-type]
        seen.append((spent_by(tmp_path, "mine"), committed_by(tmp_path, "mine")))
        return estimated

    monkeypatch.setattr(Purse, "pay", pay)
    with serving() as world, Purse.open(tmp_path, "mine", 1e6, provider) as purse:
        asked(questions(20), provider, world, tmp_path, purse=purse)
    # Twenty answers of 64 tokens at most are promised. Of a portion of four, three may be noted and not paid yet.
    promised, longest = 20 * 64.0, 4 * 64.0
    assert len(seen) == 40 and seen[0][0] == 0.0
    assert all(promised - longest <= spent + left <= promised for spent, left in seen)
    assert committed_by(tmp_path, "mine") == 0.0


def test_a_live_step_beside_a_batch_that_is_paid_for_is_not_told_that_the_budget_is_reached(
    tmp_path: Path,
) -> None:
    batch = provider_of(price_share=1.0).model_copy(update={"prices": A_DOLLAR})
    live = batch.model_copy(update={"kind": "openai", "model": "another"})
    folder = BatchFolder(tmp_path / "micro-world")
    state = BatchState("b", 6, 6, 6.0, "", "https://there/v1", "f", "2026-01-02T03:04:05Z", "b", recipe="mine")
    folder.begin(state, [])
    with Purse.open(tmp_path, "mine", 10.0, live) as purse, Purse.open(tmp_path, "mine", 10.0, batch) as paying:
        purse.check()
        for taken_in in range(1, 7):  # a dollar each: 6 of 10 are promised or paid, whatever the moment
            folder.taking_in(replace(state, taken_in=taken_in, paid_usd=float(taken_in)))
            purse.check()
            paying.pay(Reply("x", "stop", completion_tokens=1))
            purse.check()


def test_after_a_kill_in_the_middle_what_was_noted_is_not_noted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = provider_of(price_share=1.0).model_copy(update={"prices": A_DOLLAR})
    real = results.Results._keep
    left = [3]

    def dies(self: results.Results, *told: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise StepError("killed")
        real(self, *told)  # type: ignore[arg-type]

    with serving() as world, Purse.open(tmp_path, "mine", 1e6, provider) as purse:
        monkeypatch.setattr(results.Results, "_keep", dies)
        with pytest.raises(StepError, match="killed"):
            asked(questions(10), provider, world, tmp_path, purse=purse)
        noted = next(states_in(tmp_path / ".batches" / "micro-world"))
        monkeypatch.setattr(results.Results, "_keep", real)
        asked(questions(10), provider, world, tmp_path, purse=purse)
        ended = next(states_in(tmp_path / ".batches" / "micro-world" / "ended"))
        assert (noted.taken_in, ended.taken_in) == (10, 10)
        assert noted.paid_usd == ended.paid_usd == purse.spent_usd > 0


def test_a_budget_holds_though_later_answers_are_as_long_as_they_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))

    def longer_and_longer(path: Path) -> Iterator[tuple[bytes, Reply | Fault]]:
        tokens = 64 if next(calls) else 1
        for address, outcome in outcomes_in(path):
            assert isinstance(outcome, Reply)
            yield address, replace(outcome, prompt_tokens=1, completion_tokens=tokens)

    monkeypatch.setattr(results, "outcomes_in", longer_and_longer)
    provider = provider_of(price_share=1.0, requests=60).model_copy(update={"prices": A_DOLLAR})
    with serving() as world, Purse.open(tmp_path, "mine", 64 * 60.0, provider) as purse:
        with pytest.raises(BudgetReached, match="may not pay for the next request"):
            asked(questions(400), provider, world, tmp_path, purse=purse)
        # Sixty cost a dollar each: of 3,840 then 3,780 are left, for 59 answers of 64.
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [60, 59]
        assert purse.spent_usd == 60 + 59 * 64


def test_a_promise_is_what_a_request_costs_at_most() -> None:
    provider = provider_of()
    body = body_of(question(10), provider)
    # 3 tokens x 1.5, rounded up, and 4 around the message, at $1; 64 at $10 per million; in a batch half of it.
    assert most_usd_of(body, 64, provider) == pytest.approx((5 + 4 + 640) / 2 / 1e6)
    # A schema is sent with the question: {"type":"json_schema"} has 22 characters, so 6 tokens.
    body["response_format"] = {"type": "json_schema"}
    assert most_usd_of(body, 64, provider) == pytest.approx((14 + 4 + 640) / 2 / 1e6)


def test_answers_that_broke_off_in_a_batch_are_paid_for_as_long_as_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> Iterator[tuple[bytes, Reply | Fault]]:
        for number, (address, outcome) in enumerate(outcomes_in(path)):
            assert isinstance(outcome, Reply)
            if number:
                yield address, Fault("transient", "broken off", "it broke off", begun=Reply("", BROKEN_OFF))
            else:
                yield address, replace(outcome, completion_tokens=5)

    monkeypatch.setattr(results, "outcomes_in", broken)
    provider = provider_of(price_share=1.0).model_copy(update={"prices": A_DOLLAR, "max_tries": 1})
    with serving() as world, Purse.open(tmp_path, "mine", 1e6, provider) as purse:
        with pytest.raises(StepError, match="2 of 3 requests got no answer \\(broken off: 2\\)"):
            asked(questions(3), provider, world, tmp_path, purse=purse)
        # Before the first answer is taken in, one that broke off is taken to be as long as it may be: 64 tokens.
        assert purse.spent_usd == 5 + 2 * 64
