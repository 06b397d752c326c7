"""Near-duplicates are found by the exact similarity of word runs, whatever the order; the first one stays."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_recipes.collection.near_duplicates import near_duplicates
from janus_recipes.collection.words import runs_of, words_of
from janus_recipes.recipe.collection import NearDuplicates

SPEC = NearDuplicates(similarity=0.8, words=3)
LINE = "one two three four five six seven eight nine ten eleven"


def test_a_text_just_at_the_limit_goes_and_one_just_below_it_stays() -> None:
    # LINE has 11 words and 9 runs of three. With one word more it has 10, of which 9 are shared: 9/10.
    # With two words more 11: 9/11 = 0.818. With three more 12: 9/12 = 0.75.
    longer = {n: LINE + "".join(f" more{i}" for i in range(n)) for n in (1, 2, 3)}
    assert near_duplicates({"a": LINE, "b": longer[1]}, NearDuplicates(similarity=0.9, words=3)) == {"b": "a"}
    assert near_duplicates({"a": LINE, "b": longer[1]}, NearDuplicates(similarity=0.91, words=3)) == {}
    assert near_duplicates({"a": LINE, "b": longer[2]}, SPEC) == {"b": "a"}
    assert near_duplicates({"a": LINE, "b": longer[3]}, SPEC) == {}


def test_a_limit_that_binary_fractions_do_not_hold_is_still_reached() -> None:
    # 13 words are 11 runs; 9 words more are 20 runs, 11 of them shared: 11/20. (0.55 * 20 is 11.000000000000002.)
    short = " ".join(f"w{n}" for n in range(13))
    long = " ".join(f"w{n}" for n in range(22))
    assert near_duplicates({"a": short, "b": long}, NearDuplicates(similarity=0.55, words=3)) == {"b": "a"}


def test_runs_count_once_and_their_order_does_not_matter() -> None:
    # Runs of one word: {go, on, now} either way, 3/3.
    assert near_duplicates({"a": "go on now", "b": "now go on, go on, go on"}, NearDuplicates(words=1)) == {"b": "a"}


def test_case_punctuation_white_space_and_full_width_letters_make_no_difference() -> None:
    same = "\uff2f\uff4e\uff45 TWO, three:  four\n\nfive... six SEVEN eight \u2014 nine (ten) eleven!"
    assert near_duplicates({"a": LINE, "b": same}, SPEC) == {"b": "a"}


def test_the_first_text_stays_and_every_later_one_names_it() -> None:
    assert near_duplicates({"c": LINE + " x", "a": LINE, "b": LINE + " y"}, SPEC) == {"a": "c", "b": "c"}


def test_a_text_is_compared_with_kept_texts_only_so_that_a_chain_is_not_followed() -> None:
    # a and b share 9 of 11 runs, b and c 11 of 13 (0.846), a and c 9 of 13 (0.69): b goes, c stays.
    chain = {"a": LINE, "b": LINE + " x y", "c": LINE + " x y z w"}
    assert near_duplicates(chain, SPEC) == {"b": "a"}


def test_of_several_kept_texts_that_it_resembles_a_text_names_the_first() -> None:
    # As above, in another order: a and b are both kept, and c, between them in length, resembles either.
    kept = {"a": LINE, "b": LINE + " x y z w"}
    assert near_duplicates({**kept, "c": LINE + " x y"}, SPEC) == {"c": "a"}
    assert near_duplicates({"b": kept["b"], "a": kept["a"], "c": LINE + " x y"}, SPEC) == {"c": "b"}


def test_texts_shorter_than_a_run_are_near_duplicates_only_when_their_words_are_the_same() -> None:
    short = {"a": "Hi", "b": "hi!", "c": "hi there", "d": "Hi, there", "e": "there hi", "f": "?!", "g": "!!", "h": "?!"}
    assert near_duplicates(short, SPEC) == {"b": "a", "d": "c", "h": "f"}


def test_chinese_is_compared_by_its_characters() -> None:
    # 13 characters are 11 runs of three. One more at the end: 11 of 12 shared. The middle one changed: the 3 runs over
    # it differ on both sides, so 8 of 14 (0.57) are shared.
    text = "\u8bf7\u628a\u4e0b\u9762\u8fd9\u53e5\u8bdd\u7ffb\u8bd1\u6210\u82f1\u6587\u5417"
    changed = text[:6] + "\u6bb5" + text[7:]
    assert near_duplicates({"a": text, "b": text + "\u54e6", "c": changed}, SPEC) == {"b": "a"}


def test_words_keep_their_vowel_signs_and_accents() -> None:
    assert words_of("\u0939\u093f\u0928\u094d\u0926\u0940 cafe\u0301 x\u0301y") == [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "caf\u00e9",
        "x\u0301y",
    ]
    assert words_of("\u4f60\u597d\uff0cworld\u3002") == ["\u4f60", "\u597d", "world"]


def test_none_and_one_text_are_fine() -> None:
    assert near_duplicates({}, SPEC) == {}
    assert near_duplicates({"a": ""}, SPEC) == {}


def test_a_hundred_fillings_of_one_template_stay_where_they_differ_enough_and_are_found_where_not() -> None:
    # 40 shared words are 38 runs. With 15 words of their own two texts have 38 + 2 * 15 runs: 38/68; with 4 words of
    # their own 38/46 = 0.826.
    template = " ".join(f"w{n}" for n in range(40))
    far = {f"far{n}": f"{template} " + " ".join(f"f{n}x{i}" for i in range(15)) for n in range(100)}
    near = {f"near{n}": f"{template} " + " ".join(f"n{n}x{i}" for i in range(4)) for n in range(100)}
    assert near_duplicates(far, SPEC) == {}
    assert near_duplicates(near, SPEC) == dict.fromkeys(list(near)[1:], "near0")


def test_nearly_every_pair_at_the_limit_is_found_and_no_pair_below_it() -> None:
    # 500 pairs of 11 and 13 words: 9 of 11 runs shared. At most one in a thousand may be missed just at the limit.
    pairs = [[" ".join(f"p{pair}w{n}" for n in range(size)) for size in (11, 13)] for pair in range(500)]
    texts = {f"{pair}/{n}": text for pair, two in enumerate(pairs) for n, text in enumerate(two)}
    found = near_duplicates(texts, NearDuplicates(similarity=9 / 11, words=3))
    assert len(found) >= 498
    assert all(removed == kept.replace("/0", "/1") for removed, kept in found.items())


@pytest.mark.parametrize("similarity", [0.05, 0.3, 0.5, 0.95, 1.0])
def test_every_limit_finds_the_same_text(similarity: float) -> None:
    spec = NearDuplicates(similarity=similarity, words=3)
    assert near_duplicates({"a": LINE, "b": LINE.upper(), "c": "all other words than those"}, spec) == {"b": "a"}


def exact(one: str, other: str) -> float:
    a, b = (set(runs_of(words_of(text), SPEC.words)) for text in (one, other))
    return len(a & b) / len(a | b)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(" ".join), max_size=25), st.data())
def test_in_any_order_what_is_left_differs_and_what_is_gone_resembles_an_earlier_one(
    texts: list[str], data: st.DataObject
) -> None:
    # Within one order the answer is the one that comparing every text with every kept one would give.
    shuffled = data.draw(st.permutations(list(enumerate(texts))))
    named = {str(number): text for number, text in shuffled}
    removed = near_duplicates(named, SPEC)
    places = {key: place for place, key in enumerate(named)}
    for gone, kept in removed.items():
        assert places[kept] < places[gone] and kept not in removed
        assert exact(named[gone], named[kept]) >= SPEC.similarity
    left = [key for key in named if key not in removed]
    assert all(exact(named[one], named[other]) < SPEC.similarity for one, other in combinations(left, 2))
    assert near_duplicates(dict(named), SPEC) == removed
