"""Rows that must differ: what repeats an earlier row is asked again, whatever answered first and after any kill."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_recipes.llm.ask import Answers, ask
from janus_recipes.llm.chat import ChatRequest, Message, Reply, Unparsed, address_of, nth_attempt
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.repeats import MustDiffer
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.records import Asked, Status
from janus_recipes.rehearsal.server import serving
from tests import batching
from tests.scripted import Said, Scripted, provider_at, question, questions, scripted, wait_for

pytestmark = pytest.mark.usefixtures("short_pauses")

UNIQUE: MustDiffer[str] = MustDiffer("unique", keys=lambda text: [text.lower()])


def parsed(text: str) -> str:
    if text.startswith("bad"):
        raise Unparsed("not_bad: it is bad", ["not_bad"])
    return text


def asked(
    requests: Callable[[], list[ChatRequest]],
    provider: Provider,
    folder: Path,
    re_asks: int = 2,
    differ: MustDiffer[str] = UNIQUE,
) -> tuple[list[Asked[str]], Answers[str]]:
    with Ledger.open(folder, provider.model) as ledger:
        answers = ask(requests, provider, ledger, parsed, re_asks, differ=differ)
        return list(answers), answers


def told(rows: list[Asked[str]]) -> list[tuple[str | None, int]]:
    return [(row.value, row.attempts) for row in rows]


def counts(answers: Answers[str]) -> dict[str, dict[str, int]]:
    return {name: asdict(count) for name, count in answers.report.checks.items()}


def test_a_row_that_repeats_an_earlier_one_is_asked_again_and_counted(tmp_path: Path) -> None:
    with scripted(
        lambda text, before: Said(f"own {text}" if before else "Same" if text[-1] == "0" else "same")
    ) as server:
        rows, answers = asked(questions(3), provider_at(server.base_url), tmp_path)
        assert server.came == {"question 0": 1, "question 1": 2, "question 2": 2}
    assert told(rows) == [("Same", 1), ("own question 1", 2), ("own question 2", 2)]
    assert counts(answers) == {"unique": {"answers": 2, "rows_asked_again": 2, "rows_left_out": 0}}
    report = answers.report.as_json()
    assert (report["rows"], report["from_ledger"], report["asked"], report["re_asked"]) == (3, 0, 5, 2)
    assert report["statuses"] == {"ok": 3}


def test_each_walk_after_the_first_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with scripted(lambda text, before: Said("same" if before == 0 else f"own {text}")) as server:
        asked(questions(3), provider_at(server.base_url), tmp_path)
    # The second walk finds two repeats, the third that none is left.
    assert capfd.readouterr().err.splitlines()[:-1] == ["teacher: walking again, for repeats: 3 rows"] * 2


def test_a_teacher_that_always_repeats_itself_is_left_with_the_row_that_it_repeats_named(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said("same")) as server:
        rows, answers = asked(questions(4), provider_at(server.base_url), tmp_path)
        # One answer to the first, three to each of the others.
        assert server.came.total() == 10
    assert [row.status for row in rows] == [Status.OK] + [Status.UNPARSED] * 3
    assert {(row.reason, row.raw, row.attempts) for row in rows[1:]} == {("unique: repeats q/0", "same", 3)}
    # Three rows with three answers each.
    assert counts(answers) == {"unique": {"answers": 9, "rows_asked_again": 3, "rows_left_out": 3}}


def test_a_repeat_and_an_answer_that_fails_another_check_share_the_re_asks(tmp_path: Path) -> None:
    said = {"question 0": ["same"], "question 1": ["bad", "same", "own"]}
    with scripted(lambda text, before: Said(said[text][before])) as server:
        rows, answers = asked(questions(2), provider_at(server.base_url), tmp_path, re_asks=1)
        assert told(rows) == [("same", 1), (None, 2)]
        assert counts(answers) == {
            "not_bad": {"answers": 1, "rows_asked_again": 1, "rows_left_out": 0},
            "unique": {"answers": 1, "rows_asked_again": 0, "rows_left_out": 1},
        }
        rows, answers = asked(questions(2), provider_at(server.base_url), tmp_path, re_asks=2)
        assert told(rows) == [("same", 1), ("own", 3)]
        assert server.came == {"question 0": 1, "question 1": 3}
    # Three answers of 12 tokens and one stand behind the rows, and each counts once.
    assert answers.report.asked == 1 and counts(answers)["unique"]["rows_asked_again"] == 1


def test_the_same_question_under_several_ids_gets_as_many_answers_as_may_be_asked(tmp_path: Path) -> None:
    def twins() -> list[ChatRequest]:
        return [question(number, "same question") for number in range(4)]

    with scripted(lambda text, before: Said(f"answer {before}")) as server:
        rows, _ = asked(twins, provider_at(server.base_url), tmp_path)
        assert server.came.total() == 3
    assert told(rows) == [("answer 0", 1), ("answer 1", 2), ("answer 2", 3), (None, 3)]
    assert rows[3].reason == "unique: repeats q/2"


def test_only_rows_of_one_group_must_differ(tmp_path: Path) -> None:
    pairs = MustDiffer[str]("sets_differ", keys=lambda text: text.split(), group=lambda id: str(int(id[2:]) // 2))
    said = {0: ["a b"], 1: ["b c", "c d"], 2: ["a b"], 3: ["x y"]}
    with scripted(lambda text, before: Said(said[int(text[-1])][before])) as server:
        rows, _ = asked(questions(4), provider_at(server.base_url), tmp_path, differ=pairs)
    # Row 1 shares a key with row 0; row 2 says what row 0 says and belongs to another group.
    assert told(rows) == [("a b", 1), ("c d", 2), ("a b", 1), ("x y", 1)]


def test_a_restart_gives_the_same_rows_asks_nothing_and_needs_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(lambda text, before: Said(f"own {text}" if before > 1 else "same")) as server:
        first, before = asked(questions(9), provider_at(server.base_url), tmp_path)
    monkeypatch.delenv("TEACHER_KEY")
    second, after = asked(questions(9), provider_at("http://127.0.0.1:9/elsewhere"), tmp_path)
    assert second == first and counts(after) == counts(before)
    assert (after.report.asked, after.report.from_ledger) == (0, 9)


def crowd(text: str, before: int) -> str:
    """What a teacher of few words says: some of it bad, much of it said before, the same to the same question."""
    return random.Random(f"{text} {before}").choice(["bad", *"abcdefgh", "A", "B"])


def in_turn(count: int, re_asks: int) -> list[str | None]:
    """The rows of a run that asks one question after the other: each takes its first good answer that is new."""
    taken: list[str | None] = []
    for number in range(count):
        tries = (crowd(f"question {number}", n) for n in range(re_asks + 1))
        new = (one for one in tries if one != "bad" and one.lower() not in {(old or "").lower() for old in taken})
        taken.append(next(new, None))
    return taken


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_are_the_same_whichever_answer_comes_first(seed: int, tmp_path: Path) -> None:
    wait = random.Random(seed)
    with scripted(lambda text, before: Said(crowd(text, before), wait_s=wait.choice([0.0, 0.0, 0.03]))) as server:
        rows, _ = asked(questions(16), provider_at(server.base_url), tmp_path)
        # Nothing was asked that a run in turn would not have asked.
        assert server.came.total() == sum(row.attempts for row in rows)
    assert [row.value for row in rows] == in_turn(16, re_asks=2)


@settings(max_examples=60, deadline=None)
@given(table=st.lists(st.lists(st.sampled_from(["bad", "a", "b", "c", "A"]), min_size=3, max_size=3), max_size=7))
def test_each_row_has_its_first_good_answer_that_no_row_before_it_has(
    table: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    provider, folder = provider_at("http://127.0.0.1:9/elsewhere"), tmp_path_factory.mktemp("ledger")
    with Ledger.open(folder, provider.model) as ledger:
        for number, answers in enumerate(table):
            for attempt, text in enumerate(answers):
                ledger.put(address_of(nth_attempt(question(number), attempt), provider), Reply(text, "stop"))
    rows, _ = asked(questions(len(table)), provider, folder)
    taken: set[str] = set()
    for row, answers in zip(rows, table, strict=True):
        good = [one for one in answers if one != "bad" and one.lower() not in taken]
        assert row.value == (good[0] if good else None)
        taken |= {(row.value or "").lower()}


def test_a_grown_sample_asks_again_only_an_old_row_that_a_new_one_before_it_repeats(tmp_path: Path) -> None:
    said = {0: "new", 1: "a", 2: "b", 3: "new", 4: "c"}
    with scripted(lambda text, before: Said(f"{said[int(text[-1])]}{'!' * before}")) as server:
        provider = provider_at(server.base_url)
        old, _ = asked(lambda: questions(5)()[1:], provider, tmp_path)
        rows, _ = asked(questions(5), provider, tmp_path)
        assert told(old) == [("a", 1), ("b", 1), ("new", 1), ("c", 1)]
        assert told(rows) == [("new", 1), ("a", 1), ("b", 1), ("new!", 2), ("c", 1)]
        assert server.came == {"question 0": 1, "question 1": 1, "question 2": 1, "question 3": 2, "question 4": 1}


CHILD = """
import sys
from pathlib import Path
from tests.scripted import provider_at, questions
from tests.unit.test_repeats import asked
asked(questions(int(sys.argv[3])), provider_at(sys.argv[1], concurrency=2), Path(sys.argv[2]))
"""


def child(server: Scripted, folder: Path, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, server.base_url, str(folder), str(count)]
    return subprocess.Popen(command, env=os.environ.copy(), cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("after", [10, 33], ids=["first round", "a later round"])
def test_a_run_that_is_killed_goes_on_to_the_same_rows(after: int, tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(crowd(text, before), wait_s=0.01)) as server:
        run = child(server, tmp_path, 24)
        wait_for(server, after)
        run.kill()
        run.wait()
        rows, _ = asked(questions(24), provider_at(server.base_url), tmp_path)
        # Twice asked is at most what was in flight when it was killed.
        assert server.came.total() <= sum(row.attempts for row in rows) + 2
        before = server.came.total()
        assert asked(questions(24), provider_at(server.base_url), tmp_path)[0] == rows
        assert server.came.total() == before


def test_batches_ask_repeats_again_in_further_rounds_and_a_restart_asks_nothing(tmp_path: Path) -> None:
    def names() -> list[ChatRequest]:
        texts = ("the weather", "the harvest", "the weather today", "harvest", "weathering")
        return [
            ChatRequest(f"q/{n}", (Message("user", text),), Sampling(max_tokens=64)) for n, text in enumerate(texts)
        ]

    with serving() as world:
        # The micro-world speaks of the longest word of a question, and always in the same words.
        rows, answers = batching.asked(names, batching.provider_of(), world, tmp_path, differ=UNIQUE)
        assert [row.status for row in rows] == [Status.OK, Status.OK, Status.UNPARSED, Status.UNPARSED, Status.OK]
        assert [row.reason for row in rows][2:4] == ["unique: repeats q/0", "unique: repeats q/1"]
        # Five questions, then the two that repeat, once more and once more.
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [5, 2, 2]
        assert counts(answers) == {"unique": {"answers": 6, "rows_asked_again": 2, "rows_left_out": 2}}
        again, answers = batching.asked(names, batching.provider_of(), world, tmp_path, differ=UNIQUE)
        assert again == rows and answers.report.asked == 0
