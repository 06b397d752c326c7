"""Where requests go and what they carry: the package's own address and headers, proxies, nothing that was not meant."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.llm.client import Answer, Client
from janus_recipes.llm.endpoint import Endpoint
from tests.scripted import KEY, Said, asked, provider_at, questions, scripted

BODY = {"model": "teacher", "messages": [{"role": "user", "content": "question"}]}
LOGIN = "Basic bWU6c2VjcmV0"  # base64 of me:secret
FAR = "http://teacher.invalid/v1"


def answer_of(where: Endpoint) -> Answer:
    async def go() -> Answer:
        async with Client(where, connections=2, timeout_s=5.0) as client:
            return await client.ask(BODY)

    return asyncio.run(go())


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_openai_packages_own_variables_say_where_and_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as script:
        monkeypatch.setenv("OPENAI_BASE_URL", script.base_url)
        monkeypatch.setenv("OPENAI_ORG_ID", "org-7")
        assert answer_of(Endpoint(None, KEY)).status == 200
        assert script.headers["OpenAI-Organization"] == "org-7"
        assert script.authorisation == {f"Bearer {KEY}"}


def test_an_answer_that_is_no_json_is_its_text() -> None:
    page = Said(status=502, raw=b"<html>Bad gateway</html>")
    with scripted(lambda text, before: page) as script:
        answer = answer_of(Endpoint(script.base_url))
    assert (answer.status, answer.body) == (502, "<html>Bad gateway</html>")


def test_requests_go_through_the_environments_proxy_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as script:
        monkeypatch.setenv("http_proxy", script.base_url.removesuffix("/v1").replace("//", "//me:secret@"))
        assert answer_of(Endpoint(FAR, KEY)).status == 200
        assert script.asked_for == {f"{FAR}/chat/completions"}
        assert script.headers["Proxy-Authorization"] == LOGIN


def test_the_key_of_an_endpoint_behind_tls_is_never_shown_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as script:
        monkeypatch.setenv("https_proxy", script.base_url.removesuffix("/v1").replace("//", "//me:secret@"))
        with pytest.raises(aiohttp.ClientError):  # this proxy takes no CONNECT
            answer_of(Endpoint("https://teacher.invalid/v1", KEY))
        assert script.asked_for == {"teacher.invalid:443"}
        assert KEY not in str(script.headers)
        assert script.headers["Proxy-Authorization"] == LOGIN


def test_an_endpoint_on_this_machine_and_one_in_no_proxy_are_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    with scripted() as script:
        assert answer_of(Endpoint(script.base_url, local=True)).status == 200
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert answer_of(Endpoint(script.base_url)).status == 200
        assert script.asked_for == {"/v1/chat/completions"}


def test_a_proxy_of_another_kind_is_told_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(StepError, match="names a socks5 proxy"):
        answer_of(Endpoint(FAR))


def test_an_address_that_is_none_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", KEY)
    with pytest.raises(ProviderDown, match="its address cannot be used"):
        asked(questions(3), provider_at("teacher.example/v1"), tmp_path)
