"""An instruction that holds a bench prompt is found, by rules that a person can check; chance likeness is not."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from janus_recipes.collection.contamination import Overlap, contaminated
from janus_recipes.recipe.collection import Contamination

SPEC = Contamination(words=13)
PROMPT = " ".join(f"p{n}" for n in range(20))


def words(first: int, past: int, letter: str = "p") -> str:
    return " ".join(f"{letter}{n}" for n in range(first, past))


def found(text: str, *prompts: str, spec: Contamination = SPEC) -> tuple[str, str] | None:
    overlap = contaminated({"t": text}, {"bench": prompts}, spec).get("t")
    return (overlap.how, overlap.shared) if overlap else None


def test_thirteen_shared_words_in_a_row_are_found_and_twelve_are_not() -> None:
    assert found(f"a b {words(5, 18)} c", PROMPT) == ("shared words", words(5, 18))
    assert found(f"a b {words(5, 17)} c", PROMPT) is None
    assert found(f"{words(0, 12)} x {words(12, 20)}", PROMPT) is None


def test_the_recipe_says_how_many_words() -> None:
    assert found(f"a {words(3, 7)} b", PROMPT, spec=Contamination(words=4)) == ("shared words", words(3, 7))
    assert found(f"a {words(3, 6)} b", PROMPT, spec=Contamination(words=4)) is None


def test_a_run_at_the_very_end_of_both_is_found() -> None:
    assert found(f"a {words(7, 20)}", PROMPT) == ("shared words", words(7, 20))


def test_the_same_text_is_found_but_for_case_punctuation_white_space_and_unicode_forms() -> None:
    assert found("  TELL me, a\n\njoke\uff01", "Tell me a joke.") == ("same text", "tell me a joke")
    assert found("\uff34\uff45\uff4c\uff4c me a joke", "Tell me a joke.") == ("same text", "tell me a joke")


def test_a_whole_prompt_of_eight_words_is_found_inside_a_text_and_one_of_seven_only_when_it_is_the_text() -> None:
    assert found(f"Please: {words(0, 8)}, in Spanish", words(0, 8)) == ("shared words", words(0, 8))
    assert found(f"Please: {words(0, 7)}, in Spanish", words(0, 7)) is None
    assert found(words(0, 7), words(0, 7)) == ("same text", words(0, 7))


def test_eight_words_of_a_longer_prompt_are_not_enough() -> None:
    assert found(f"a {words(0, 8)} b", words(0, 9)) is None


def test_a_word_must_be_the_same_as_a_whole() -> None:
    assert found(f"x{words(0, 13)} b", words(0, 13)) is None
    assert found(f"a {words(0, 13)}x", words(0, 13)) is None


def test_chinese_characters_are_words() -> None:
    prompt = "\u5982\u4f55\u5728\u4e00\u4e2a\u6708\u5185\u5b66\u4f1a\u5f39\u5409\u4ed6\u5417"  # 13 characters
    assert found(f"\u8bf7\u95ee{prompt}\u8c22\u8c22", prompt) == ("shared words", " ".join(prompt))
    assert found(f"\u8bf7\u95ee{prompt[:7]}\u8c22\u8c22", prompt) is None


def test_blank_texts_and_blank_prompts_match_nothing() -> None:
    assert contaminated({"a": " ", "b": "Hi"}, {"bench": ["", " \n"], "none": []}, SPEC) == {}


def test_the_first_benchmark_is_named_and_the_same_text_counts_before_shared_words() -> None:
    prompts = {"first": [f"{PROMPT} and more"], "second": [PROMPT], "third": [PROMPT]}
    overlaps = contaminated({"same": PROMPT, "holds": f"so: {PROMPT}", "clean": "hello"}, prompts, SPEC)
    assert overlaps == {
        "same": Overlap("second", "same text", PROMPT),
        "holds": Overlap("first", "shared words", words(0, 13)),
    }


def test_a_long_text_is_shown_by_its_beginning() -> None:
    text = "word " * 100
    how, shared = found(text, text) or ("", "")
    assert how == "same text" and len(shared) <= 120 and shared.endswith("word w ...")


TEXT = st.lists(st.sampled_from("ab"), min_size=1, max_size=16).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.integers(0, 9).map(str), TEXT), st.lists(TEXT, max_size=4), st.data())
def test_neither_the_order_of_texts_nor_of_prompts_matters(
    texts: dict[str, str], prompts: list[str], data: st.DataObject
) -> None:
    spec = Contamination(words=9)
    straight = contaminated(texts, {"bench": prompts}, spec)
    shuffled = dict(data.draw(st.permutations(list(texts.items()))))
    assert contaminated(shuffled, {"bench": data.draw(st.permutations(prompts))}, spec) == straight
    for key, text in texts.items():  # what a reader of the rules would find by looking at every run
        padded = f" {text} "
        wholes = [prompt for prompt in prompts if 8 <= len(prompt.split()) < 9]
        runs = [" ".join(prompt.split()[n : n + 9]) for prompt in prompts for n in range(len(prompt.split()) - 8)]
        assert (key in straight) == (text in prompts or any(f" {run} " in padded for run in wholes + runs))


def test_a_text_of_a_million_characters_takes_no_longer_than_its_length() -> None:
    # It takes a second; comparing each of 210,000 words with each would take hours.
    text = "the same few words again and again " * 30_000
    before = time.perf_counter()
    assert contaminated({"t": text}, {"bench": [f"{text[:400]} but not this end"]}, SPEC)
    assert time.perf_counter() - before < 10
