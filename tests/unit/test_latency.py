"""Latency percentiles, against values known exactly."""

import pytest

from janus_recipes.llm.latency import Latencies


def test_percentiles_are_exact_to_a_fortieth() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 1001):  # 1 ms to 1 s, evenly: the share p of them took at most p seconds
        latencies.add(milliseconds / 1000)
    for share in (0.5, 0.9, 0.99):
        assert latencies.percentile(share) == pytest.approx(share, rel=0.026)


def test_without_answers_there_is_no_percentile() -> None:
    assert Latencies().as_json() == {}


def test_memory_does_not_grow_with_the_answers() -> None:
    latencies = Latencies()
    for number in range(100_000):
        latencies.add(0.0001 + number / 1000)  # up to 100 s
    # ln(100 s / 1 ms) / ln 1.05 = 236 bins at most.
    assert len(latencies.bins) <= 237
