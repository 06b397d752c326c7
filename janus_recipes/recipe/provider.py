"""What a recipe may say about the models that steps ask, and about the asking."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from janus_recipes.recipe.section import Name, Section


class Faults(Section):
    """How the rehearsal's provider misbehaves: shares of the requests, each between 0 and 1. For tests."""

    latency_s: float = Field(0.0, ge=0, description="median of the log-normal latency, in seconds")
    latency_sigma: float = Field(0.0, ge=0, description="sigma of the log-normal latency")
    rate_limited: float = Field(0.0, ge=0, le=1, description="429 with a Retry-After header")
    retry_after_s: float = Field(1.0, ge=0, description="the seconds in that header")
    server_error: float = Field(0.0, ge=0, le=1, description="500")
    dropped: float = Field(0.0, ge=0, le=1, description="the connection is closed without an answer")
    hang: float = Field(0.0, ge=0, le=1, description="no answer for `hang_s` seconds")
    hang_s: float = Field(30.0, ge=0, description="how long a hanging request hangs, in seconds")
    malformed: float = Field(0.0, ge=0, le=1, description="200 whose text is not in the format asked for")
    refusal: float = Field(0.0, ge=0, le=1, description="200 whose message is a refusal")
    truncated: float = Field(0.0, ge=0, le=1, description="200 cut at the token limit (finish_reason: length)")
    batch_latency_s: float = Field(0.0, ge=0, description="how long a batch takes, in seconds")
    batch_expires: float = Field(0.0, ge=0, le=1, description="share of the batches that expire with half of it done")
    batch_tokens_queued: int | None = Field(
        None, ge=1, description="prompt tokens of the batches under way at most; null: no limit"
    )


class Prices(Section):
    """Dollars per million tokens, for models that the genai-prices package does not know or prices otherwise."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0, description="input that the provider had cached; null: as `input`")


class Batching(Section):
    """How `openai-batch` cuts requests into files. The limits are OpenAI's; another provider has others."""

    requests: int = Field(50_000, ge=1, description="requests in one file at most")
    megabytes: float = Field(200.0, gt=0, description="size of one file at most, in 10^6 bytes")
    tokens_queued: int | None = Field(
        None, ge=1, description="tokens of all batches under way at most, estimated; null: no limit"
    )
    window: str = Field("24h", pattern=r"^[0-9]+h$", description="the provider's completion window, in hours: 24h")
    poll_s: float = Field(30.0, gt=0, description="seconds between looks at the batches under way")
    price_share: float = Field(0.5, gt=0, le=1, description="price of a request in a batch, as a share of a live one")


class ServedModel(Section):
    """How the job of a step that asks a `vllm` provider serves its model."""

    gpus: int = Field(1, ge=0, description="0: on the CPU")
    revision: str | None = Field(None, description="commit on the hub")
    max_model_len: int | None = Field(None, ge=16, description="tokens of prompt and answer; null: the model's own")
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    chat_template: str | None = Field(None, description="a Jinja file; null: the tokenizer's own")
    start_s: float = Field(1800.0, gt=0, description="seconds that loading the weights may take")


class Provider(Section):
    """A model that steps ask, where it is, and what it accepts."""

    kind: Literal["openai", "openai-batch", "vllm", "rehearsal"] = Field(
        description="openai: any OpenAI-compatible endpoint. openai-batch: its files and batches, slower and cheaper. "
        "vllm: an open model, served by the step's own job. rehearsal: the micro-world, served on this machine"
    )
    model: str = Field(min_length=1, description="the model's name as the endpoint knows it")
    base_url: str | None = Field(
        None,
        description="the endpoint, to which /chat/completions is added; null: the openai package's own default. "
        "Azure's: https://RESOURCE.openai.azure.com/openai/v1/, with the deployment's name as `model`, and `prices`",
    )
    key_env: str | None = Field(None, description="environment variable that holds the key; null: no key is sent")
    concurrency: int = Field(
        64, ge=1, description="requests in flight at most, of each step: steps that run side by side do not share it"
    )
    timeout_s: float = Field(300.0, gt=0, description="seconds to wait for one answer")
    max_tries: int = Field(6, ge=1, description="times one request is sent when faults are transient")
    requests_per_minute: int | None = Field(
        None,
        ge=1,
        description="of each step; the tighter of this and what the endpoint's headers name holds. Steps that run side "
        "by side do not share it: give each its part",
    )
    tokens_per_minute: int | None = Field(
        None,
        ge=1,
        description="tokens of prompts and answers, of each step; the tighter of this and what the headers name holds",
    )
    token_limit_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_completion_tokens", description="how this endpoint calls the limit on the answer's tokens"
    )
    reasoning_effort: str | None = Field(
        None, description="sent as it is, null: not sent; `none`: the token limit is not spent on hidden reasoning"
    )
    accepts_sampling: bool = Field(
        True, description="false: temperature and top_p are refused by this model and not sent"
    )
    structured_output: bool = Field(
        False, description="true: the answer's JSON schema is sent too, where an answer is JSON (response_format)"
    )
    prices: Prices | None = Field(None, description="null: those of the genai-prices package")
    batch: Batching = Field(Batching(), description="openai-batch only")
    served: ServedModel = Field(ServedModel(), description="vllm only")
    faults: Faults = Field(Faults(), description="rehearsal only: how it misbehaves")


class Sampling(Section):
    """How an answer is sampled."""

    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(ge=1, description="tokens of the answer at most")


class Asking(Section):
    """A step that asks a provider once per item."""

    provider: Name = Field(description="a name under `providers`")
    sampling: Sampling
    re_asks: int = Field(2, ge=0, description="times an answer that does not parse is asked again")
    expected_tokens: int | None = Field(
        None, ge=1, description="tokens of a typical answer, for `janus plan` alone; null: as many as it may have"
    )
