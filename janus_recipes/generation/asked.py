"""Answers of a model that a provider answers for: asked through `llm/`, with the rows that vLLM's answers have.

    janus generate gpt-6.1-terra --recipe recipes/janus.yaml --condition multifaceted --bench bench.jsonl --out ...

A provider takes temperature, top_p and the limit on tokens, of which one may take the limit alone. It takes no
repetition penalty: that is vLLM's. What was not sent stands in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.generation.conditions import messages_under
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.recipe.provider import Asking, Provider, Sampling
from janus_recipes.recipe.schema import Generation, Recipe
from janus_recipes.recipe.section import Condition
from janus_recipes.records import Asked, BenchInstance, Status


def answering(recipe: Recipe, model: str) -> Asking:
    """How a model is asked for its answers: its provider, under the recipe's generation sampling.

    Raises StepError for a model with weights, which vLLM samples.
    """
    provider = recipe.models[model].provider
    if provider is None:
        raise StepError(f"models.{model} has weights and no provider: vLLM samples it")
    sent = set(Sampling.model_fields)
    return Asking(
        provider=provider,
        sampling=Sampling(**recipe.generation.sampling.model_dump(include=sent)),
        re_asks=0,  # any text is an answer
        expected_tokens=recipe.collection.responses.expected_tokens,
    )


def not_sent(generation: Generation, provider: Provider) -> Json:
    """The settings of generation that do not reach the provider, with the values that vLLM samples by."""
    left_out = set(type(generation.sampling).model_fields) - set(Sampling.model_fields)
    if not provider.accepts_sampling:
        left_out |= {"temperature", "top_p"}
    return generation.sampling.model_dump(mode="json", include=left_out)


def answer_requests(
    instances: Iterable[BenchInstance], condition: Condition, default_system_message: str, asking: Asking
) -> Iterator[ChatRequest]:
    """One request for each instance, in the bench's order: the messages that vLLM's models get, too."""
    for one in instances:
        yield ChatRequest(one.id, messages_under(condition, one, default_system_message), asking.sampling)


def as_written(text: str) -> str:
    """The answer without the space around it. Any text is one, also an empty one: vLLM's models may write none, too."""
    return text.strip()


def as_sampled(row: Asked[str], asking: Asking) -> Asked[str]:
    """The row as `generation/engine.py` would write it: ok where the answer was cut, also before its first word.

    The paper judges what a model wrote, so a cut answer is one, and its reason says so; else a model that wrote nothing
    would be left out, and better off than one whose empty answers are judged.
    """
    if row.status is Status.TRUNCATED:
        cut = f"cut at {asking.sampling.max_tokens} tokens"
        return replace(row, status=Status.OK, value=as_written(row.raw), reason=cut)
    return replace(row, reason="the answer is blank") if row.value == "" else row
