"""The micro-world's teacher and judge: pure rules that answer the prompts which a real model would get.

    from janus_recipes.rehearsal.world import answer
    answer([{"role": "system", "content": "..."}, {"role": "user", "content": "..."}], seed=0)

In this world a preference is a combination of four marks (`lexicon.py`), a system message carries the marks of its four
preferences, the gold answer carries the same marks, and a rubric names those of one preference. The judge counts how
many of the rubric's marks stand in the answer, and takes one off for each that the rubric does not name: none is a 1,
all four are a 5. So adherence is a fact here, graded, and checkable for combinations of preferences that no model was
trained on. Which marks a preference is made of depends on the whole request and its seed, or on the instruction alone:
the preference sets of an instruction have some of their preferences in common.

Any text may stand in the prompts. A request whose prompt is not one of the five known ones is answered as a plain chat.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from janus_recipes.files import digest_of_text
from janus_recipes.records import DIMENSIONS
from janus_recipes.rehearsal import phrases
from janus_recipes.rehearsal.biased_judges import Bias
from janus_recipes.rehearsal.lexicon import DIMENSION_OF, LEXICON, MARKS_PER_PREFERENCE, by_dimension, marks_in
from janus_recipes.rehearsal.sections import COMPARE, JUDGE, PREFERENCE_SET, RUBRIC, SYSTEM_MESSAGE, sections_of
from janus_recipes.seeding import random_for

JUDGE_NOISE = 0.08
"""Share of the verdicts that are one point off, as a real judge's are when it is asked again."""

PLACE_BIAS = 0.08
"""Share of the comparisons in which the judge takes the answer shown first, whatever the two hold."""

OWN_PREFERENCES = (1, 2)
"""How many of a set's four preferences are its own, one as often as two; the sets of an instruction share the others.

So two answers to an instruction may differ in a single clause, and a reward model has to look at all of them.
"""

Messages = Sequence[Mapping[str, str]]


def answer(messages: Messages, seed: int, bias: Bias | None = None) -> str:
    """What teacher or judge says to OpenAI chat messages: the same answer to the same messages and seed.

    `bias`: of the judge that is asked, where it is not a fair one.
    """
    system = "\n".join(one["content"] for one in messages if one["role"] == "system")
    prompt = next((one["content"] for one in reversed(messages) if one["role"] == "user"), "")
    rng = random_for("micro-world", digest_of_text(json.dumps([(m["role"], m["content"]) for m in messages])), seed)
    if not marks_in(system):  # a system message with marks is one of this world's: an instruction follows it
        for names, write in _WRITERS:
            if (sections := sections_of(prompt, names)) is not None:
                return verdict(sections, rng, bias) if write is verdict else write(sections, rng)
    return gold_response(system, prompt, rng)


def shaped(text: str, response_format: object) -> str:
    """The answer in the shape that an OpenAI `response_format` asks for: a list is put into the schema's one property.

    A schema has an object at its root, so a list cannot be all of an answer. Whatever else is asked for, the answers
    of this world have the shape already or are no JSON.
    """
    match response_format:
        case {"json_schema": {"schema": {"properties": {**properties}}}} if (
            text.startswith("[") and len(properties) == 1
        ):
            return json.dumps({next(iter(properties)): json.loads(text)}, ensure_ascii=False)
    return text


def preference_set(sections: Mapping[str, str], rng: random.Random) -> str:
    """A preference for each dimension, as JSON. Subdimensions are those of the example shown."""
    subdimensions = _subdimensions(sections["example"])
    own = rng.sample(DIMENSIONS, rng.choice(OWN_PREFERENCES))
    instruction = digest_of_text(sections["instruction"])
    preferences = []
    for dimension in DIMENSIONS:
        drawn = rng if dimension in own else random_for("micro-world", "shared", instruction, dimension)
        subdimension = subdimensions.get(dimension, phrases.SUBDIMENSIONS[dimension])
        preferences.append({"dimension": dimension, "subdimension": subdimension, **_preference(dimension, drawn)})
    return json.dumps(preferences, ensure_ascii=False)


def _preference(dimension: str, rng: random.Random) -> dict[str, str]:
    """Four marks of a dimension: two in the preference's name, all in its description."""
    first, second, third, fourth = rng.sample(LEXICON[dimension], MARKS_PER_PREFERENCE)
    description = rng.choice(phrases.DESCRIPTIONS).format(a=first, b=second, c=third, d=fourth)
    return {"preference": f"{first} {second}", "description": description}


def system_message(sections: Mapping[str, str], rng: random.Random) -> str:
    """One paragraph that assigns a role and carries every mark of the preferences, as JSON."""
    wanted = by_dimension(marks_in(sections["preferences"]))
    clauses = [
        rng.choice(phrases.SYSTEM_CLAUSES[dimension]).format(_listed(_shuffled(marks, rng)))
        for dimension, marks in wanted.items()
        if marks
    ]
    role = phrases.with_article(rng.choice(phrases.ROLES))
    return json.dumps({"system_message": " ".join([f"You are {role}.", *_shuffled(clauses, rng)])}, ensure_ascii=False)


def rubric(sections: Mapping[str, str], rng: random.Random) -> str:
    """A score rubric that names the preference's marks, as JSON."""
    marks = marks_in(sections["preference"])
    scores = {f"score{n + 1}_description": text for n, text in enumerate(phrases.SCORES)}
    criteria = rng.choice(phrases.CRITERIA).format(_listed(marks) or "what was asked for")
    return json.dumps({"criteria": criteria, **scores}, ensure_ascii=False)


def verdict(sections: Mapping[str, str], rng: random.Random, bias: Bias | None = None) -> str:
    """Feedback and a score; a share of `JUDGE_NOISE` of the scores is one point off, and a biased judge's all are."""
    exact = score(sections["response"], sections["rubric"])
    given = exact
    if rng.random() < JUDGE_NOISE:
        given = min(5, max(1, exact + rng.choice((-1, 1))))
    if bias is not None:
        given = bias.applied(given, sections["response"], rng)
    kept = [mark for mark in marks_in(sections["rubric"]) if mark in set(marks_in(sections["response"]))]
    said = f"The response shows {_listed(kept)}" if kept else "The response shows nothing of what the rubric names"
    return f"Feedback: {said}, which {phrases.JUDGED[given - 1]}. [RESULT] {given}"


def score(response: str, rubric_text: str) -> int:
    """1 to 5: one more than how many of the rubric's marks, counted in quarters of them, stand in the response.

    Each of the response's other marks in the rubric's dimensions takes one off: else babble would earn as much as an
    answer to the point. A rubric without marks asks for something that this world does not know: the score is 1.
    """
    wanted = set(marks_in(rubric_text))
    if not wanted:
        return 1
    return 1 + round(4 * _kept(response, wanted) / len(wanted))


def _kept(response: str, wanted: AbstractSet[str]) -> int:
    """How many of the wanted marks a response has, less its other marks of their dimensions; never below 0."""
    dimensions = {DIMENSION_OF[mark] for mark in wanted}
    shown = {mark for mark in marks_in(response) if DIMENSION_OF[mark] in dimensions}
    return max(0, len(shown & wanted) - len(shown - wanted))


def comparison(sections: Mapping[str, str], rng: random.Random) -> str:
    """Feedback and A, B or TIE: the answer that keeps more of all rubrics' marks; in `PLACE_BIAS` of them simply A."""
    wanted = set(marks_in(sections["rubrics"]))
    kept_a, kept_b = (_kept(sections[name], wanted) for name in ("response_a", "response_b"))
    preferred = "TIE" if kept_a == kept_b else "A" if kept_a > kept_b else "B"
    if rng.random() < PLACE_BIAS:
        preferred = "A"
    said = f"Response A shows {kept_a} and response B {kept_b} of the {len(wanted)} parts that the rubrics name"
    return f"Feedback: {said}. [RESULT] {preferred}"


def gold_response(system: str, instruction: str, rng: random.Random) -> str:
    """A short answer to the instruction that carries every mark of the system message."""
    topic = _topic(instruction)
    wanted = by_dimension(marks_in(system))
    clauses = [
        phrases.RESPONSE_CLAUSES[dimension].format(_listed(_shuffled(marks, rng)))
        for dimension, marks in wanted.items()
        if marks
    ]
    return " ".join([phrases.OPENING.format(topic), *clauses]) if clauses else phrases.PLAIN.format(topic)


def _subdimensions(example: str) -> dict[str, str]:
    """The subdimension that the example gives for each dimension; empty where the example cannot be read."""
    try:
        return {str(one["dimension"]): str(one["subdimension"]) for one in json.loads(example)}
    except (ValueError, TypeError, KeyError):
        return {}


def _topic(instruction: str) -> str:
    """The instruction's longest word of plain letters (up to twelve), the first of those of equal length."""
    words = re.findall(r"(?<![A-Za-z])[A-Za-z]{4,12}(?![A-Za-z])", instruction)
    return str(max(words, key=len)).lower() if words else "this"


def _listed(marks: Sequence[str]) -> str:
    """Marks as running text, two by two: "amber velvet and sepia opal"."""
    return " and ".join(" ".join(marks[n : n + 2]) for n in range(0, len(marks), 2))


def _shuffled(items: Sequence[str], rng: random.Random) -> list[str]:
    return rng.sample(items, len(items))


_WRITERS: tuple[tuple[Sequence[str], Callable[[Mapping[str, str], random.Random], str]], ...] = (
    (JUDGE, verdict),
    (COMPARE, comparison),
    (PREFERENCE_SET, preference_set),
    (SYSTEM_MESSAGE, system_message),
    (RUBRIC, rubric),
)
