"""Whether what an endpoint turns away is a row's own failure: a harmless question finds out."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import ProviderDown
from janus_recipes.llm import limits
from janus_recipes.llm.ask import ask
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.chat import Reply, address_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.turned_away import HARMLESS
from janus_recipes.recipe.provider import Prices
from janus_recipes.records import Status
from tests.scripted import KEY, Said, asked, provider_at, question, questions, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")

FIRST_FIVE = [f"question {number}" for number in range(5)]


@pytest.mark.parametrize("answered", [0, 5])
def test_an_endpoint_that_rejects_everything_in_ever_other_words_stops_the_run(answered: int, tmp_path: Path) -> None:
    def says(text: str, before: int) -> Said:
        if text in FIRST_FIVE[:answered]:
            return Said()
        return Said(status=400, error={"message": f"key expired (request {text})"})

    with scripted(says) as script:
        with pytest.raises(ProviderDown, match=r"rejects every request: 400: key expired.*See to the provider's"):
            asked(questions(200), provider_at(script.base_url), tmp_path)
        # Twenty in a row tell, then a harmless question is asked, and those in flight then.
        assert script.came.total() <= answered + 20 + 1 + 7 + 7 and script.came[HARMLESS] == 1


def test_rows_rejected_in_a_row_are_passed_as_long_as_a_harmless_question_is_answered(tmp_path: Path) -> None:
    def says(text: str, before: int) -> Said:
        return Said() if text == HARMLESS or text in FIRST_FIVE else Said(status=400, error={"message": text})

    with scripted(says) as script:
        rows, _ = asked(questions(50), provider_at(script.base_url, concurrency=1), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 5 + [Status.FAILED] * 45
    # After 20 and 20 of the 45; at the end 5 are left, again as many as are looked into.
    assert script.came[HARMLESS] == 3


@pytest.mark.parametrize("status", [400, 404])
def test_a_run_that_got_nothing_but_a_few_rejections_finds_out_at_its_end(status: int, tmp_path: Path) -> None:
    with scripted() as script:
        provider = provider_at(script.base_url, concurrency=2)
        asked(questions(2), provider, tmp_path)
        script.says = lambda text, before: Said(status=status, error={"message": "no such deployment"})
        with pytest.raises(ProviderDown, match=r"no such deployment.*See to"):
            asked(questions(5), provider, tmp_path)
        script.says = lambda text, before: Said() if text == HARMLESS else Said(status=status)
        rows, _ = asked(questions(5), provider, tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 2 + [Status.FAILED] * 3


def test_requests_that_are_all_rejected_with_the_same_words_stop_the_run(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(status=400, error={"message": "no such deployment"})) as script:
        with pytest.raises(ProviderDown, match=r"rejects every request.*no such deployment"):
            asked(questions(200), provider_at(script.base_url), tmp_path)
        # Twenty tell, then a harmless question is asked, and those in flight then.
        assert script.came.total() <= 20 + 1 + 7 and script.came[HARMLESS] == 1


FLAGGED = Said(status=403, error={"message": f"Your input was flagged by moderation ({KEY}) \ud83d"})


def test_a_flagged_request_is_a_refused_row_also_when_nothing_else_is_left(tmp_path: Path) -> None:
    with scripted(lambda text, before: FLAGGED if text == "question 2" else Said()) as script:
        for _ in range(2):
            rows, _ = asked(questions(5), provider_at(script.base_url, concurrency=1), tmp_path)
            assert [row.status for row in rows] == [Status.OK] * 2 + [Status.REFUSED] + [Status.OK] * 2
            assert rows[2].reason == "403: Your input was flagged by moderation ([redacted]) \ufffd"
        assert script.came.total() == 6 + 1  # the second run, which got no other answer, asked a harmless question


def test_an_account_of_which_everything_is_flagged_stops_the_run(tmp_path: Path) -> None:
    with scripted(lambda text, before: FLAGGED) as script:
        with pytest.raises(ProviderDown, match=r"403: Your input was flagged.*See to the key"):
            asked(questions(200), provider_at(script.base_url), tmp_path)
        assert script.came.total() <= 20 + 1 + 7 and script.came[HARMLESS] == 1


TURNED_AWAY = {
    # The 20th is looked into, and at the end the ten since.
    "flagged": (FLAGGED, Status.REFUSED, 2),
    "filtered": (Said(status=400, error={"code": "content_filter", "message": "no"}), Status.REFUSED, 0),
    # The first one is looked into, then the 5th since; 30 are 1 + 5 * 5 + 4.
    "a firewall": (Said(status=403, raw=b"<html>Forbidden</html>"), Status.FAILED, 6),
    "not found": (Said(status=404), Status.FAILED, 6),
    "too long": (Said(status=400, error={"message": "too long"}), Status.FAILED, 2),
    # The first one, the 20th since, and at the end nine.
    "a parameter": (Said(status=400, error={"message": "max_tokens is not supported"}), Status.FAILED, 3),
}


@pytest.mark.parametrize("why", TURNED_AWAY)
def test_a_restart_with_nothing_left_but_rows_that_are_turned_away_ends_with_their_statuses(
    why: str, tmp_path: Path
) -> None:
    said, status, harmless_ones = TURNED_AWAY[why]
    with scripted(lambda text, before: Said()) as script:
        asked(questions(2), provider_at(script.base_url), tmp_path)
        script.says = lambda text, before: said if text.startswith("question") else Said("yes")
        rows, answers = asked(questions(32), provider_at(script.base_url, concurrency=1), tmp_path)
    assert [row.status for row in rows] == [Status.OK] * 2 + [status] * 30
    assert script.came[HARMLESS] == harmless_ones
    assert answers.report.asked == 0  # what was asked to find out is nobody's answer


@pytest.mark.parametrize("why", TURNED_AWAY)
def test_a_restart_of_which_everything_is_turned_away_stops_at_once(why: str, tmp_path: Path) -> None:
    if why == "filtered":  # whose words are about the prompt alone
        return
    said = TURNED_AWAY[why][0]
    with scripted(lambda text, before: Said()) as script:
        asked(questions(2), provider_at(script.base_url), tmp_path)
        script.says = lambda text, before: said
        with pytest.raises(ProviderDown, match=r"See to|Say `token_limit_key"):
            asked(questions(99), provider_at(script.base_url, concurrency=8), tmp_path)
        assert script.came.total() <= 2 + 20 + 1 + 7


def test_a_block_of_flagged_rows_at_the_very_beginning_is_passed(tmp_path: Path) -> None:
    with scripted(lambda text, before: FLAGGED if text in [f"question {n}" for n in range(50)] else Said()) as script:
        rows, _ = asked(questions(60), provider_at(script.base_url, concurrency=8), tmp_path)
    assert [row.status for row in rows] == [Status.REFUSED] * 50 + [Status.OK] * 10


def test_many_that_are_turned_away_at_once_find_out_by_one_question(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said()) as script:
        asked(questions(1), provider_at(script.base_url), tmp_path)
        script.says = lambda text, before: Said(status=403) if text != HARMLESS else Said("yes", wait_s=1.0)
        rows, _ = asked(questions(9), provider_at(script.base_url, concurrency=8), tmp_path)
    assert [row.status for row in rows] == [Status.OK] + [Status.FAILED] * 8
    assert script.came[HARMLESS] == 1


def test_the_question_that_finds_out_is_like_the_others_and_paid_for(tmp_path: Path) -> None:
    with scripted(lambda text, before: Said(status=403) if "question" in text else Said("yes")) as script:
        provider = provider_at(script.base_url, prices=Prices(input=1e6, output=1e6))  # $1 a token
        with (
            Ledger.open(tmp_path, provider.model) as ledger,
            Purse.open(tmp_path, "mine", 99.0, provider) as purse,
        ):
            ledger.put(address_of(question(0), provider), Reply("fine", "stop"))
            answers = ask(questions(2), provider, ledger, str, 2, purse=purse)
            kept = len(ledger)
    theirs, ours = script.bodies
    assert ours == {**theirs, "messages": [{"role": "user", "content": HARMLESS}]}
    assert (answers.report.usd, kept) == (pytest.approx(12), 1)


def test_what_is_begun_of_the_answer_that_finds_out_is_paid_for_and_counted(tmp_path: Path) -> None:
    def says(text: str, before: int) -> Said:
        return Said(status=403) if text != HARMLESS else Said(cut=True) if before < 2 else Said("yes")

    with scripted() as script:
        provider = provider_at(script.base_url, concurrency=1, prices=Prices(input=0.0, output=1e6))  # $1 a token
        asked(questions(1), provider, tmp_path)
        script.says = says
        with (
            Ledger.open(tmp_path, provider.model) as ledger,
            Purse.open(tmp_path, "mine", 999.0, provider) as purse,
        ):
            report = ask(questions(2), provider, ledger, str, 2, purse=purse).report
    # Two that were cut, as long as an answer may be (64 tokens); the third has 2.
    assert (report.usd, report.estimated, report.retries) == (pytest.approx(2 * 64 + 2), 2, 2)
    assert report.faults == {"refused (403)": 1, "connection": 2}


ENDS_TRANSIENTLY = {
    "it does not answer: no answer in time": Said(wait_s=1.0),
    "it does not answer: 500": Said(status=500),
    "it does not answer: connection failed": Said(drop=True),
    "it gives no answers: .*See to the provider's section": Said(raw=b"<html>Welcome</html>"),
}


@pytest.mark.parametrize("words", ENDS_TRANSIENTLY)
def test_an_outage_while_finding_out_is_told_as_an_outage(words: str, tmp_path: Path) -> None:
    with scripted() as script:
        patience = 0.3 if ENDS_TRANSIENTLY[words].wait_s else 10.0
        provider = provider_at(script.base_url, concurrency=1, timeout_s=patience, max_tries=2)
        asked(questions(1), provider, tmp_path)
        script.says = lambda text, before: ENDS_TRANSIENTLY[words] if text == HARMLESS else Said(status=403)
        with pytest.raises(ProviderDown, match=words) as stopped:
            asked(questions(5), provider, tmp_path)
        assert "See to the key" not in str(stopped.value) and script.came[HARMLESS] == 2


def test_rate_limits_that_do_not_end_while_finding_out_are_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PATIENCE_S", 0.2)
    with scripted() as script:
        asked(questions(1), provider_at(script.base_url), tmp_path)
        script.says = lambda text, before: Said(status=429 if text == HARMLESS else 403)
        with pytest.raises(ProviderDown, match="nothing but rate limits for long: 429"):
            asked(questions(5), provider_at(script.base_url, concurrency=1), tmp_path)


def test_finding_out_outlasts_a_rate_limit_and_a_fault(tmp_path: Path) -> None:
    def says(text: str, before: int) -> Said:
        if text != HARMLESS:
            return Said(status=403)
        return (Said(status=429), Said(status=429), Said(status=500), Said("yes"))[before]

    with scripted() as script:
        asked(questions(1), provider_at(script.base_url), tmp_path)
        script.says = says
        rows, _ = asked(questions(3), provider_at(script.base_url, concurrency=1, max_tries=2), tmp_path)
    assert [row.status for row in rows] == [Status.OK, Status.FAILED, Status.FAILED]


@pytest.mark.parametrize("status", [403, 404])
def test_a_403_or_404_after_an_answer_is_that_rows_failure_until_they_follow_each_other(
    status: int, tmp_path: Path
) -> None:
    def says(text: str, before: int) -> Said:
        return Said() if text in [f"question {n}" for n in (0, 1, 2, 4, *range(6, 10))] else Said(status=status)

    with scripted(says) as script:
        rows, _ = asked(questions(10), provider_at(script.base_url, concurrency=1), tmp_path / "a")
        assert [row.id for row in rows if row.status is Status.FAILED] == ["q/3", "q/5"]
        with pytest.raises(ProviderDown, match=f"{status}: no. See to the key"):
            asked(questions(99), provider_at(script.base_url, concurrency=1), tmp_path / "b")
        assert script.came["question 14"] == 1 and script.came["question 15"] == 0  # 10 to 14 are five in a row
