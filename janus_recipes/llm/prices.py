"""What answers cost, in dollars: the recipe's own prices, else those of the genai-prices package.

    providers: {teacher: {kind: openai, model: gpt-6.1-terra, prices: {input: 1.0, output: 5.0}}}

The package knows list prices by the day it was released; it is not asked over the network. Long prompts may cost more
per token: its tiers are honoured. A model served by the step's own job, and a rehearsal's, cost nothing unless the
recipe gives them prices.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache

from janus_recipes.llm.chat import Reply
from janus_recipes.recipe.provider import Prices, Provider
from janus_recipes.recipe.schema import Recipe

PER = 1_000_000
"""Prices are for so many tokens."""

FREE = Prices(input=0.0, output=0.0)
PENNY_MATTERS = 1.0
"""Dollars below which an amount is printed with four digits instead of two."""

OPENAI = "https://api.openai.com/v1"
"""Where the openai package asks when the recipe names no endpoint."""


@dataclass(frozen=True)
class Tariff:
    """A model's prices. `tiers[n]` holds for prompts longer than `starts[n - 1]` tokens, `tiers[0]` for the others."""

    tiers: tuple[Prices, ...]
    starts: tuple[int, ...] = ()

    def of(self, prompt_tokens: int) -> Prices:
        """The prices that hold for a whole request whose prompt has so many tokens."""
        return self.tiers[bisect_left(self.starts, prompt_tokens)]

    @property
    def free(self) -> bool:
        """Whether nothing costs anything."""
        return not any(one.input or one.output or one.cached_input for one in self.tiers)


def prices_of(provider: Provider) -> Prices | None:
    """Dollars per million tokens for an ordinary prompt, asked live; None where nobody knows them."""
    tariff = tariff_of(provider)
    return None if tariff is None else tariff.tiers[0]


def cost_of(reply: Reply, provider: Provider) -> float | None:
    """What an answer cost in dollars, by the usage that the endpoint reported.

    None where the price is unknown, or where it is not free and the endpoint reported no usage.
    """
    tariff = tariff_of(provider)
    if tariff is not None and not tariff.free and not (reply.prompt_tokens or reply.completion_tokens):
        return None
    return usd_for(provider, reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens)


def usd_for(
    provider: Provider, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, requests: int = 1
) -> float | None:
    """What tokens of `requests` requests of about one size cost in dollars. None where the price is unknown.

    `cached_tokens` are those of the prompts that the provider had cached. In a batch it is the batch's share of it.
    """
    tariff = tariff_of(provider)
    if tariff is None:
        return None
    prices = tariff.of(prompt_tokens // max(requests, 1))
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    cached = min(cached_tokens, prompt_tokens)
    usd = ((prompt_tokens - cached) * prices.input + cached * cached_price + completion_tokens * prices.output) / PER
    return usd * provider.batch.price_share if provider.kind == "openai-batch" else usd


def dollars(usd: float) -> str:
    """An amount as people read it."""
    return f"${usd:,.2f}" if usd >= PENNY_MATTERS or not usd else f"${usd:.4f}"


def price_warnings(recipe: Recipe) -> list[str]:
    """One line for each provider that has no known price although the recipe has a budget: it will never be asked."""
    if recipe.budget_usd is None:
        return []
    return [
        f"providers.{name}.prices: the price of {provider.model} is not known and the recipe has a `budget_usd`; steps "
        "that ask it will refuse to start. Give its `prices` (dollars per million tokens), or set `budget_usd: null`."
        for name, provider in recipe.providers.items()
        if tariff_of(provider) is None
    ]


def tariff_of(provider: Provider) -> Tariff | None:
    """The recipe's prices, else nothing for what is served on one's own machines, else the package's."""
    if provider.prices is not None:
        return Tariff((provider.prices,))
    if provider.kind in ("vllm", "rehearsal"):
        return Tariff((FREE,))
    return listed_tariff(provider.model, provider.base_url)


@cache
def listed_tariff(model: str, base_url: str | None) -> Tariff | None:
    """The genai-prices package's prices today. An endpoint that it does not know is priced by the model's name."""
    from genai_prices import Usage, calc_price  # takes a second to load: only when a price must be looked up
    from genai_prices.types import TieredPrices, calc_unit_price

    for endpoint in (base_url or OPENAI, None):
        try:
            listed = calc_price(Usage(), model, provider_api_url=endpoint).model_price
            break
        except LookupError:
            continue
    else:
        return None
    if listed.input_mtok is None or listed.output_mtok is None:
        return None  # priced by the picture or by the second

    def prices(prompt_tokens: int) -> Prices:
        fresh, cached, written = (
            None if price is None else float(calc_unit_price(price, PER, prompt_tokens, PER))
            for price in (listed.input_mtok, listed.cache_read_mtok, listed.output_mtok)
        )
        return Prices(input=fresh or 0.0, cached_input=cached, output=written or 0.0)

    listings = (listed.input_mtok, listed.cache_read_mtok, listed.output_mtok)
    starts = sorted({tier.start for one in listings if isinstance(one, TieredPrices) for tier in one.tiers})
    return Tariff(tuple(prices(start + 1) for start in (0, *starts)), tuple(starts))
