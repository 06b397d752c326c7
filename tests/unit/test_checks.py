"""The named checks of preference sets and system messages: what is asked again, and what passes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from janus_recipes.collection.checks import SYSTEM_MESSAGE_CHECKS, no_example
from janus_recipes.collection.preferences import checks_of_a_set, keys_of, parse_preference_set
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_system_messages
from janus_recipes.collection.system_messages import checks_of_a_message, messages_differ, parse_system_message
from janus_recipes.llm.chat import Unparsed
from janus_recipes.recipe.collection import PreferenceSets, SystemMessages
from janus_recipes.recipe.provider import Sampling
from janus_recipes.records import DIMENSIONS, Preference

SAMPLING = Sampling(max_tokens=9)
ALL_OF_A_MESSAGE = SystemMessages(provider="t", sampling=SAMPLING).checks
SEEDS = read_seed_system_messages("prompts/seeds/system_messages.yaml")

FAILING = {
    "one_paragraph": [
        "You are a baker.\n\nSpeak of bread.",
        "You are a baker.\n \t\nSpeak of bread",
        "You are a baker\r\n\r\nSpeak of bread",
        "You are a baker.\nSpeak of bread.",
        'You say "bread."\nSpeak of it.',
        "You are a baker\u2029Speak of bread",
    ],
    "no_bullets": [
        "- kind\n- short",
        "Be:\n* kind\n* short",
        "Be:\n  • kind",
        "Be so:\n1. kind\n2. short",
        "Be so:\n(1) kind",
        "Be so:\na) kind",
        "Be • kind • short",
        "Be\n\u2013 kind",
    ],
    "no_greeting": [
        "Hello! You are a baker.",
        "hi there, you are a baker",
        "Hey baker, speak of bread.",
        '"Hello, you are a baker."',
        "**Welcome!** You are a baker.",
        "Welcome to the bakery. You bake.",
        "Good morning, you are a baker.",
        "Good evening everyone. You bake.",
        "Greetings, baker.",
        "Dear baker, speak of bread.",
        "Sure! You are a baker.",
        "Sure, here is the message.",
        "Certainly. You are a baker.",
        "Of course! You are a baker.",
        "Here is a system message for these preferences: You are a baker.",
        "Here\u2019s the paragraph: You are a baker.",
        "System message: You are a baker.",
        "Thank you for the preferences. You are a baker.",
        "I'd be happy to help. You are a baker.",
        "Hi Anna, you are a baker.",
        "Hello Doctor Smith! Speak of bread.",
        "Hello fellow bakers, speak of bread.",
        "Hello",
        "Welcome back, baker.",
        "Good morning to all of you! You bake.",
        "Welcome my friend.",
        "Welcome dear baker! You bake.",
        "Dear Ms Baker: speak of bread.",
        "Okay, let me describe a baker.",
        "Great, here's the paragraph you want.",
        "Certainly, I can be a baker.",
        "你好\uff0c你是面包师。",
    ],
    "no_placeholder": [
        "You are [name], a baker.",
        "You are [Your Name], a baker.",
        "You teach [the topic] well.",
        "You teach [insert a subject that you like].",
        "You teach [TOPIC].",
        "You teach {topic}.",
        "You teach {{ topic }} well.",
        "You teach {Preferred Topic}.",
        "You are <insert name>, a baker.",
        "You bake <your profession>.",
        "You bake XXX for all.",
        "You bake XXXX, whatever the Roman numeral.",
        "You teach {name of the topic}.",
        "You teach {user_level} readers.",
        "You cook {dish}.",
        "You teach {{ any subject at all }}.",
        "You bake ____ for all.",
    ],
}

PASSING = {
    "one_paragraph": ["You are a baker\nwho speaks of bread.", "You are a baker. Speak of bread."],
    "no_bullets": [
        "You are a well-known baker - so they say - and 3. in the town.",
        "Use bullet points, each with a dash.",
        "First (1) knead, then (2) bake.",
        "-18 degrees is cold",
        "You were born in\n1990. Since then you bake.",
    ],
    "no_greeting": [
        "You are a baker who says hello to all.",
        "Highlight what matters.",
        "Hi-fi engineers ask you about valves.",
        "Welcome every question as a guest.",
        "Dear to you is the slow craft of bread and you show it.",
        "Sure-footed guide that you are, lead on.",
        "Of course the reader knows flour, so skip it.",
        "Great bakers are patient, and you are one.",
        "Here in the bakery you speak of bread.",
        "Here is how you speak: slowly.",
        "Good bread is your life.",
        "Greetings are not your way: begin with the answer.",
        "Okayama is your home.",
        "Hello Kitty collectors trust you to date every toy by its stitching.",
        "Hello, World is the first program that you show.",
        "Hey Jude, like every Beatles song, is known to you by heart.",
        "Welcome to the workshop of a master luthier: you answer as one who has built violins for forty years.",
        "Welcome all questions as guests.",
        "Dear to you is bread, and you show it.",
        "Great, terse answers are what you give.",
        "Of course, you may be wrong, and you say so.",
        "Sure, you know the rules; you bend them.",
        "Okay Cupid is a dating site that you know well.",
        "Good day trading advice is your craft.",
    ],
    "no_placeholder": [
        "Mark a guess with [unverified] and a source with [1].",
        "Quote as it stands [sic] and cut with [...].",
        "Set formulas as \\text{name} and \\frac{a}{b}.",
        "Use x < y and y > z.",
        "Write <b>bold</b> words.",
        "You drink XX ale and wear an XL coat.",
        "Name files as snake_case or __init__.py.",
        'Answer in JSON such as {"name": "Ann"} or {}.',
        "You explain HTML, such as <title> and <address>, to children.",
        "You explain `<title>` and `{topic}` to children.",
        "You review code such as f\"{user}\" or f'{name}' for a living.",
        "You are a proofreader of the Roman numeral XXX and of XXXL shirts.",
        "You set asides as text in braces {like this}.",
        "You mark what you doubt {for now at least} and go on.",
        "You fill in forms marked [name] and [date] for a living.",
        "You love templates: Dear {name}, and so on.",
        "You write C++ such as std::vector<string> and std::array<int>.",
        "The sets {a} and {b} are all you need, and the year {2024}.",
    ],
}


@pytest.mark.parametrize(("check", "message"), [(name, one) for name, found in FAILING.items() for one in found])
def test_a_message_that_plainly_fails_a_check_is_told_with_its_name(check: str, message: str) -> None:
    checks = checks_of_a_message([check], SEEDS)  # type: ignore[list-item]
    with pytest.raises(Unparsed, match=f"^{check}: ") as caught:
        parse_system_message(json.dumps({"system_message": message}), checks)
    assert caught.value.checks == (check,)


@pytest.mark.parametrize(("check", "message"), [(name, one) for name, found in PASSING.items() for one in found])
def test_a_message_that_may_be_meant_so_passes(check: str, message: str) -> None:
    assert SYSTEM_MESSAGE_CHECKS[check](message) == ""


def test_our_own_examples_pass_every_check_but_the_one_that_knows_them() -> None:
    for message in SEEDS:
        assert [name for name, check in SYSTEM_MESSAGE_CHECKS.items() if check(message)] == []


def test_a_message_is_no_example_nor_nearly_one() -> None:
    ten = "one two three four five six seven eight nine ten"
    check = no_example(["You bake bread.", ten])
    assert "example 1 of the seeds" in check("you BAKE\n bread!")
    # Nine of ten words in order: ROUGE-L F1 2 * 9 / (9 + 10) = 0.947. Eight: 2 * 8 / 18 = 0.889.
    assert check(ten.removesuffix(" ten")) == "is, in 95% of its words, the example 2 of the seeds"
    assert check(ten.removesuffix(" nine ten")) == ""
    # Ten words with one changed: 2 * 9 / 20 = 0.9, which is not allowed. Two changed: 0.8.
    assert check(ten.replace("four", "zero")) != ""
    assert check(ten.replace("four", "zero").replace("nine", "zero")) == ""
    assert check("zero " * 10) == "" and check("") == ""


def test_every_failed_check_is_told_and_those_that_the_recipe_does_not_name_are_not_made() -> None:
    text = json.dumps({"system_message": "Hello!\n\n- You are [name]."})
    with pytest.raises(Unparsed) as caught:
        parse_system_message(text, checks_of_a_message(ALL_OF_A_MESSAGE, SEEDS))
    assert caught.value.checks == ("one_paragraph", "no_bullets", "no_greeting", "no_placeholder")
    with pytest.raises(Unparsed, match=r'^no_greeting: begins with "Hello!"$'):
        parse_system_message(text, checks_of_a_message(["no_greeting"], SEEDS))
    assert parse_system_message(text, checks_of_a_message([], SEEDS)).startswith("Hello")
    assert messages_differ([]) is None and messages_differ(["unique"]) is not None


def a_set(**changes: Any) -> tuple[Preference, ...]:
    """A preference set, with some fields of all its preferences changed."""
    plain = {"subdimension": "sub", "preference": "Short", "description": "Likes it short. And clear."}
    return tuple(Preference(name, **{**plain, **changes}) for name in DIMENSIONS)


def as_json(preferences: tuple[Preference, ...]) -> str:
    return json.dumps([vars(one) for one in preferences])


def test_a_description_of_three_sentences_is_asked_again_where_the_recipe_wants_it() -> None:
    checks = checks_of_a_set(PreferenceSets(provider="t", sampling=SAMPLING).checks)
    long = (*a_set()[:3], Preference("Harmlessness", "sub", "Kind", "Wants it kind. Very kind. Ever so."))
    assert parse_preference_set(as_json(a_set()), checks) == a_set()
    with pytest.raises(Unparsed, match=r"^at_most_two_sentences: the description of Harmlessness has 3 sentences$"):
        parse_preference_set(as_json(long), checks)
    assert parse_preference_set(as_json(long)) == long


def test_our_own_seed_preferences_have_two_sentences_at_most() -> None:
    check = checks_of_a_set(["at_most_two_sentences"])["at_most_two_sentences"]
    assert check(read_seed_preferences("prompts/seeds/preferences.yaml").preferences) == ""


def test_two_sets_are_the_same_when_all_names_or_all_descriptions_are() -> None:
    def clash(one: tuple[Preference, ...], other: tuple[Preference, ...]) -> bool:
        return bool(set(keys_of(one)) & set(keys_of(other)))

    assert clash(a_set(), a_set(description="Something else.", subdimension="other", preference=" short!"))
    assert clash(a_set(), a_set(preference="Brief", description="likes it short, and clear"))
    assert not clash(a_set(), a_set(preference="Brief", description="Likes it long."))
    # Of the four one preference is another: names and descriptions both differ.
    assert not clash(a_set(), (*a_set()[:3], Preference("Harmlessness", "sub", "Kind", "Kind words.")))


RUNNING_ON = [
    "`a\n" * 30_000,
    "Hello" + " a" * 50_000,
    "Hello" + " Aa" * 30_000,
    "{aa " * 25_000,
    "f'" * 50_000,
    "{a_" * 30_000,
]


@pytest.mark.parametrize(
    "text", ["\n " * 50_000, "[" * 100_000, "{a" * 50_000, "<your " * 20_000, " " * 100_000 + "x", *RUNNING_ON]
)
def test_a_message_that_runs_on_is_checked_as_fast_as_another(text: str) -> None:
    started = time.monotonic()
    for check in SYSTEM_MESSAGE_CHECKS.values():
        check(text)
    assert time.monotonic() - started < 2
