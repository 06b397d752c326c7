"""The named checks of what the teacher writes: what the paper calls filtering, spelled out (paper, section 3.2).

    checks = {name: SYSTEM_MESSAGE_CHECKS[name] for name in ("one_paragraph", "no_greeting")}
    check_all("Hello! You are a baker.", checks)          # Unparsed: no_greeting: begins with "Hello"

A check says what is wrong with a text, or nothing. An answer that fails one is asked again, and paid again: so each
looks for what is plainly wrong and lets pass what may be meant. All take time linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from rapidfuzz.distance import Indel
from rapidfuzz.process import extractOne

from janus_recipes.collection.sentences import sentences_in
from janus_recipes.collection.words import words_of
from janus_recipes.llm.chat import Unparsed
from janus_recipes.records import Preference

T = TypeVar("T")

Check = Callable[[T], str]
"""What is wrong with a value, for people; empty where it passes."""

SENTENCES_MOST = 2
"""Of a preference's description (paper, appendix J)."""

COPIED_FROM = 0.9
"""The share of words in common, in the same order (ROUGE-L F1), from which a message counts as an example's copy."""

TOLD = 40
"""Characters of a text that are told as what is wrong with it."""

# White space is that of one line throughout: across lines, and without a bound, a search would take quadratic time.
_SPACE = r"[^\S\n]{0,80}"
PARAGRAPHS = re.compile(rf"\n{_SPACE}\n|[.!?:。\uff01\uff1f][\"'”\u2019)*]{{0,3}}{_SPACE}\n|\u2029")
BULLET = re.compile(rf"^{_SPACE}(?:[-*+•‣◦▪●\u2013\u2014]|\(?\d{{1,2}}[.)]|\(?[a-z]\))[^\S\n]", re.MULTILINE)
BULLET_IN_LINE = re.compile(r"[•‣◦▪●]")

_FOR_SOMEBODY = r"(?:everyone|everybody|all|there|again|back|you|class|folks|friends?|ladies|team|dear|my)\b"
_STOP = r"\s?[,.!:\u2014\u2013]"
# A name before a comma may be a title's: "Hey Jude, like every song, ...". What addresses its bearer is none.
_ADDRESSES = r"(?:you|your|you['\u2019]re|i|i['\u2019]m|we|let|please|imagine|welcome|today|this|here)\b"
GREETING = re.compile(
    rf"""
    (?: hello | hi | hey | hiya | howdy ) \b (?! - | ,?\ world\b )
      (?: {_STOP} | \s*\Z | \ {_FOR_SOMEBODY}
        | (?-i: (?: \ [a-z]+ ){{1,3}} ) {_STOP}
        | (?-i: (?: \ [A-Z][\w.'\u2019-]{{0,30}} ){{1,3}} ) (?: \s?[!:\u2014\u2013] | ,\ {_ADDRESSES} ) )
    | (?: greetings | good\ (?:morning|afternoon|evening|day) | namaste | bonjour | hola | hallo )
      (?: {_STOP} | \ (?:to\ )?{_FOR_SOMEBODY} (?: \ [\w'\u2019]{{1,30}} ){{0,3}} {_STOP} )
    | welcome (?: {_STOP} | \ (?: {_FOR_SOMEBODY} | dear\ \w{{1,30}} | my\ friends? ) {_STOP} )
    | welcome\ to\ (?:the|my|our|this|your)\b [^,.!?:\n]{{1,60}} [.!]
    | dear\ (?!to\b)[^,.!?:\n]{{1,40}}[,:!]
    | (?: sure | certainly | of\ course | absolutely | ok | okay | alright | all\ right | great | gladly | understood )
      (?: \s?[.!:] | ,?\ (?: here['\u2019]s | here\ (?:is|are) | i['\u2019] | i\ | let\ (?:me|us)\b | let['\u2019]s
                         | thing\b | happy\ to\b | as\ requested\b | below\b | this\ is\b | the\ following\b ) )
    | (?: here\ (?:is|are) | here['\u2019]s | below\ is | the\ following\ is | this\ is )\ [^.!?:\n]{{0,60}}
      \b(?: message | prompt | paragraph | output | json )\b[^.!?:\n]{{0,60}}:
    | (?: the\ )? system\ (?:message|prompt)\s?:
    | thank(?:s|\ you)\ for\b
    | nice\ to\ meet\ you\b
    | i\ ?(?:['\u2019]d|\ would|['\u2019]m|\ am)\ (?:be\ )?(?:happy|glad|delighted)\ to\ (?:help|assist)\b
    | 你好 | 您好 | こんにちは | 안녕하세요
    """,
    re.IGNORECASE | re.VERBOSE,
)

_BLANK = r"""
(?: name | topic | subject | role | persona | profession | occupation | job | field | industry | company | location
  | city | organi[sz]ation | place | country | date | time | language | task | question | instruction | user | recipient
  | age | customer | client | product | title | number | audience | hobby | email | address | phone | description
  | preference | style | tone | text | placeholder | blank | something | character | expertise | specialty | domain
  | example )s?
"""
_TO_FILL = rf"""
(?: insert | enter | add | specify | fill\ in | your | state | choose )\b[^\]>\n]{{0,60}}
  | (?: (?:the|a|an|my|their|users?|first|last|full|specific|relevant|company|character)[ _-] ){{0,3}}{_BLANK}
"""
_IN_BRACES = rf"""
{_TO_FILL} | [A-Za-z_]\w{{1,40}} | \w{{1,20}}(?:[ _'\u2019-]\w{{1,20}}){{0,3}}[ _-]{_BLANK}
  | {_BLANK}\ (?:of|for|to|here)\b[^\}}\n]{{0,40}}
"""
# After a word, braces are no blank but LaTeX: \text{topic}.
PLACEHOLDER = re.compile(
    rf"""
    \[\s?(?:{_TO_FILL})\s?\]
    | <\s?(?:{_TO_FILL})\s?>
    | (?<![\w\\}}]) \{{\s?(?:{_IN_BRACES})\s?\}}
    | (?<![\w\\}}]) \{{{{2,3}} \s?[A-Za-z_][\w\ .'\u2019-]{{0,40}} \}}
    | (?<!\w)_{{3,}}(?!\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
BEGINS_A_PLACEHOLDER = re.compile(r"[\[<{_]")
CROSSES = re.compile(r"\bXXX+\b")
CODE = re.compile(r"`[^`\n]{1,200}`|\b[fF](?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')")
SPEAKS_OF_MARKS = re.compile(
    r"\b(?:placeholders?|templates?|fill(?:s|ed|ing)? in|blanks|brackets?|braces|tags?|markup|html|xml"
    r"|f-strings?)\b",
    re.IGNORECASE,
)
"""Whoever speaks of such marks may well mean those that stand there."""

SPEAKS_OF_NUMERALS = re.compile(r"\b(?:roman|numerals?|chapter|canto|volume|bowl|olympiad|rated)\b", re.IGNORECASE)


def check_all(value: T, checks: Mapping[str, Check[T]]) -> None:
    """Raise Unparsed with every check that a value fails, by name and with what is wrong."""
    wrong = {name: what for name, check in checks.items() if (what := check(value))}
    if wrong:
        raise Unparsed("; ".join(f"{name}: {what}" for name, what in wrong.items()), tuple(wrong))


def at_most_two_sentences(preferences: Iterable[Preference]) -> str:
    """Each description has two sentences at most."""
    counts = {one.dimension: sentences_in(one.description) for one in preferences}
    return ", ".join(
        f"the description of {dimension} has {count} sentences"
        for dimension, count in counts.items()
        if count > SENTENCES_MOST
    )


def one_paragraph(message: str) -> str:
    """No empty line, and no line end after the end of a sentence. A line that is only wrapped passes."""
    return "has more than one paragraph" if PARAGRAPHS.search(message) else ""


def no_bullets(message: str) -> str:
    """No line that begins as a list's item does, and no bullet signs within one."""
    found = BULLET.search(message) or BULLET_IN_LINE.search(message)
    return f"has a list: {_told(message[found.start() :])}" if found else ""


def no_greeting(message: str) -> str:
    """No greeting, and nothing that a chat answer would say before the message, at the beginning."""
    found = GREETING.match(message.lstrip("\"'“\u2018*_# "))
    return f"begins with {_told(found[0])}" if found else ""


def no_placeholder(message: str) -> str:
    """Nothing that is left to be filled in: [name], {topic}, <insert an example>, XXX, ____. Code is not looked at."""
    text = CODE.sub(" ", message)
    crosses = CROSSES.search(text)
    found = None if crosses and crosses[0] == "XXX" and SPEAKS_OF_NUMERALS.search(text) else crosses
    if begins := BEGINS_A_PLACEHOLDER.search(text):  # few have such a sign, and without one it takes a tenth
        blank = PLACEHOLDER.search(text, begins.start())
        found = blank if blank and not SPEAKS_OF_MARKS.search(text) else found
    return f"has a blank to fill in: {_told(found[0])}" if found else ""


def no_example(examples: Iterable[str]) -> Check[str]:
    """A check that a message is not one of the examples that the teacher may have been shown, nor nearly one."""
    characters: dict[str, str] = {}
    known = [
        "".join([characters.setdefault(word, chr(1 + len(characters))) for word in words_of(one)]) for one in examples
    ]

    def check(message: str) -> str:
        words = "".join([characters.get(word, "\0") for word in words_of(message)])
        found = extractOne(words, known, scorer=Indel.normalized_similarity, score_cutoff=COPIED_FROM)
        return f"is, in {found[1]:.0%} of its words, the example {found[2] + 1} of the seeds" if found else ""

    return check


SYSTEM_MESSAGE_CHECKS: Mapping[str, Check[str]] = {
    "one_paragraph": one_paragraph,
    "no_bullets": no_bullets,
    "no_greeting": no_greeting,
    "no_placeholder": no_placeholder,
}
"""Those that need nothing but the message, by their names in a recipe."""


def _told(text: str) -> str:
    """The beginning of a text, in one line and quotes."""
    line = " ".join(text.split())
    return f'"{line[:TOLD]}{"…" if len(line) > TOLD else ""}"'
