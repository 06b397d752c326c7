"""What a recipe may say. Every section is a model with `extra="forbid"`: a misspelt key is an error, not a silence.

    janus validate recipes/janus.yaml           # all errors at once, each with its path in the YAML
    janus schema > docs/recipe.schema.json      # for editors

Paths in a recipe are relative to the folder that Snakemake runs in: the project's root.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from janus_recipes.errors import StepError
from janus_recipes.recipe.answer_analysis import AnswerAnalysis
from janus_recipes.recipe.best_of import SINGLE, BestOf
from janus_recipes.recipe.collection import Collection, PreferenceSets, Source, SystemMessages
from janus_recipes.recipe.dataset import Dataset
from janus_recipes.recipe.human import Human
from janus_recipes.recipe.judges import Calibration, Judge
from janus_recipes.recipe.provider import Asking, Provider, Sampling
from janus_recipes.recipe.published_bench import PublishedBench
from janus_recipes.recipe.section import Condition, Name, Section
from janus_recipes.recipe.training import RehearsalTrainings, Tracking, Training
from janus_recipes.recipe.win_rates import WinRate


class Prompts(Section):
    """The templates of what is sent to teacher and judge. Point one at a file of yours to replace it."""

    preference_set: str = "prompts/preference_set.j2"
    system_message: str = "prompts/system_message.j2"
    response: str = "prompts/response.j2"
    rubric: str = "prompts/rubric.j2"
    judge: str = "prompts/judge.j2"
    compare: str = "prompts/compare.j2"


class Seeds(Section):
    """The hand-written examples that the teacher is shown (paper, appendix A.2)."""

    preferences: str = "prompts/seeds/preferences.yaml"
    system_messages: str = "prompts/seeds/system_messages.yaml"
    rubrics: str = "prompts/seeds/rubrics.yaml"


class BaseModelSpec(Section):
    """Weights that training or generation starts from, and the one chat template used for them everywhere."""

    path: str = Field(min_length=1, description="hub id or local folder")
    revision: str | None = Field(None, description="commit on the hub")
    chat_template: str = Field(
        "prompts/chat/mistral.jinja", description="the template of training and of inference (contract 3)"
    )
    context: int | None = Field(
        None, ge=16, description="tokens that it reads at most; null: no fewer than `generation.max_model_len`"
    )
    gpus: int | None = Field(
        None, ge=1, description="that sampling it takes, sharing its weights; null: as many as `generation.gpus`"
    )
    parameters: float | None = Field(None, gt=0, description="in billions, for `janus plan` alone; null: not known")
    licence: str | None = Field(None, description="of the weights, for the cards of models trained from them")

    def decides(self) -> dict[str, Any]:
        """What decides what a model becomes and answers: not what only plans and cards tell of the base."""
        return self.model_dump(mode="json", exclude={"gpus", "parameters", "licence"})

    def fitted(self, generation: Generation) -> Generation:
        """The settings of generation for this base: no more tokens than it reads, which vLLM refuses, and its GPUs."""
        longest = min(generation.max_model_len, self.context or generation.max_model_len)
        gpus = self.gpus if self.gpus and generation.gpus else generation.gpus  # on the CPU all stay there
        return generation.model_copy(update={"max_model_len": longest, "gpus": gpus})


class Model(Section):
    """A row of the tables: weights, which vLLM samples, or a model that a provider answers for; never both.

    Without `train` weights are those of the base as it is; `extends` takes another model's keys first.
    """

    extends: Name | None = None
    base: Name | None = Field(None, description="a name under `base_models`: weights, which vLLM samples")
    provider: Name | None = Field(
        None, description="a name under `providers`, which is asked for the answers; in place of `base`"
    )
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


class Unseen(Section):
    """When a bench instance's preferences are unseen in the Collection (paper, appendix C.1)."""

    compare: Literal["set", "preference"] = Field(
        "set",
        description="what must be new: the set of four preferences, or every one of them. Compared are name and "
        "description, in lower case without punctuation",
    )
    max_rouge_l: float | None = Field(
        None,
        gt=0,
        le=1,
        description="an instance with a preference whose description is at least so similar (ROUGE-L F1) to one of the "
        "Collection's, of the same dimension, is left out; null: not compared",
    )


class Benchmark(Section):
    """Multifaceted Bench (paper, section 4 and appendix C)."""

    sources: dict[Name, BenchSource] = Field(min_length=1, description="in the order in which a shared prompt is kept")
    unseen: Unseen = Field(Unseen(), description="which instances have preferences that the Collection does not have")
    preference_sets: PreferenceSets
    system_messages: SystemMessages
    reference_answers: Asking
    rubrics: Rubrics
    published: PublishedBench | None = Field(
        None, description="a bench that is there already, loaded in place of making one: nothing is asked for it"
    )
    excluded: str | None = Field(
        None,
        description="JSON lines of id and reason: instances that people found bad (`janus human import`); they are not "
        "expected any more",
    )


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
    selections: list[Name] = Field(
        [SINGLE], min_length=1, description="single: the one answer that was drawn; others are names under `best_of`"
    )
    compare: dict[Name, list[Name]] = Field(
        {}, description="further differences to tell: of a model, those that it is compared with"
    )
    published: str | None = Field(None, description="a table's key in `published_figures`")
    tolerance: float | None = Field(
        None, gt=0, description="a figure that differs by no more points than this agrees: see `janus check`"
    )


class Ranking(Section):
    """Does a model put the answer to its own system message above the answer to another one (appendix E)?

    Of each bench instance the reference answer is chosen, that to another system message of the same instruction is
    rejected. A reward model scores both; any other model's score is the log-probability that it gives to them.
    """

    title: str
    benchmark: Name
    models: list[Name] = Field(min_length=1)
    compare: dict[Name, list[Name]] = Field(
        {}, description="differences to tell: of a model, those that it is compared with"
    )


Analysis = Literal["table1", "table5", "table7", "figure4", "figure5"]
"""An analysis of the Collection (paper, section 3 and appendices A, B and C)."""


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


class Rehearsal(Section):
    """Its presence makes the run a rehearsal: every base model is a tiny one and every table says so."""

    notice: str = Field(
        "REHEARSAL: tiny models in a made-up world. These figures say nothing about the paper's models.",
        min_length=1,
        description="what every page of results says",
    )
    tiny_model: TinyModel = TinyModel()
    training: RehearsalTrainings = Field(
        RehearsalTrainings(), description="replaces these values in the models' `train`"
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
    gpu_tflops: float = Field(
        312.0, gt=0, description="peak of a training's GPU, in 10^12 dense operations a second: an A100 in bf16"
    )
    flops_utilization: float = Field(
        0.4,
        gt=0,
        le=1,
        description="share of that peak that trainings reach; what gradient checkpointing computes twice counts twice",
    )
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
    judges: dict[Name, Judge] = Field({}, description="further judges by name, for `calibrations`")
    calibrations: dict[Name, Calibration] = Field({}, description="pages that compare judges on the same answers")
    tracking: Tracking = Tracking()
    tables: dict[Name, Table]
    best_of: dict[Name, BestOf] = Field({}, description="ways to select one of several answers, by a reward model")
    rankings: dict[Name, Ranking] = Field({})
    win_rates: dict[Name, WinRate] = Field({}, description="pages that tell how often a model wins against another one")
    human: Human | None = Field(None, description="human evaluation, exported to and imported from Label Studio")
    analyses: list[Analysis] = Field(
        ["table1", "table5", "table7", "figure4", "figure5"],
        description="what is told about the Collection, beside the paper's figures",
    )
    answer_analyses: dict[Name, AnswerAnalysis] = Field(
        {}, description="what the models' answers are like: lengths, likeness, examples"
    )
    engines: Engines = Engines()
    resources: Resources = Resources()
    throughput: Throughput = Throughput()
    rehearsal: Rehearsal | None = None

    def base_of(self, model: str) -> str:
        """The name of the base model under a model. Raises StepError for one that a provider answers for."""
        base = self.models[model].base
        if base is None:
            raise StepError(f"models.{model} is answered by its provider: it has no weights here")
        return base

    def general_message(self, condition: str) -> str | None:
        """The recipe's own system message, of answers under the condition that has it: `default`."""
        return self.default_system_message if condition == "default" else None

    def from_of(self, model: str) -> dict[str, Any]:
        """What decides a model beside its training, data and start, as manifests hold it: its base and the seed."""
        return {"base": self.base_models[self.base_of(model)].decides(), "seed": self.seed}
