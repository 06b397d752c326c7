"""Prices: what an answer costs is derived from its usage, by the recipe's prices or by the list."""

from __future__ import annotations

import pytest
from genai_prices import Usage, calc_price

from janus_recipes.llm.chat import Reply
from janus_recipes.llm.prices import cost_of, dollars, prices_of, usd_for
from janus_recipes.recipe.provider import Prices, Provider


def provider(kind: str = "openai", model: str = "gpt-4-0125-preview", **more: object) -> Provider:
    return Provider.model_validate({"kind": kind, "model": model, **more})


def reply(prompt: int, completion: int, cached: int = 0) -> Reply:
    return Reply("yes", "stop", prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)


OWN = Prices(input=2.0, output=10.0, cached_input=0.5)


def test_the_recipes_own_prices_count_fresh_cached_and_written_tokens() -> None:
    # 800 fresh at $2, 200 cached at $0.50, 500 written at $10, each per million: 1,600 + 100 + 5,000 = 6,700 / 10^6.
    assert cost_of(reply(1000, 500, 200), provider(prices=OWN)) == pytest.approx(0.0067)


def test_a_batch_costs_its_share_of_the_live_price() -> None:
    # Half of the 0.0067 above; a fifth where the recipe says so.
    assert cost_of(reply(1000, 500, 200), provider("openai-batch", prices=OWN)) == pytest.approx(0.00335)
    fifth = provider("openai-batch", prices=OWN, batch={"price_share": 0.2})
    assert cost_of(reply(1000, 500, 200), fifth) == pytest.approx(0.00134)


def test_cached_input_without_a_price_of_its_own_costs_as_much_as_fresh() -> None:
    # 1,000 x $2 + 500 x $10 per million.
    assert cost_of(reply(1000, 500, 200), provider(prices=Prices(input=2.0, output=10.0))) == pytest.approx(0.007)


def test_a_known_models_list_price_is_found_by_its_name() -> None:
    # The paper's teacher: $10 and $30 per million. 1,000 of each: 0.01 + 0.03.
    assert prices_of(provider()) == Prices(input=10.0, output=30.0, cached_input=None)
    assert cost_of(reply(1000, 1000), provider()) == pytest.approx(0.04)


def test_a_prompt_longer_than_a_tiers_start_costs_the_tiers_price_whole() -> None:
    # gpt-6.1-terra: $1 per million up to 272,000 tokens, $2 for all tokens of a longer prompt.
    terra = provider(model="gpt-6.1-terra")
    assert cost_of(reply(272_000, 0), terra) == pytest.approx(0.272)
    assert cost_of(reply(272_001, 0), terra) == pytest.approx(0.544002)
    # Many short requests together stay in the first tier: 1,000 of 300 tokens.
    assert usd_for(terra, 300_000, 0, requests=1000) == pytest.approx(0.3)


@pytest.mark.parametrize("model", ["gpt-6.1-terra", "gpt-4o-mini", "claude-sonnet-4-5"])
@pytest.mark.parametrize(("prompt", "written", "cached"), [(10, 7, 0), (9000, 800, 4096), (400_000, 3, 399_000)])
def test_costs_agree_with_the_price_lists_own_calculation(model: str, prompt: int, written: int, cached: int) -> None:
    listed = calc_price(Usage(input_tokens=prompt, output_tokens=written, cache_read_tokens=cached), model)
    assert cost_of(reply(prompt, written, cached), provider(model=model)) == pytest.approx(float(listed.total_price))


def test_nobody_knows_the_price_of_an_unheard_of_model() -> None:
    unknown = provider(model="nobody/nothing-7b")
    assert prices_of(unknown) is None and cost_of(reply(10, 10), unknown) is None


def test_what_runs_on_ones_own_machines_costs_nothing_unless_the_recipe_says_so() -> None:
    assert [cost_of(reply(10, 10), provider(kind, "any")) for kind in ("vllm", "rehearsal")] == [0.0, 0.0]
    assert cost_of(reply(0, 100), provider("rehearsal", "any", prices=OWN)) == pytest.approx(0.001)


def test_an_answer_without_usage_has_no_known_cost_where_it_is_not_free() -> None:
    assert cost_of(reply(0, 0), provider(prices=OWN)) is None
    assert cost_of(reply(0, 0), provider("vllm", "any")) == 0.0


def test_amounts_below_a_dollar_show_more_digits() -> None:
    assert [dollars(usd) for usd in (0.0, 0.0123, 1.5, 12345.678)] == ["$0.00", "$0.0123", "$1.50", "$12,345.68"]
