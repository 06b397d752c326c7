"""Rows of a batch that the model does not take are failures of their own, wherever the model has answered others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from janus_recipes.errors import ProviderDown
from janus_recipes.files import Json
from janus_recipes.llm.chat import Unparsed
from janus_recipes.records import Status
from janus_recipes.rehearsal.server import World, serving
from tests.batching import asked, child, provider_of, questions

TOO_LONG = (400, {"error": {"message": "This model's maximum context length is exceeded"}})
FORBIDDEN = (403, {"error": {"message": "Forbidden"}})
NO_KEY = (401, {"error": {"message": "Incorrect API key"}})
NO_MONEY = (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
FLAGGED = (403, {"error": {"message": "Flagged by moderation"}})

Turned = Callable[[Json, int], tuple[int, Json] | None]
"""What a request is turned away with, by its body and how often it was asked; None: it is answered."""


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Turned], None]:
    """From when it is called the provider turns away what its argument says."""
    real, away, asked = World.answer_row, [those(set(), TOO_LONG)], Counter[str]()

    def answer(self: World, body: Json) -> tuple[int, Json] | None:
        asked[body["messages"][0]["content"]] += 1
        return away[0](body, asked[body["messages"][0]["content"]]) or real(self, body)

    monkeypatch.setattr(World, "answer_row", answer)
    return lambda turning: away.insert(0, turning)


def those(numbers: set[int], said: tuple[int, Json]) -> Turned:
    words = {f"question {number}" for number in numbers}
    return lambda body, times: said if body["messages"][0]["content"] in words else None


@pytest.mark.parametrize("said", [TOO_LONG, FORBIDDEN, FLAGGED])
def test_a_last_file_of_one_row_that_is_rejected_ends_the_step_with_a_failed_row(
    said: tuple[int, Json], tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    turned(those({20}, said))
    with serving() as world:
        rows, _ = asked(questions(21), provider_of(requests=20), world, tmp_path)
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [20, 1]
    assert {row.status for row in rows[:20]} == {Status.OK}
    assert rows[20].status is (Status.REFUSED if said is FLAGGED else Status.FAILED)
    assert rows[20].reason == f"{said[0]}: {said[1]['error']['message']}"


@pytest.mark.parametrize("said", [TOO_LONG, FORBIDDEN])
def test_after_restarts_with_nothing_left_but_rejected_rows_the_step_still_ends(
    said: tuple[int, Json], tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    with serving() as world:
        asked(questions(20), provider_of(), world, tmp_path)
        turned(those({20, 21}, said))
        for _ in range(2):
            rows, _ = asked(questions(22), provider_of(), world, tmp_path)
            assert [row.status for row in rows] == [Status.OK] * 20 + [Status.FAILED] * 2


def test_a_rejected_row_that_a_killed_run_had_submitted_is_a_failed_row_too(
    tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    with serving() as world:
        asked(questions(20), provider_of(), world, tmp_path)
        turned(those({20}, TOO_LONG))
        child(world, tmp_path, 0, 21, "after the creation").communicate()
        rows, _ = asked(questions(21), provider_of(), world, tmp_path)
        assert [row.status for row in rows] == [Status.OK] * 20 + [Status.FAILED]


def never(text: str) -> str:
    raise Unparsed("not as asked for")


def test_a_question_whose_second_asking_is_rejected_is_a_failed_row_over_restarts_too(
    tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    # No row is settled when the run begins again, but each of them had an answer: the model takes these questions.
    turned(lambda body, times: TOO_LONG if times > 1 else None)
    with serving() as world:
        for _ in range(2):
            rows, _ = asked(questions(3), provider_of(), world, tmp_path, parse=never)
            assert [(row.status, row.attempts) for row in rows] == [(Status.FAILED, 2)] * 3


@pytest.mark.parametrize("said", [NO_KEY, NO_MONEY])
def test_a_key_or_an_account_that_is_refused_stops_the_step_whatever_was_answered_before(
    said: tuple[int, Json], tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    with serving() as world:
        asked(questions(20), provider_of(), world, tmp_path)
        turned(those({20}, said))
        with pytest.raises(ProviderDown, match="See to the key, the model's name or the account"):
            asked(questions(21), provider_of(), world, tmp_path)


@pytest.mark.parametrize("said", [TOO_LONG, FORBIDDEN])
def test_where_nothing_was_ever_answered_a_rejected_batch_stops_the_step_each_time(
    said: tuple[int, Json], tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    turned(lambda body, times: said)
    with serving() as world:
        for _ in range(2):
            with pytest.raises(ProviderDown, match=f"{said[0]}: "):
                asked(questions(3), provider_of(), world, tmp_path)


@pytest.mark.parametrize("said", [TOO_LONG, FORBIDDEN])
def test_access_that_is_lost_between_two_batches_stops_the_step_instead_of_failing_all_rows(
    said: tuple[int, Json], tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    turned(those(set(range(20, 40)), said))
    with serving() as world:
        with pytest.raises(ProviderDown, match=f"{said[0]}: "):
            asked(questions(40), provider_of(requests=20), world, tmp_path)
        turned(those(set(), said))
        rows, _ = asked(questions(40), provider_of(requests=20), world, tmp_path)  # what was answered is kept
        assert [row.status for row in rows] == [Status.OK] * 40
        assert sum(len(batch.rows) for batch in world.desk.batches.values()) == 20 + 20 + 20


def test_a_batch_whose_rows_are_all_rejected_each_in_its_own_words_stops_the_step(
    tmp_path: Path, turned: Callable[[Turned], None]
) -> None:
    turned(lambda body, times: (400, {"error": {"message": f"no: {body['messages'][0]['content']}"}}))
    with serving() as world, pytest.raises(ProviderDown, match="it rejects every request: 400: no: question"):
        asked(questions(3), provider_of(), world, tmp_path)


def test_one_refusal_among_faults_that_pass_is_its_own_rows(tmp_path: Path, turned: Callable[[Turned], None]) -> None:
    # The second file's 20 rows: one is forbidden, 19 meet a 500 once and are answered when they are asked again.
    failing = those(set(range(21, 40)), (500, {"error": {"message": "later"}}))
    turned(lambda body, times: those({20}, FORBIDDEN)(body, times) or (failing(body, times) if times == 1 else None))
    with serving() as world:
        rows, _ = asked(questions(40), provider_of(requests=20), world, tmp_path)
    assert Counter(row.status for row in rows) == {Status.OK: 39, Status.FAILED: 1}
