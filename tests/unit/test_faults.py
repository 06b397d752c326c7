"""What goes wrong at an endpoint: tried again, told as a status, or the end of the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from multidict import CIMultiDict

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.llm.faults import fault_of_status
from janus_recipes.records import Status
from tests.scripted import KEY, Said, asked, provider_at, questions, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


def test_a_rate_limit_is_waited_out_for_as_long_as_the_provider_says(tmp_path: Path) -> None:
    limited = Said(status=429, headers={"Retry-After": "1"})
    with scripted(lambda text, before: Said() if before else limited) as script:
        rows, answers = asked(questions(1), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK]
        assert 1.0 <= script.at[1] - script.at[0] < 2.0
    assert answers.report.faults == {"rate limited (429)": 1}
    assert answers.report.retries == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "2.5"}, 2.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 60),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7.5"}, 7.5),
        ({"x-ratelimit-remaining-tokens": "12", "x-ratelimit-reset-tokens": "9s"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 +99999999999999999999"}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
        ({"retry-after-ms": "nan"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1.2.3s"}, 0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "nan"}, 0),
        ({}, None),
    ],
)
def test_how_long_a_rate_limit_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    fault = fault_of_status(429, CIMultiDict(headers), {"error": {"message": "slow down"}})
    assert fault.retry_after_s == (None if seconds is None else pytest.approx(seconds))


def test_a_provider_that_asks_to_wait_a_day_stops_the_run(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(status=429, headers={"Retry-After": "86400"})) as script:
        with pytest.raises(ProviderDown, match=r"asks to wait until 20\d\d-\d\d-\d\d \d\d:\d\d\); then run the same"):
            asked(questions(3), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


def test_a_used_up_quota_stops_the_run_at_once(tmp_path: Path) -> None:
    spent = Said(status=429, error={"code": "insufficient_quota", "message": "You exceeded your current quota"})
    with scripted(lambda text, before: spent) as script:
        with pytest.raises(ProviderDown, match="exceeded your current quota"):
            asked(questions(3), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


FIRST_FIVE = [f"question {number}" for number in range(5)]

TRANSIENT = {
    "time-out": Said(wait_s=1.0),
    "dropped connection": Said(drop=True),
    "a stall in the midst of the answer": Said(stall_s=1.0),
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


def test_one_request_that_is_rejected_is_a_failed_row_and_the_others_go_on(tmp_path: Path) -> None:
    too_long = Said(status=400, error={"code": "context_length_exceeded", "message": f"too long ({KEY})"})
    with scripted(lambda text, before: too_long if text == "question 1" else Said()) as script:
        rows, answers = asked(questions(3), provider_at(script.base_url), tmp_path)
        assert [row.status for row in rows] == [Status.OK, Status.FAILED, Status.OK]
        assert rows[1].reason == "400: too long ([redacted])"
        assert answers.report.statuses == {Status.OK: 2, Status.FAILED: 1}
        asked(questions(3), provider_at(script.base_url), tmp_path)
        assert script.came["question 1"] == 2  # a failure is never stored as an answer


REFUSED_PARAMETERS = {
    "accepts_sampling: false": {"code": "unsupported_value", "param": "temperature", "message": "Only 1 is supported."},
    "token_limit_key: max_completion_tokens": {
        "code": "unsupported_parameter",
        "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
    },
    "token_limit_key: max_tokens": {"message": "max_completion_tokens: Extra inputs are not permitted"},
    "reasoning_effort: null": {"message": "Unrecognized request argument supplied: reasoning_effort"},
    "structured_output: false": {"message": "this model does not support response_format json_schema"},
}


@pytest.mark.parametrize("line", REFUSED_PARAMETERS)
def test_a_parameter_that_the_model_refuses_stops_the_run_at_once_and_names_the_line_to_write(
    line: str, tmp_path: Path
) -> None:
    with scripted(lambda text, before: Said(status=400, error=REFUSED_PARAMETERS[line])) as script:
        with pytest.raises(ProviderDown, match=f"400: .*Say `{line}` in the provider's section"):
            asked(questions(50), provider_at(script.base_url, concurrency=2), tmp_path)
        assert script.came.total() <= 2  # those in flight


def test_a_parameter_refused_after_answers_were_given_is_that_rows_failure(tmp_path: Path) -> None:
    refused = Said(status=400, error=REFUSED_PARAMETERS["accepts_sampling: false"])
    with scripted(lambda text, before: refused if text == "question 3" else Said()) as script:
        rows, _ = asked(questions(5), provider_at(script.base_url, concurrency=1), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 3 + [Status.FAILED, Status.OK]


def test_a_question_that_is_too_long_is_not_taken_for_a_refused_parameter(tmp_path: Path) -> None:
    words = "This model's maximum context length is 8192 tokens; you asked for 9000 (1000 in max_tokens)."
    too_long = Said(status=400, error={"code": "context_length_exceeded", "param": "messages", "message": words})
    with scripted(lambda text, before: too_long if text == "question 0" else Said()) as script:
        rows, _ = asked(questions(5), provider_at(script.base_url, concurrency=1), tmp_path)
    assert [row.status for row in rows] == [Status.FAILED] + [Status.OK] * 4


NO_MONEY = {
    "code": {"code": "billing_hard_limit_reached", "message": "Not today"},
    "type": {"type": "insufficient_quota", "message": "Not today"},
    "words": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."},
}


@pytest.mark.parametrize("told", NO_MONEY)
@pytest.mark.parametrize("status", [400, 403, 422])
def test_an_account_without_money_stops_the_run_whatever_the_status(told: str, status: int, tmp_path: Path) -> None:
    poor = Said(status=status, error=NO_MONEY[told])
    with scripted(lambda text, before: poor) as script:
        with pytest.raises(ProviderDown, match=rf"{status}: .*See to the key, the address, .*the account"):
            asked(questions(50), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


def test_an_account_whose_money_ends_midway_with_a_400_stops_the_run(tmp_path: Path) -> None:
    poor = Said(status=400, error=NO_MONEY["words"])
    with scripted(lambda text, before: Said() if text in FIRST_FIVE else poor) as script:
        with pytest.raises(ProviderDown, match=r"credit balance.*See to the key"):
            asked(questions(10), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 5 + 1 + 1  # the harmless question is the last


def test_a_question_whose_own_words_about_money_come_back_with_a_400_is_that_rows_failure(tmp_path: Path) -> None:
    echo = Said(status=400, error={"message": "cannot read: 'my credit balance is too low'"})
    with scripted(lambda text, before: echo if text == "question 7" else Said()) as script:
        rows, _ = asked(questions(10), provider_at(script.base_url, concurrency=1), tmp_path)
    assert [row.id for row in rows if row.status is Status.FAILED] == ["q/7"]


@pytest.mark.parametrize(
    "raw", [b"<html><body>Welcome to nginx</body></html>", b'{"choices": [], "hint": "<html><body>Welcome"}']
)
def test_an_answer_that_cannot_be_read_is_shown_and_asked_for_once_more_at_most(raw: bytes, tmp_path: Path) -> None:
    page = Said(raw=raw)
    with scripted(lambda text, before: page if text == "question 3" else Said()) as script:
        with pytest.raises(StepError, match=r"no chat completion: .*<html><body>Welcome.*; is base_url right\?"):
            asked(questions(9), provider_at(script.base_url, max_tries=6), tmp_path)
        assert script.came["question 3"] == 2


def test_an_address_where_no_model_answers_is_told_as_that(tmp_path: Path) -> None:
    with (
        scripted(lambda text, before: Said(raw=b"<html>Welcome</html>")) as script,
        pytest.raises(ProviderDown, match=r"gives no answers: .*<html>Welcome</html>; is base_url right\?"),
    ):
        asked(questions(60), provider_at(script.base_url, max_tries=6), tmp_path)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": 402, "message": "Insufficient credits"}, "402: Insufficient credits. See to the key"),
        ({"code": "insufficient_quota", "message": "Quota"}, "429: Quota. See to the key"),
    ],
)
def test_an_error_in_an_answer_counts_as_the_status_that_it_names(
    error: dict[str, object], words: str, tmp_path: Path
) -> None:
    with scripted(lambda text, before: Said(raw=json.dumps({"error": error}).encode())) as script:
        with pytest.raises(ProviderDown, match=words):
            asked(questions(3), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 1


def test_an_error_in_an_answer_without_a_status_is_tried_again(tmp_path: Path) -> None:
    overloaded = Said(raw=b'{"error": {"message": "overloaded", "code": "busy"}}')
    with scripted(lambda text, before: Said() if before > 2 else overloaded) as script:
        rows, _ = asked(questions(1), provider_at(script.base_url), tmp_path)
    assert [row.status for row in rows] == [Status.OK]


@pytest.mark.parametrize("status", [401, 402])
def test_a_key_or_an_account_that_ends_midway_stops_the_run_at_once(status: int, tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(status=status) if text == "question 5" else Said()) as script:
        with pytest.raises(ProviderDown, match=f"{status}: no. See to the key"):
            asked(questions(9), provider_at(script.base_url, concurrency=1), tmp_path)
        assert script.came.total() == 6


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
