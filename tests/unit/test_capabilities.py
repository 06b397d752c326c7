"""What a provider may not say is told before anything is asked: where it is not, what is refused, what is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.registry import read_registry
from janus_recipes.recipe.schema import Recipe
from tests.scripted import KEY, asked, questions, scripted

JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")


def read(tmp_path: Path, teacher: str, *others: Path) -> Recipe:
    """The paper's recipe with these keys of the teacher's. There, reasoning_effort is none and key_env is set."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"providers: {{teacher: {{{teacher}}}}}")
    return load_recipe([JANUS, *others, mine])


def problems_with(tmp_path: Path, teacher: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, teacher)
    return [line.split(": ", 1)[1] for line in caught.value.problems]


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        (
            "model: gpt-4o-mini",
            "providers.teacher.reasoning_effort: gpt-4o-mini does not reason and refuses the parameter: set it to null",
        ),
        (
            "model: gpt-6.1-sol, accepts_sampling: false",
            "providers.teacher.reasoning_effort: gpt-6.1-sol does not take none: "
            "set it to one of low, medium, high, xhigh, max",
        ),
        (
            "model: gpt-6.1-sol, reasoning_effort: low",
            "providers.teacher.accepts_sampling: gpt-6.1-sol refuses temperature and top_p: set it to false",
        ),
        (
            "reasoning_effort: low",
            "providers.teacher.accepts_sampling: gpt-6.1-terra takes temperature and top_p only with reasoning_effort "
            "none, and it is low: set this to false, or reasoning_effort to none",
        ),
        (
            "reasoning_effort: null",
            "providers.teacher.accepts_sampling: gpt-6.1-terra takes temperature and top_p only with reasoning_effort "
            "none, and it is medium: set this to false, or reasoning_effort to none",
        ),
        (
            "token_limit_key: max_tokens",
            "providers.teacher.token_limit_key: gpt-6.1-terra refuses max_tokens: set it to max_completion_tokens",
        ),
        (
            "model: gpt-4-0125-preview, reasoning_effort: null, structured_output: true",
            "providers.teacher.structured_output: gpt-4-0125-preview takes no JSON schema: set it to false "
            "(answers are validated all the same)",
        ),
        (
            "kind: openai-batch, token_limit_key: max_tokens",
            "providers.teacher.token_limit_key: gpt-6.1-terra refuses max_tokens: set it to max_completion_tokens",
        ),
        (
            "kind: openai-batch, key_env: null",
            "providers.teacher.key_env: missing (OpenAI wants a key: name the variable that holds it)",
        ),
        (
            "batch: {poll_s: 5.0}",
            "providers.teacher.batch: is heeded by kind openai-batch only, and this is openai: "
            "set it to null, or change kind",
        ),
        (
            "kind: openai-batch, served: {gpus: 2}",
            "providers.teacher.served: is heeded by kind vllm only, and this is openai-batch: "
            "set it to null, or change kind",
        ),
        (
            "faults: {hang: 0.5}",
            "providers.teacher.faults: is heeded by kind rehearsal only, and this is openai: "
            "set it to null, or change kind",
        ),
    ],
)
def test_what_a_model_refuses_or_a_kind_ignores_is_told_with_what_to_set(
    tmp_path: Path, teacher: str, told: str
) -> None:
    assert problems_with(tmp_path, teacher) == [told]


AZURE = (
    "is not of the form that is asked here: Azure is asked at https://RESOURCE.openai.azure.com/openai/v1/, "
    "with the deployment's name as `model` and no api-version"
)
NO_SCHEME = "must begin with https:// (or http://) and a host: write it like https://api.openai.com/v1"
A_PASSWORD = "holds a user's name or password: take it out, and name the variable that holds the key as `key_env`"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("api.openai.com/v1", NO_SCHEME),
        ("localhost:8000/v1", NO_SCHEME),
        ("ftp://host/v1", NO_SCHEME),
        ("https:///v1", NO_SCHEME),
        ("http://[::1/v1", "is no URL: write it like https://api.openai.com/v1"),
        ("http://user:pass/planted@host/v1", "is no URL: write it like https://api.openai.com/v1"),
        ("http://user:planted@host/v1", A_PASSWORD),
        ("https://planted@host/v1", A_PASSWORD),
        ("https://a host/v1", "has a blank in it: write it like https://api.openai.com/v1"),
        ("https://host/v1 ", "has a blank in it: write it like https://api.openai.com/v1"),
        (
            "https://host/v1?key=planted",
            "must have nothing after its path, no ? and no #: requests go to it with /chat/completions added",
        ),
        (
            "https://host/v1/chat/completions",
            "must not end in /chat/completions, which is added to it: leave that away",
        ),
        ("https://mine.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21", AZURE),
        ("https://gateway/openai/deployments/gpt", AZURE),
        ("https://mine.openai.azure.com/", AZURE),
        ("https://mine.openai.azure.com/openai/v1?api-version=preview", AZURE),
    ],
)
def test_a_base_url_that_cannot_be_asked_is_told_without_what_may_be_secret_in_it(
    tmp_path: Path, url: str, told: str
) -> None:
    assert problems_with(tmp_path, f"base_url: {url!r}") == [f"providers.teacher.base_url: {told}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://mine.openai.azure.com/openai/v1/",
        "https://mine.openai.azure.com/openai/v1",
        "http://[::1]:8000/v1",
        "http://127.0.0.1:8000",
        "https://gateway/openai/v1/",
    ],
)
def test_a_base_url_that_can_be_asked_is_not_complained_of(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, f"base_url: {url!r}").providers["teacher"].base_url == url


def test_azure_is_asked_below_its_v1_with_the_key_as_bearer_and_the_deployment_as_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with scripted() as azure:
        url = azure.base_url.replace("/v1", "/openai/v1/")
        teacher = read(tmp_path, f"base_url: {url!r}, model: my-deployment").providers["teacher"]
        asked(questions(2), teacher, tmp_path / "ledger")
    assert azure.asked_for == {"/openai/v1/chat/completions"}
    assert azure.authorisation == {f"Bearer {KEY}"}
    assert {body["model"] for body in azure.bodies} == {"my-deployment"}


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        ("model: ' gpt-6.1-terra'", "model: has blanks around it: set it to gpt-6.1-terra"),
        ("model: '  '", "model: is blank: name the model"),
        (
            "kind: openai-batch, batch: {window: 1 day}",
            'batch.window: "1 day" does not match ^[0-9]+h$ (the provider\'s completion window, in hours: 24h)',
        ),
        (
            "kind: openai-batch, batch: {requests: 50001}",
            "batch.requests: OpenAI takes 50,000 at most in one file: set it to that or less, or to null",
        ),
        (
            "kind: openai-batch, batch: {megabytes: 200.5}",
            "batch.megabytes: OpenAI takes 200 at most in one file: set it to that or less, or to null",
        ),
        ("timeout_s: .inf", "timeout_s: must be a finite number, got inf (seconds to wait for one answer)"),
    ],
)
def test_what_an_endpoint_would_refuse_or_nobody_can_mean_is_told(tmp_path: Path, teacher: str, told: str) -> None:
    assert problems_with(tmp_path, teacher) == [f"providers.teacher.{told}"]


def test_another_provider_may_take_larger_batches_than_openai(tmp_path: Path) -> None:
    teacher = "kind: openai-batch, base_url: 'https://host/v1', batch: {requests: 100000}"
    assert read(tmp_path, teacher).providers["teacher"].batch.requests == 100_000


def test_all_of_it_is_told_at_once_and_with_everything_else(tmp_path: Path) -> None:
    told = problems_with(tmp_path, "model: gpt-5-mini, token_limit_key: max_tokens, concurrency: 0")
    assert sorted(line.split(": ")[0] for line in told) == [
        "providers.teacher.accepts_sampling",
        "providers.teacher.concurrency",
        "providers.teacher.reasoning_effort",
        "providers.teacher.token_limit_key",
    ]


@pytest.mark.parametrize(
    "teacher",
    [
        "structured_output: true",
        "reasoning_effort: high, accepts_sampling: false",
        "model: gpt-5.1, reasoning_effort: null",  # its own default is none
        "model: gpt-5-nano, reasoning_effort: minimal, accepts_sampling: false",
        "model: gpt-4o, reasoning_effort: null, structured_output: true, token_limit_key: max_tokens",
        "model: nobody-knows-it, reasoning_effort: odd, structured_output: true, token_limit_key: max_tokens",
        "kind: openai-batch, batch: {requests: 1000}",
        "kind: vllm, model: gpt-4o, key_env: null, served: {revision: abc}, token_limit_key: max_tokens",  # a namesake
    ],
)
def test_what_is_taken_is_not_complained_of(tmp_path: Path, teacher: str) -> None:
    assert read(tmp_path, teacher).providers["teacher"]


@pytest.mark.parametrize(
    "teacher",
    [
        "kind: openai-batch, batch: {requests: 1000}, structured_output: true",
        "kind: vllm, model: my/model, key_env: null, served: {revision: abc}",
        "model: gpt-6.1-sol, reasoning_effort: low, accepts_sampling: false",
    ],
)
def test_every_kind_of_teacher_can_be_rehearsed(tmp_path: Path, teacher: str) -> None:
    real = tmp_path / "real.yaml"
    real.write_text(f"providers: {{teacher: {{{teacher}}}}}")
    rehearsed = load_recipe([JANUS, real, REHEARSAL]).providers["teacher"]
    assert rehearsed.kind == "rehearsal"
    assert read(tmp_path, "faults: {malformed: 0.1}", REHEARSAL).providers["teacher"].faults.malformed == 0.1


def test_every_known_model_says_what_it_takes_in_a_consistent_way() -> None:
    for name, known in read_registry().items():
        takes = known.takes
        assert takes.reasoning_effort is not None and takes.structured_output is not None, name
        if takes.sampling == "without_reasoning":
            assert "none" in takes.reasoning_effort, name
            assert takes.default_effort in takes.reasoning_effort, name
        if takes.sampling == "never":
            assert takes.reasoning_effort and "none" not in takes.reasoning_effort, name


def test_the_alternatives_to_retired_models_take_what_the_papers_judge_sends() -> None:
    registry = read_registry()
    for known in registry.values():
        for name in known.alternatives:
            assert registry[name].takes.sampling == "without_reasoning", name
