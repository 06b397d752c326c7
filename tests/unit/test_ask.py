"""Asking a scripted endpoint over real HTTP: every row gets a status, and no answer is paid for twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import SpendingRefused, StepError
from janus_recipes.llm.ask import ask
from janus_recipes.llm.batches.state import BatchFolder, BatchState
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import RE_ASK_STRIDE, ChatRequest, Message, Reply, address_of, body_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.turned_away import HARMLESS
from janus_recipes.recipe.provider import Prices, Provider, Sampling
from janus_recipes.records import Asked, Status
from tests.scripted import KEY, Said, asked, number_in, provider_at, question, questions, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


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
    with scripted(lambda text, before: Said() if text == HARMLESS else too_long) as script:
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


def completion(message: dict[str, Any], finish_reason: object = "stop", **more: Any) -> Said:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return Said(raw=json.dumps({"model": "m", "choices": [choice], **more}).encode())


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource", "abort", "\ud83d", 7, ["stop"]])
def test_an_answer_that_was_broken_off_is_asked_again_and_never_kept(reason: object, tmp_path: Path) -> None:
    half = completion({"content": "half an ans"}, reason)
    with scripted(lambda text, before: Said("whole") if before else half) as script:
        rows, _ = asked(questions(2), provider_at(script.base_url), tmp_path)
    assert [row.value for row in rows] == ["whole"] * 2
    assert b"half an ans" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))


def test_an_answer_that_was_kept_broken_off_is_asked_again(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said("whole")) as script:
        provider = provider_at(script.base_url)
        with Ledger.open(tmp_path, provider.model) as ledger:
            ledger.put(address_of(question(0), provider), Reply("half an ans", "error"))
            ledger.put(address_of(question(1), provider), Reply("kept", "stop"))
        rows, _ = asked(questions(2), provider, tmp_path)
        assert ([row.value for row in rows], script.came) == (["whole", "kept"], {"question 0": 1})


@pytest.mark.parametrize(("reason", "status"), [(None, "ok"), ("eos", "ok"), ("model_length", "truncated")])
def test_other_words_for_the_end_of_a_whole_answer_are_understood(
    reason: str | None, status: str, tmp_path: Path
) -> None:
    with scripted(lambda text, before: completion({"content": "fine"}, reason)) as script:
        rows, _ = asked(questions(1), provider_at(script.base_url), tmp_path)
    assert [row.status for row in rows] == [status]


def test_a_tool_that_was_called_is_no_answer_and_text_beside_it_is_one(tmp_path: Path) -> None:
    calls = {"content": None, "tool_calls": [{"id": "x"}]}
    said = {"question 0": calls, "question 1": {**calls, "content": "fine"}}
    with scripted(lambda text, before: completion(said[text], "tool_calls")) as script:
        rows, _ = asked(questions(2), provider_at(script.base_url), tmp_path, re_asks=0)
    assert [(row.status, row.value) for row in rows] == [(Status.UNPARSED, None), (Status.OK, "fine")]


def test_an_answer_in_parts_is_the_text_of_its_parts(tmp_path: Path) -> None:
    parts = [{"type": "thinking", "thinking": ["hm"]}, {"type": "text", "text": "fi"}, {"type": "text", "text": "ne"}]
    with scripted(lambda text, before: completion({"content": parts})) as script:
        rows, _ = asked(questions(1), provider_at(script.base_url), tmp_path)
        assert ([row.value for row in rows], script.came.total()) == (["fine"], 1)


ODD = ("1e999", "NaN", "-5", 2**70, '"x"', "[]")
USAGES = ['"n/a"', "null", "[1]", *(f'{{"prompt_tokens": {odd}}}' for odd in ODD)]


@pytest.mark.parametrize("usage", [*USAGES, '{"prompt_tokens_details": 7}'])
def test_a_usage_that_is_none_counts_as_nothing_and_loses_no_answer(usage: str, tmp_path: Path) -> None:
    said = completion({"content": "fine"}, usage="USAGE", model="\ud83d")
    assert said.raw is not None
    odd = Said(raw=said.raw.replace(b'"USAGE"', usage.encode()))
    with scripted(lambda text, before: odd) as script:
        rows, answers = asked(questions(1), provider_at(script.base_url), tmp_path)
        assert ([row.value for row in rows], script.came.total()) == (["fine"], 1)
    assert answers.report.prompt_tokens == 0


def test_what_is_in_a_batch_under_way_is_told_with_what_to_do(tmp_path: Path) -> None:
    with scripted() as script:
        provider = provider_at(script.base_url)
        folder = BatchFolder(Ledger.open(tmp_path, provider.model).folder)
        folder.path.mkdir(parents=True)
        state = BatchState("b1", 2, 10, 0.0, "", script.base_url, "file-1", "2026-01-02T03:04:05Z")
        folder.begin(state, [(bytes.fromhex(address_of(question(n), provider)), 0) for n in range(2)])
        with pytest.raises(StepError, match=r"2 of 2 requests got no answer .*Say `kind: openai-batch`.*or wait"):
            asked(questions(2), provider, tmp_path)
        assert script.came.total() == 0


def test_an_answer_without_usage_is_paid_for_by_its_length_and_counted(tmp_path: Path) -> None:
    # The question's 10 characters are 3 tokens, the answer's 4 one: $1 a token, 4 rows of $4.
    with scripted(lambda text, before: completion({"content": "fine"})) as script:
        provider = provider_at(script.base_url, prices=Prices(input=1e6, output=1e6))
        with (
            Ledger.open(tmp_path, provider.model) as ledger,
            Purse.open(tmp_path, "mine", 99.0, provider) as purse,
        ):
            answers = ask(questions(4), provider, ledger, str, 2, purse=purse)
    assert (answers.report.usd, answers.report.as_json()["estimated"]) == (pytest.approx(16.0), 4)


BEGUN = {
    "cut JSON": (Said(raw=b'{"choices": [{"index": 0, "mess'), 2 + 3),
    "cut connection": (Said(cut=True), 2 + 3),
    "stalled until the time-out": (Said(stall_s=1.0), 2 + 3),
    # What it says it used counts: 7 + 5 tokens.
    "cut answer": (completion({"content": "fi"}, "error", usage={"prompt_tokens": 7, "completion_tokens": 5}), 12),
    # Without a usage: as long as the answers so far, 2 tokens, though 1 came.
    "cut answer without usage": (completion({"content": "fi"}, "error"), 2 + 3),
}


@pytest.mark.parametrize("fault", BEGUN)
def test_an_answer_that_was_broken_off_is_charged_to_the_budget(fault: str, tmp_path: Path) -> None:
    broken, usd = BEGUN[fault]
    # $1 a token; question 0 is answered first, by 10 + 2 tokens; the other's 10 characters are 3.
    with scripted(lambda text, before: broken if text == "question 1" and not before else Said()) as script:
        prices = Prices(input=1e6, output=1e6)
        provider = provider_at(script.base_url, concurrency=1, timeout_s=0.5, prices=prices)
        with Ledger.open(tmp_path, provider.model) as ledger, Purse.open(tmp_path, "mine", 99.0, provider) as purse:
            answers = ask(questions(2), provider, ledger, str, 2, purse=purse)
    assert answers.report.usd == pytest.approx(12 + usd + 12)
    assert answers.report.estimated == (fault != "cut answer")


NOTHING = [
    Said(drop=True),
    Said(wait_s=1.0),
    Said(status=500),
    Said(status=500, stall_s=1.0),
    Said(raw=b"<html></html>"),
]


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_fault_before_any_answer_had_begun_is_not_charged(nothing: Said, tmp_path: Path) -> None:
    with scripted(lambda text, before: Said() if before else nothing) as script:
        provider = provider_at(script.base_url, timeout_s=0.5, prices=Prices(input=1e6, output=1e6))
        with Ledger.open(tmp_path, provider.model) as ledger, Purse.open(tmp_path, "mine", 99.0, provider) as purse:
            answers = ask(questions(1), provider, ledger, str, 2, purse=purse)
    assert (answers.report.usd, answers.report.estimated) == (pytest.approx(12), 0)


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


def test_text_that_utf8_cannot_hold_is_asked_all_the_same(tmp_path: Path) -> None:
    lone, line = "half of an emoji: \ud83d", "a\u2028b\r\nc"
    requests = [question(0, lone), question(1, line)]
    with scripted(lambda text, before: Said("back: \ude00")) as script:
        rows, _ = asked(lambda: requests, provider_at(script.base_url), tmp_path)
        assert set(script.came) == {"half of an emoji: \ufffd", line}
    assert [row.value for row in rows] == ["back: \ufffd"] * 2


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


def test_a_rehearsal_serves_its_own_provider_and_needs_no_key(tmp_path: Path) -> None:
    rows, _ = asked(questions(3), Provider(kind="rehearsal", model="micro-world"), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 3
