"""The micro-world over real HTTP, asked by the openai package."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import openai
import pytest

from janus_recipes.recipe.provider import Faults
from janus_recipes.rehearsal.server import REFUSAL, World, serving

SYSTEM = "Guard fern moss and willow clover."


def client(world: World, timeout: float = 10.0) -> openai.OpenAI:
    return openai.OpenAI(base_url=world.base_url, api_key="none", max_retries=0, timeout=timeout)


def ask(world: World, text: str = "How do trees grow?", timeout: float = 10.0, **options: Any) -> Any:
    messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    return client(world, timeout).chat.completions.create(model="teacher", messages=messages, **options)


@pytest.fixture
def world() -> Iterator[World]:
    with serving() as running:
        yield running


def test_an_answer_comes_in_openais_shape(world: World) -> None:
    reply = ask(world)
    choice = reply.choices[0]
    assert (choice.finish_reason, choice.message.role, choice.message.refusal) == ("stop", "assistant", None)
    assert "fern" in choice.message.content
    assert reply.model == "teacher"
    # SYSTEM is 34 characters and the question 18: 9 + 5 tokens of four characters.
    assert reply.usage.prompt_tokens == 14
    assert reply.usage.total_tokens == 14 + reply.usage.completion_tokens
    assert [one.id for one in client(world).models.list()] == ["micro-world"]


def test_the_same_request_gets_the_same_answer_and_another_seed_another(world: World) -> None:
    first, again, other = (ask(world, seed=seed).choices[0].message.content for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_asking_again_after_an_answer_is_counted(world: World) -> None:
    ask(world, "a")
    ask(world, "b")
    assert world.stats().asked_after_answering == 0
    ask(world, "a")
    stats = world.stats()
    assert (stats.requests, stats.answered, stats.asked_after_answering) == (3, 2, 1)


def test_an_answer_is_cut_at_the_requests_token_limit(world: World) -> None:
    choice = ask(world, max_completion_tokens=3).choices[0]
    assert choice.finish_reason == "length"
    assert len(choice.message.content) == 12  # three tokens of four characters


def test_too_many_requests_say_when_to_come_back() -> None:
    with serving(Faults(rate_limited=1, retry_after_s=7)) as world, pytest.raises(openai.RateLimitError) as error:
        ask(world)
    assert error.value.response.headers["retry-after"] == "7"
    assert error.value.code == "rate_limit_exceeded"


def test_a_server_error_is_a_500() -> None:
    with serving(Faults(server_error=1)) as world, pytest.raises(openai.InternalServerError):
        ask(world)


def test_a_dropped_connection_is_a_connection_error() -> None:
    with serving(Faults(dropped=1)) as world, pytest.raises(openai.APIConnectionError):
        ask(world)


def test_a_hanging_request_times_out_and_does_not_hold_up_the_end() -> None:
    with serving(Faults(hang=1, hang_s=60)) as world:
        with pytest.raises(openai.APITimeoutError):
            ask(world, timeout=0.3)
        left = time.monotonic()
    assert time.monotonic() - left < 5


def test_malformed_json_does_not_parse() -> None:
    prompt = "<examples>\nx\n</examples>\n<preference>\namber velvet sepia opal\n</preference>"
    with serving(Faults(malformed=1)) as world:
        messages: Any = [{"role": "user", "content": prompt}]
        text = client(world).chat.completions.create(model="t", messages=messages).choices[0].message.content
    assert text is not None
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_a_malformed_free_text_is_empty() -> None:
    with serving(Faults(malformed=1)) as world:
        assert ask(world).choices[0].message.content == ""


def test_a_refusal_stands_in_its_own_field() -> None:
    with serving(Faults(refusal=1)) as world:
        message = ask(world).choices[0].message
    assert (message.content, message.refusal) == (None, REFUSAL)


def test_a_truncated_answer_says_so() -> None:
    with serving(Faults(truncated=1)) as world:
        choice = ask(world).choices[0]
    assert choice.finish_reason == "length"
    assert choice.message.content


def test_latency_is_the_one_asked_for() -> None:
    with serving(Faults(latency_s=0.3)) as world:  # sigma 0: every request takes the median
        started = time.monotonic()
        ask(world)
    assert time.monotonic() - started >= 0.3


def fates(world: World, times: int = 2) -> list[str]:
    """The status of each of 30 requests, asked `times` times in a row."""
    with httpx.Client() as http:
        bodies = [
            {"model": "t", "messages": [{"role": "user", "content": str(n)}]} for n in range(30) for _ in range(times)
        ]
        return [str(http.post(f"{world.base_url}/chat/completions", json=body).status_code) for body in bodies]


def test_faults_are_the_same_twice_and_a_retry_can_succeed() -> None:
    faults = Faults(server_error=0.5)
    with serving(faults, seed=3) as world:
        first = fates(world)
    with serving(faults, seed=3) as world:
        assert fates(world) == first
    with serving(faults, seed=4) as world:
        assert fates(world) != first
    pairs = list(zip(first[::2], first[1::2], strict=True))
    assert ("500", "200") in pairs


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/nothing", b"{}", 404),
        ("/chat/completions", b"{not json", 400),
        ("/chat/completions", b"\xff\xfe", 400),
        ("/chat/completions", b"[]", 400),
        ("/chat/completions", b'{"model": "m"}', 400),
        ("/chat/completions", b'{"messages": [{"role": "user", "content": "x"}]}', 400),
        ("/chat/completions", b'{"model": "m", "messages": [{"role": "user"}]}', 400),
        ("/chat/completions", b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}', 400),
        ("/chat/completions", b'{"model": "m", "seed": "x", "messages": [{"role": "user", "content": "x"}]}', 400),
    ],
)
def test_a_wrong_request_gets_an_error_in_openais_shape(world: World, path: str, body: bytes, status: int) -> None:
    reply = httpx.post(world.base_url + path, content=body)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert world.stats().requests == 0


def test_a_lone_surrogate_is_answered(world: World) -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800 hello"}]}'
    assert httpx.post(f"{world.base_url}/chat/completions", content=body).status_code == 200


def test_the_server_is_gone_after_its_block() -> None:
    with serving() as world:
        ask(world)
    with pytest.raises(openai.APIConnectionError):
        ask(world)
