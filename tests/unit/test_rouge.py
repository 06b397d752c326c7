"""ROUGE-L is the rouge-score package's, pair by pair and over all pairs of two data sets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from janus_recipes.analysis import rouge
from janus_recipes.analysis.rouge import BINS, cross_rouge_l, encoded, pairwise_rouge_l, rouge_l
from tests.bench.rouge import compared_alone, messages

PACKAGE = RougeScorer(["rougeL"])

# Any Unicode, and texts of few words, which have long subsequences in common. The Kelvin sign and the dotted I become
# ASCII letters in lower case; digits and accents part words.
ODD = st.sampled_from(["the", "a", "THE", "42", "\u212a", "\u0130x", "caf\u00e9", "\u4f60\u597d", "a-b", "\ud83d", ""])
TEXTS = st.text(max_size=40) | st.lists(ODD, max_size=90).map(" ".join)


def packages(first: str, second: str) -> float:
    return float(PACKAGE.score(first, second)["rougeL"].fmeasure)


@settings(max_examples=250, deadline=None)
@given(TEXTS, TEXTS)
def test_every_pair_has_the_score_that_the_package_gives(first: str, second: str) -> None:
    assert rouge_l(first, second) == pytest.approx(packages(first, second), abs=1e-12)
    assert rouge_l(second, first) == rouge_l(first, second)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=7), st.integers(1, 3))
def test_all_pairs_have_the_mean_maxima_and_histogram_of_the_packages_scores(
    left: list[str], right: list[str], workers: int
) -> None:
    found = cross_rouge_l(left, iter(right), workers)
    scores = [[packages(one, other) for other in right] for one in left]
    every = [score for row in scores for score in row]
    assert found.pairs == sum(found.histogram) == len(every)
    assert found.mean == pytest.approx(sum(every) / len(every), abs=1e-12) if every else found.mean is None
    assert found.highest == pytest.approx([max(row, default=0.0) for row in scores], abs=1e-12)
    for row, best, place in zip(scores, found.highest, found.nearest, strict=True):
        assert (place is None) == (best == 0)
        assert place is None or row[place] == pytest.approx(best, abs=1e-12)


def test_a_reordered_sentence() -> None:
    # The longest common subsequence of "a b c d" and "a c b d" is 3 words long (a b d, or a c d): P = R = F1 = 3/4.
    assert rouge_l("a b c d", "a c b d") == 0.75


def test_a_shorter_text_within_a_longer_one() -> None:
    # 2 words in common: P = 2/2, R = 2/6, F1 = 2 * 1 * (1/3) / (4/3) = 1/2. Case and punctuation do not count.
    assert rouge_l("Be brief!", "Always be, if you can, brief") == 0.5


@pytest.mark.parametrize("text", ["", "...", "\u4f60\u597d", "\ud83d"])
def test_a_text_without_words_is_like_no_other_and_not_like_itself(text: str) -> None:
    assert rouge_l(text, text) == rouge_l(text, "word") == packages(text, text) == 0
    found = cross_rouge_l([text], [text, "word"])
    assert (found.mean, found.highest, found.nearest, found.histogram[0]) == (0.0, (0.0,), (None,), 2)


def test_the_pairs_of_three_texts() -> None:
    # ab: 1 of 2 + 2 words = 2/4; ac: nothing; bc: 1 of 2 + 1 = 2/3.
    assert pairwise_rouge_l(["x y", "y z", "z"]) == [0.5, 0.0, pytest.approx(2 / 3)]


def test_more_words_than_fit_into_two_bytes_are_kept_apart() -> None:
    # The characters of words reach past U+D800-DFFF, which are no characters, and past U+FFFF.
    many = [f"w{number}" for number in range(70_000)]
    one, other = encoded([" ".join(many), " ".join(reversed(many))])
    assert len(set(one)) == 70_000
    assert one == other[::-1]
    # Of a text and its second half in the same order: 2 * 35,000 / (70,000 + 35,000).
    assert cross_rouge_l([" ".join(many)], [" ".join(many[35_000:])]).mean == pytest.approx(2 / 3)


def test_blocks_do_not_show_in_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = ["a b", "c d e"], ["a", "b c", "c d e", "e d c", "c d e"]
    whole = cross_rouge_l(left, right)
    monkeypatch.setattr(rouge, "PAIRS_AT_ONCE", 4)  # two right texts at a time
    found = cross_rouge_l(left, right)
    assert found.mean == pytest.approx(whole.mean, abs=1e-15)
    assert replace(found, mean=whole.mean) == whole
    assert whole.nearest == (0, 2)  # "a b": 2/3 with "a", 1/2 with "b c". Of two that are as near, the first


def test_a_score_on_the_edge_of_two_bins_is_in_the_upper_one() -> None:
    # 29 of 50 + 50 words: 58/100 = 0.58, the edge of bins 28 and 29, though 0.58 * 50 is below 29 as a float.
    words = [f"w{number}" for number in range(50)]
    found = cross_rouge_l([" ".join(words)], [" ".join(words[:29] + ["x"] * 21), " ".join(words)])
    assert [place for place, count in enumerate(found.histogram) if count] == [29, BINS - 1]  # and 1 is in the last


def test_what_is_timed_are_all_pairs_of_texts_as_long_as_system_messages() -> None:
    told = compared_alone(3, 5, 1)
    assert told["pairs"] == 15 and told["seconds"] > 0 and told["peak_mb"] > 10
    lengths = [len(text.split()) for text in messages(500, seed=1)]
    assert 90 < sum(lengths) / len(lengths) < 180  # the seeds have about 110 words each
    assert list(messages(3, seed=1)) != list(messages(3, seed=2))
