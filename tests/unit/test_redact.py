"""No secret stands in a text that leaves the program."""

from contextlib import suppress

import pytest

from janus_recipes import redact as masking
from janus_recipes.errors import SpendingRefused
from janus_recipes.llm.endpoint import key_of
from janus_recipes.recipe.provider import Provider
from janus_recipes.redact import MASK, redact


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {key}",
        "headers={{'authorization': 'Bearer {key}', 'accept': '*/*'}}",
        "Authorization: {key}",
        'x-api-key: "{key}"',
        "GET /v1/models?api-key={key}&n=1",
        "'api_key': '{key}'",
        "https://user:{key}@proxy.example/v1",
    ],
)
def test_a_key_is_taken_out_wherever_a_client_prints_it(text: str) -> None:
    redacted = redact(text.format(key="p1anted-Key.0123"))
    assert "p1anted" not in redacted
    assert MASK in redacted


@pytest.mark.parametrize("key", ["sk-proj-abc123DEF456", "sk-abcde***wxyz", "hf_abcdefghijkl"])
def test_keys_of_known_shapes_are_taken_out_without_being_told(key: str) -> None:
    assert (
        redact(f"Incorrect API key provided: {key}. See the docs.")
        == f"Incorrect API key provided: {MASK}. See the docs."
    )


def test_values_of_secret_variables_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TEACHER_KEY", "plain words")
    monkeypatch.setenv("OTHER_TOKEN", "plain words and more")
    assert redact("plain words and more, plain words") == f"{MASK}, {MASK}"


def test_a_switch_that_is_named_like_a_token_does_not_garble_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_TOKEN", "1")
    assert redact("11 of 21 requests") == "11 of 21 requests"


def test_a_value_given_by_the_caller_is_taken_out() -> None:
    assert redact("the key swordfish is wrong", "swordfish", None) == f"the key {MASK} is wrong"


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "known_secrets", set())


@pytest.mark.usefixtures("nothing_known")
@pytest.mark.parametrize("key", ["swordfish", "swordfish\u2013with-a-dash"])
def test_a_key_is_masked_everywhere_once_it_is_read_whatever_its_variable_is_called(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRED_FOR_LLM", f" {key}\n")
    assert redact(f"no, {key}") == f"no, {key}"
    with suppress(SpendingRefused):  # the second is no key that can be sent, and still nobody else's business
        key_of(Provider(kind="openai", model="teacher", key_env="CRED_FOR_LLM"))
    assert redact(f"no, {key}") == f"no, {MASK}"


@pytest.mark.usefixtures("nothing_known")
def test_a_placeholder_for_a_key_does_not_garble_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRED_FOR_LLM", "none")  # what local endpoints are often given
    assert key_of(Provider(kind="openai", model="teacher", key_env="CRED_FOR_LLM")) == "none"
    assert redact("none of the requests") == "none of the requests"


def test_ordinary_text_is_left_alone() -> None:
    text = "a risk-averse author asked for tokens: 12, key: C major, at https://example.org/a@b"
    assert redact(text) == text
