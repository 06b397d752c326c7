"""What asking costs: tokens, dollars and hours of the requests that a step has left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import ceil

from janus_recipes.llm.prices import usd_for
from janus_recipes.planning.count import Count, Seen
from janus_recipes.planning.line import Line
from janus_recipes.planning.nodes import AskingNode
from janus_recipes.recipe.provider import Asking, Provider
from janus_recipes.recipe.schema import Recipe, Throughput

S_PER_H = 3600.0


def seen_by_kind(nodes: Iterable[tuple[AskingNode, Count]], recipe: Recipe) -> dict[tuple[str, str], Seen]:
    """What is seen in the ledger by kind of step and model; where several steps have some rows there, the first."""
    seen: dict[tuple[str, str], Seen] = {}
    for node, count in nodes:
        if count.seen is not None:
            seen.setdefault((node.kind, recipe.providers[node.asking.provider].model), count.seen)
    return seen


def asking_line(node: AskingNode, count: Count, recipe: Recipe, seen: Mapping[tuple[str, str], Seen]) -> Line:
    """A node's line. A typical answer is as long as the ledger's are, else as the recipe expects, else as it may be.

    A row takes as many answers as those in the ledger took, else one.
    """
    provider = recipe.providers[node.asking.provider]
    known = count.seen or seen.get((node.kind, provider.model))
    answer = (known and known.answer_tokens) or node.asking.expected_tokens or node.asking.sampling.max_tokens
    answers_a_row = known.answers_a_row if known else 1.0
    prompt, requests = count.prompt_tokens, count.to_ask * answers_a_row
    tokens_in, tokens_out = round(requests * prompt), round(requests * answer)
    live, batch = (
        usd_for(provider.model_copy(update={"kind": kind}), tokens_in, tokens_out, requests=round(requests))
        for kind in (kind_asked_live(provider), "openai-batch" if has_batches(provider) else provider.kind)
    )
    gpu_hours = served_gpu_hours(provider, tokens_in, tokens_out, recipe.throughput)
    return Line(
        step=node.name,
        by=f"{node.asking.provider}: {provider.model}",
        requests=count.requests,
        in_ledger=count.in_ledger,
        to_ask=count.to_ask,
        answers_a_row=answers_a_row,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        usd=live,
        usd_in_batch=batch,
        in_batch=provider.kind == "openai-batch",
        hours=hours_of(node.asking, provider, requests, prompt, answer, recipe.throughput),
        gpu_hours=gpu_hours,
        basis="made" if count.made else "exact" if node.is_exact else "estimate",
    )


def has_batches(provider: Provider) -> bool:
    """Whether the provider is, or could be, asked in batches at a lower price."""
    return provider.kind in ("openai", "openai-batch")


def kind_asked_live(provider: Provider) -> str:
    """The kind of the provider when it is asked one by one."""
    return "openai" if provider.kind == "openai-batch" else provider.kind


def hours_of(
    asking: Asking, provider: Provider, requests: float, prompt: float, answer: float, throughput: Throughput
) -> float | None:
    """Hours that a step takes at its provider's limits. None where nobody can say: a rehearsal, a CPU."""
    if not requests:
        return 0.0
    if provider.kind == "openai-batch":
        return batch_hours(provider, requests * (prompt + asking.sampling.max_tokens), asking.re_asks)
    if provider.kind == "openai":
        return live_hours(provider, requests, prompt, answer, throughput.answer_tokens_per_second)
    if provider.kind == "vllm" and provider.served.gpus:
        tokens_in, tokens_out = round(requests * prompt), round(requests * answer)
        return served_gpu_hours(provider, tokens_in, tokens_out, throughput) / provider.served.gpus
    return None


def live_hours(provider: Provider, requests: float, prompt: float, answer: float, tokens_per_second: float) -> float:
    """Hours by the tightest of: requests a minute, tokens a minute, and answers of their length side by side."""
    seconds = [requests * answer / tokens_per_second / provider.concurrency]
    if provider.requests_per_minute:
        seconds.append(requests * 60 / provider.requests_per_minute)
    if provider.tokens_per_minute:
        seconds.append(requests * (prompt + answer) * 60 / provider.tokens_per_minute)
    return max(seconds) / S_PER_H


def batch_hours(provider: Provider, tokens: float, re_asks: int) -> float | None:
    """Hours of whole completion windows: as many as the tokens that may be queued at a time make necessary, and one
    more for each time that an answer may be asked for again, as it shows only then that it does not parse.

    A batch may be through long before its window ends; what the provider itself fails to answer takes another one.
    """
    window = re.fullmatch(r"(\d+)h", provider.batch.window)
    rounds = ceil(tokens / provider.batch.tokens_queued) if provider.batch.tokens_queued else 1
    return float(window[1]) * (rounds + re_asks) if window else None


def served_gpu_hours(provider: Provider, tokens_in: int, tokens_out: int, throughput: Throughput) -> float:
    """GPU-hours where the step's own job serves the model, at the stated speeds; loading the weights apart."""
    if provider.kind != "vllm" or provider.served.gpus == 0:
        return 0.0
    seconds = tokens_in / throughput.prompt_tokens_per_gpu_second
    seconds += tokens_out / throughput.generated_tokens_per_gpu_second
    return seconds / S_PER_H
