"""What a recipe may say. Every section is a model with `extra="forbid"`: a misspelt key is an error, not a silence.

    janus validate recipes/janus.yaml           # all errors at once, each with its path in the YAML
    janus schema > docs/recipe.schema.json      # for editors

Paths in a recipe are relative to the folder that Snakemake runs in: the project's root.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from janus_recipes.recipe.axolotl_names import Optimizer, Scheduler
from janus_recipes.rehearsal.variants import MOST_FRAMINGS

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A plain name: it becomes a folder, a wildcard and a cluster job's name."""

Condition = Literal["none", "default", "multifaceted"]
"""Which system message a model gets at test time (paper, Table 8)."""


class Section(BaseModel):
    """A part of a recipe. Values are checked strictly: `"3"` and `.nan` are no numbers and `1` is not true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False)


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


class Source(Section):
    """One pool of instructions: a data set on the hub, or a json, jsonl or csv file, local or on the web."""

    dataset: str | None = Field(None, description="hub id; needs `revision`")
    revision: str | None = Field(None, description="commit of the data set, so that it cannot change under us")
    split: str = "train"
    path: str | None = Field(None, description="local file instead of `dataset`")
    url: str | None = Field(None, pattern=r"^https?://", description="file on the web instead, fetched once")
    field: str = Field(description="where the instruction stands in a record, dotted: conversation_a.0.content")
    input_field: str | None = Field(
        None,
        description="where the text that the instruction works on stands, if anywhere; added after an empty line",
    )
    where: dict[str, str] = Field({}, description="only records whose field (dotted) has this value")
    origin_field: str | None = Field(None, description="where the record's own source stands, kept for Table 5")
    pattern: str | None = Field(
        None, description="regular expression; the instruction is its first group, a record without a match is bad"
    )
    variants: int = Field(
        1,
        ge=1,
        le=MOST_FRAMINGS,
        description="rehearsal: how many framings of each instruction are made, itself included",
    )
    max_bad_share: float = Field(0.01, ge=0, le=1, description="share of unreadable records above which the step stops")


class InstructionSampling(Section):
    """From pools to instructions (paper, appendix A.1)."""

    per_source: int = Field(ge=1, description="instructions taken from each source at most, before topping up")
    top_up_from: Name | None = Field(None, description="the source that fills up to `before_filter`")
    before_filter: int = Field(ge=1, description="instructions before the filter")
    exclude_pattern: str | None = Field(
        None, description="instructions that match it carry a system message already and are removed"
    )


class PreferenceSets(Asking):
    """Preference sets (paper, section 3.2): one preference per dimension, each request shown one seed set."""

    per_instruction: int = Field(3, ge=1)


class SystemMessages(Asking):
    """System messages, one from each preference set (paper, section 3.2)."""

    examples: int = Field(3, ge=1, description="example system messages shown in each request")


class Collection(Section):
    """The Multifaceted Collection (paper, section 3 and appendix A)."""

    sources: dict[Name, Source] = Field(min_length=1)
    instructions: InstructionSampling
    preference_sets: PreferenceSets
    system_messages: SystemMessages
    responses: Asking


class Prompts(Section):
    """The templates of what is sent to teacher and judge. Point one at a file of yours to replace it."""

    preference_set: str = "prompts/preference_set.j2"
    system_message: str = "prompts/system_message.j2"
    response: str = "prompts/response.j2"
    rubric: str = "prompts/rubric.j2"
    judge: str = "prompts/judge.j2"


class Seeds(Section):
    """The hand-written examples that the teacher is shown (paper, appendix A.2)."""

    preferences: str = "prompts/seeds/preferences.yaml"
    system_messages: str = "prompts/seeds/system_messages.yaml"
    rubrics: str = "prompts/seeds/rubrics.yaml"


class Dataset(Section):
    """How a training set is cut from the Collection."""

    kind: Literal["sft"] = "sft"
    system_messages_per_instruction: int = Field(3, ge=1, description="3, 2 or 1 of each instruction's system messages")


class BaseModelSpec(Section):
    """Weights that training or generation starts from, and the one chat template used for them everywhere."""

    path: str = Field(min_length=1, description="hub id or local folder")
    revision: str | None = Field(None, description="commit on the hub")
    chat_template: str = Field(
        "prompts/chat/mistral.jinja", description="the template of training and of inference (contract 3)"
    )


class Training(Section):
    """One axolotl run. The names are the paper's (appendix D.1); `rules/training.smk` runs it."""

    method: Literal["sft"] = "sft"
    dataset: Name = Field(description="a name under `datasets`")
    gpus: int = Field(4, ge=0, description="0: train on the CPU")
    sequence_len: int = Field(ge=8, description="tokens; a longer row is left out and counted")
    micro_batch_size: int = Field(ge=1)
    gradient_accumulation_steps: int = Field(ge=1)
    epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0)
    optimizer: Optimizer = "adamw_bnb_8bit"
    lr_scheduler: Scheduler = "cosine"
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    gradient_checkpointing: bool = True
    attention: Literal["flash_attention_2", "sdpa", "eager"] = "flash_attention_2"
    precision: Literal["bf16", "fp32"] = "bf16"
    sample_packing: bool = True
    saves_per_epoch: int = Field(1, ge=1, description="checkpoints; a killed run continues from the last one")
    hours: float = Field(24.0, gt=0, description="wall-clock limit asked of the cluster")
    axolotl: dict[str, Any] = Field(
        {},
        description="further axolotl keys, written as they are. Those that the recipe sets elsewhere are refused; "
        "unknown ones are found only when the training starts, by axolotl's own schema",
    )


class Model(Section):
    """A row of the tables. Without `train` it is a base model as it is; `extends` takes another model's keys first."""

    extends: Name | None = None
    base: Name = Field(description="a name under `base_models`")
    train: Training | None = None


class GenerationSampling(Sampling):
    """The paper's inference settings (appendix D.1)."""

    repetition_penalty: float = Field(1.0, gt=0)


class Generation(Section):
    """Sampling models with vLLM's offline engine."""

    sampling: GenerationSampling
    max_model_len: int = Field(
        ge=16, description="tokens of prompt and answer; an instance that leaves no room is FAILED and counted"
    )
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    gpus: int = Field(1, ge=0)
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    chunk: int = Field(256, ge=1, description="instances handed to the engine at a time; finished ones are on disk")
    hours: float = Field(4.0, gt=0)


class BenchSource(Source):
    """One of the five benchmarks that the bench takes its instructions from."""

    column: str = Field(description="the paper's column: mf-AlpacaEval")
    quota: int = Field(ge=0, description="instructions taken from it")


class Rubrics(Asking):
    """Score rubrics, one for each preference of a system message (paper, appendix C.1)."""

    examples: int = Field(3, ge=1)


class Benchmark(Section):
    """Multifaceted Bench (paper, section 4 and appendix C)."""

    sources: dict[Name, BenchSource] = Field(min_length=1, description="in the order in which a shared prompt is kept")
    preference_sets: PreferenceSets
    system_messages: SystemMessages
    reference_answers: Asking
    rubrics: Rubrics


class Judging(Asking):
    """The rubric judge (paper, appendix F.2)."""

    runs: int = Field(3, ge=1)
    missing_verdicts: Literal["leave_out", "average_rest"] = Field(
        "leave_out",
        description="an instance with a verdict missing is left out, or averaged over those it has",
    )
    swapped_control: bool = Field(
        False, description="also judge every answer under another item's rubrics: what mere babble would score"
    )


class Table(Section):
    """A table: which models under which conditions, beside which published figures."""

    title: str
    benchmark: Name
    models: list[Name] = Field(min_length=1)
    conditions: list[Condition] = Field(["multifaceted"], min_length=1)
    published: str | None = Field(None, description="a table's key in `published_figures`")


class Engines(Section):
    """Which build of axolotl and vLLM is installed. A profile chooses it through the recipe it carries."""

    build: Literal["cuda", "cpu"] = "cuda"


class TinyModel(Section):
    """The tiny Mistral that stands for every base model in a rehearsal."""

    hidden_size: int = Field(128, ge=8)
    layers: int = Field(2, ge=1)
    heads: int = Field(4, ge=1)
    vocabulary: int = Field(
        2048, ge=300, description="tokens of the byte-level tokenizer, trained on the rehearsal's data set"
    )
    max_positions: int = Field(1024, ge=64)


class RehearsalTraining(Section):
    """What a rehearsal changes in every model's training, also in those that an ablation adds: sizes and engine."""

    gpus: int | None = Field(None, ge=0)
    sequence_len: int | None = Field(None, ge=8)
    micro_batch_size: int | None = Field(None, ge=1)
    gradient_accumulation_steps: int | None = Field(None, ge=1)
    epochs: float | None = Field(None, gt=0)
    optimizer: Optimizer | None = None
    warmup_steps: int | None = Field(None, ge=0)
    gradient_checkpointing: bool | None = None
    attention: Literal["flash_attention_2", "sdpa", "eager"] | None = None
    precision: Literal["bf16", "fp32"] | None = None
    sample_packing: bool | None = None
    saves_per_epoch: int | None = Field(None, ge=1)
    hours: float | None = Field(None, gt=0)


class Rehearsal(Section):
    """Its presence makes the run a rehearsal: every base model is a tiny one and every table says so."""

    notice: str = Field(
        "REHEARSAL: tiny models in a made-up world. These figures say nothing about the paper's models.",
        min_length=1,
        description="what every page of results says",
    )
    tiny_model: TinyModel = TinyModel()
    training: RehearsalTraining = Field(
        RehearsalTraining(), description="replaces these values in every model's `train`"
    )
    learning_rate_times: float = Field(
        1.0, gt=0, description="every model's learning rate is multiplied by it, so that an ablation of it stays one"
    )


class Resources(Section):
    """What a cluster's jobs ask for. A training's GPUs and hours stand with the training."""

    asking_cpus: int = Field(2, ge=1)
    asking_mem_mb: int = Field(4000, ge=500)
    asking_hours: float = Field(24.0, gt=0)
    engine_cpus: int = Field(8, ge=1)
    engine_mem_mb: int = Field(64000, ge=1000)


class Throughput(Section):
    """Stated speeds, for the hours of `janus plan` alone. What finished runs measured counts before them."""

    answer_tokens_per_second: float = Field(
        60.0, gt=0, description="tokens that an endpoint writes per second, in each of the answers under way"
    )
    training_tokens_per_gpu_second: float = Field(1700.0, gt=0, description="tokens that one GPU learns per second")
    generated_tokens_per_gpu_second: float = Field(
        2500.0, gt=0, description="tokens that vLLM writes per second on one GPU, in all answers of a batch"
    )
    prompt_tokens_per_gpu_second: float = Field(
        10000.0, gt=0, description="tokens of prompts that vLLM reads per second on one GPU"
    )
    instruction_tokens: int = Field(
        100, ge=1, description="tokens of a typical instruction, where the instructions are not made yet"
    )


class Recipe(Section):
    """A whole recipe, overlays merged in and `extends` resolved."""

    name: Name = Field(description="results lie under results/<name>/")
    seed: int = Field(42, ge=0)
    ledger: str = Field("ledger", description="folder of paid answers, shared by all recipes")
    budget_usd: float | None = Field(
        None, ge=0, description="dollars that this recipe may spend on answers in all its runs; null: no limit"
    )
    published_figures: str = "recipes/published.yaml"
    known_models: str = Field("recipes/known_models.yaml", description="models with their retirement dates")
    providers: dict[Name, Provider]
    prompts: Prompts = Prompts()
    seeds: Seeds = Seeds()
    collection: Collection
    datasets: dict[Name, Dataset]
    base_models: dict[Name, BaseModelSpec]
    models: dict[Name, Model] = Field(min_length=1)
    default_system_message: str = Field(
        "You are a helpful assistant.", description="the system message of the condition `default` (paper, Table 9)"
    )
    generation: Generation
    benchmarks: dict[Name, Benchmark]
    judging: Judging
    tables: dict[Name, Table]
    engines: Engines = Engines()
    resources: Resources = Resources()
    throughput: Throughput = Throughput()
    rehearsal: Rehearsal | None = None
