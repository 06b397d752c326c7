"""The sentences that the micro-world's teacher and judge write; `{}` takes the marks (`lexicon.py`)."""

from __future__ import annotations

from collections.abc import Mapping

from janus_recipes.records import DIMENSIONS

STYLE, BACKGROUND, INFORMATIVENESS, HARMLESSNESS = DIMENSIONS

SUBDIMENSIONS: Mapping[str, str] = {
    STYLE: "tone",
    BACKGROUND: "expert",
    INFORMATIVENESS: "depth",
    HARMLESSNESS: "safety",
}
"""Used where the example shown cannot be read."""

DESCRIPTIONS = (
    "Likes an answer that feels {a} and {b}. A little {c} and some {d} should shine through.",
    "Wants {a} and {b} to be felt from the first line. The answer should leave room for {c} and {d}.",
    "Is at home with {a} and {b}, and glad when {c} and {d} come up too.",
)

ROLES = ("guide", "storyteller", "librarian", "neighbour", "tutor", "gardener", "curator", "traveller", "innkeeper")

SYSTEM_CLAUSES: Mapping[str, tuple[str, ...]] = {
    STYLE: ("Speak with {}.", "Your words have {}.", "Write in the spirit of {}."),
    BACKGROUND: ("Your reader knows {}.", "You talk to people of {}.", "Build on {}."),
    INFORMATIVENESS: ("Explain by {}.", "Make it useful with {}.", "Rely on {}."),
    HARMLESSNESS: ("Keep it kind with {}.", "Stay gentle as {}.", "Guard {}."),
}

OPENING = "About {}:"
RESPONSE_CLAUSES: Mapping[str, str] = {
    STYLE: "in {},",
    BACKGROUND: "for {},",
    INFORMATIVENESS: "by {},",
    HARMLESSNESS: "with {}.",
}
PLAIN = "About {}: here is a plain and short answer."
"""The answer where the system message carries no marks."""

CRITERIA = (
    "Does the response keep to {}?",
    "Is the response shaped by {}, as this reader wishes?",
    "How much of {} is there in the response?",
)
SCORES = (
    "The response shows none of it.",
    "The response shows one part of it.",
    "The response shows about half of it.",
    "The response shows all but one part of it.",
    "The response shows all of it.",
)
JUDGED = (
    "misses the rubric",
    "meets little of the rubric",
    "meets half of the rubric",
    "meets most of the rubric",
    "meets the rubric in full",
)


def with_article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
