"""Which of the bench's instances are bad by stage 1's answers: what `benchmarks.<bench>.excluded` then leaves out.

The paper removed 24 of its 945 and does not say by which rule. That cannot have been every reference answer with a
`no`: those are 6.3%, some 60. A `no` to the reference answer and to the rubrics is about as rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from janus_recipes.files import Json
from janus_recipes.human.answers import AnswerStatus, HumanAnswer
from janus_recipes.recipe.human import BadWhen


@dataclass(frozen=True)
class Judged:
    """The bench's instances by what the rule says of them; `unjudged` has those whose answers do not decide it."""

    bad: tuple[str, ...]
    good: tuple[str, ...]
    unjudged: tuple[str, ...]


def judged_instances(answers: Iterable[HumanAnswer], rule: BadWhen) -> Judged:
    """Sort the instances. One is bad when more than half of the annotators whose answers decide it say so."""
    given: dict[str, dict[int | None, dict[str, str]]] = {}
    for one in answers:
        words = given.setdefault(one.instance_id, {}).setdefault(one.annotator, {})
        if one.status is AnswerStatus.ANSWERED:
            words[one.subject] = one.value
    sorted_out: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for instance, annotators in given.items():
        votes = [vote for words in annotators.values() if (vote := is_bad(words, rule)) is not None]
        sorted_out[2 * sum(votes) > len(votes) if votes else None].append(instance)
    return Judged(tuple(sorted_out[True]), tuple(sorted_out[False]), tuple(sorted_out[None]))


def is_bad(words: Mapping[str, str], rule: BadWhen) -> bool | None:
    """What one annotator's answers say of an instance by the rule; None where they leave it open."""
    noes = {subject: words[subject] == "no" for subject in ("reference", "rubric") if subject in words}
    if rule == "reference_no":
        return noes.get("reference")
    if rule == "rubric_no":
        return noes.get("rubric")
    decides = rule == "either_no"  # one `no` decides this rule, one that is no `no` the other
    if decides in noes.values():
        return decides
    return not decides if len(noes) == 2 else None


def exclusion_rows(judged: Judged, rule: BadWhen, digests: Mapping[str, str]) -> Iterator[Json]:
    """The rows of the file: the instance, the digest of its texts, and the reason under which the bench counts it."""
    return ({"id": one, "reason": f"human check: {rule}", "digest": digests[one]} for one in judged.bad)
