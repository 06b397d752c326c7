"""Read preference pairs from public pools, whatever their form (paper, appendix E.2).

A pool's records hold a prompt and two or more answers of which one is known to be better: two dialogues (HH-RLHF), two
answers with scores (WebGPT comparisons), or a list with the best first (OASST1's rankings). The recipe says where they
stand; here each record becomes one pair of dialogues, or a reason why it cannot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from janus_recipes.collection.reading import BadRecord, is_wanted, read_records, value_at
from janus_recipes.collection.sources import Aside, SourceReport, stop_if_too_bad
from janus_recipes.datasets.dialogue import NotADialogue, turns_of
from janus_recipes.files import Json, digest_of_text
from janus_recipes.llm.chat import Message, well_formed
from janus_recipes.recipe.dataset import PreferencePool
from janus_recipes.seeding import random_for

Turns = tuple[Message, ...]


class LeftOut(StrEnum):
    """Why a record that can be read gives no pair."""

    TIE = "tie"  # the answers have the same score
    TOO_FEW = "fewer_than_two_answers"
    NOT_A_DIALOGUE = "not_a_dialogue"  # no turns, or they do not alternate from the user's on
    NO_ANSWER = "no_answer"  # a dialogue does not end with the assistant, or its prompt not with the user
    DIFFERENT_PROMPTS = "different_prompts"  # the dialogues part before the last answer
    EMPTY_TURN = "empty_turn"  # a turn before the answer has no words
    EMPTY_ANSWER = "empty_answer"
    IDENTICAL = "identical_answers"
    REPEATED = "repeated"  # the same pair came before, in this pool or in one listed earlier
    CONTAMINATED = "contaminated"  # its prompt holds a benchmark's


class Unusable(Exception):
    """A record gives no pair."""

    def __init__(self, reason: LeftOut) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to the same prompt, the first one better. `id` is a digest of the texts alone."""

    id: str
    source: str
    prompt: Turns
    chosen: str
    rejected: str

    def as_row(self) -> Json:
        """The form that axolotl and OpenRLHF take: two lists of messages with the same beginning."""
        return {
            "id": self.id,
            "source": self.source,
            "chosen": conversation(self.prompt, self.chosen),
            "rejected": conversation(self.prompt, self.rejected),
        }


def conversation(prompt: Turns, answer: str) -> list[dict[str, str]]:
    """A prompt's turns and the answer to them, as messages."""
    turns = (*prompt, Message("assistant", answer))
    return [{"role": turn.role, "content": turn.content} for turn in turns]


@dataclass
class PoolReport(SourceReport):
    """What became of one pool's records, for the manifest: `left_out` by reason, `usable` pairs, and those `drawn`."""

    left_out: dict[LeftOut, int] = field(default_factory=dict)
    usable: int = 0
    drawn: int = 0

    def leave_out(self, reason: LeftOut, pairs: int = 1) -> None:
        """Count pairs that are left out."""
        self.left_out[reason] = self.left_out.get(reason, 0) + pairs


def read_pool(name: str, pool: PreferencePool, seed: int, report: PoolReport, aside: Aside) -> Iterator[Pair]:
    """The pairs of one pool, in its order. Raises StepError when too many of its records cannot be read."""
    paths = [pool.prompt or "", *pool.answers, *(pool.scores or ()), *pool.where]
    for record in read_records(name, pool, {path.partition(".")[0] for path in paths if path}):
        report.records += 1
        if not is_wanted(pool, record.value):
            report.unwanted += 1
            continue
        try:
            if isinstance(record.value, BadRecord):
                raise record.value
            yield pair_in(record.value, pool, name, seed)
        except BadRecord as problem:
            aside.put(name, record, problem, report)
        except Unusable as problem:
            report.leave_out(problem.reason)
    stop_if_too_bad(name, pool, report)


def pair_in(record: Any, pool: PreferencePool, source: str, seed: int) -> Pair:
    """The pair in a record of a pool. Raises BadRecord where the record has another form, Unusable where it gives none.

    Of more than two answers two of different rank are drawn, by the item's own seed: one pair an item, so that an item
    with ten answers does not count 45 times. White space around a turn is taken off: it would tell answers apart.
    """
    texts = texts_at(record, pool.answers)
    ranks = ranks_in(record, pool, len(texts))
    if len(texts) < 2:
        raise Unusable(LeftOut.TOO_FEW)
    if len(set(ranks)) == 1:
        raise Unusable(LeftOut.TIE)
    prompt, answers = parted(record, texts, pool)
    possible = candidates(answers, ranks)
    drawn = possible[0] if len(possible) == 1 else random_for(seed, "pair", digest(prompt, answers)).choice(possible)
    chosen, rejected = (answers[number] for number in drawn)
    return Pair(f"h-{digest(prompt, (chosen, rejected))[:12]}", source, prompt, chosen, rejected)


def digest(prompt: Turns, answers: Iterable[str]) -> str:
    """What tells an item from others: its texts alone, wherever it stands."""
    return digest_of_text("\x1f".join([*(turn.content for turn in prompt), *answers]))


def candidates(answers: Sequence[str], ranks: Sequence[float]) -> list[tuple[int, int]]:
    """Each better and worse answer's numbers, in order; there is at least one. Raises Unusable."""
    usable = [number for number, answer in enumerate(answers) if answer]
    ranked = [(one, other) for one in usable for other in usable if ranks[one] > ranks[other]]
    if not ranked:
        raise Unusable(LeftOut.EMPTY_ANSWER)
    different = [(one, other) for one, other in ranked if answers[one] != answers[other]]
    if not different:
        raise Unusable(LeftOut.IDENTICAL)
    return different


def parted(record: Any, texts: Sequence[str], pool: PreferencePool) -> tuple[Turns, list[str]]:
    """What is answered, and the answers. Raises BadRecord and Unusable."""
    if pool.prompt is None:
        dialogues = [dialogue(text, pool) for text in texts]
        if any(len(turns) % 2 for turns in dialogues):
            raise Unusable(LeftOut.NO_ANSWER)
        if len({turns[:-1] for turns in dialogues}) > 1:
            raise Unusable(LeftOut.DIFFERENT_PROMPTS)
        prompt, answers = dialogues[0][:-1], [turns[-1].content for turns in dialogues]
    else:
        prompt, answers = dialogue(text_at(record, pool.prompt), pool), [text.strip() for text in texts]
        if len(prompt) % 2 == 0:
            raise Unusable(LeftOut.NO_ANSWER)
    if not all(turn.content for turn in prompt):
        raise Unusable(LeftOut.EMPTY_TURN)
    return prompt, answers


def dialogue(text: str, pool: PreferencePool) -> Turns:
    """A text as turns; without marks it is one turn of the user's. Raises Unusable."""
    if pool.user_mark is None or pool.assistant_mark is None:
        return (Message("user", text.strip()),)
    try:
        return turns_of(text, pool.user_mark, pool.assistant_mark)
    except NotADialogue:
        raise Unusable(LeftOut.NOT_A_DIALOGUE) from None


def ranks_in(record: Any, pool: PreferencePool, answers: int) -> list[float]:
    """A number for each answer, higher for a better one: its score, or its place. Raises BadRecord."""
    if pool.scores is None:
        return [float(-place) for place in range(answers)]
    scores = [number_of(value, pool.scores) for value in values_at(record, pool.scores)]
    if len(scores) != answers:
        raise BadRecord(f"{answers} answers but {len(scores)} scores")
    return scores


def texts_at(record: Any, paths: Sequence[str]) -> list[str]:
    """The texts that stand at several places, or in a list at one. Raises BadRecord."""
    found = values_at(record, paths)
    if not all(isinstance(text, str) for text in found):
        raise BadRecord(f"{named(paths)}: not all of it is text")
    return [well_formed(text) for text in found]


def text_at(record: Any, path: str) -> str:
    """The text at one place. Raises BadRecord."""
    return texts_at(record, (path,))[0]


def values_at(record: Any, paths: Sequence[str]) -> list[Any]:
    """The values at several places, or the one list's at one. Raises BadRecord."""
    found = [value_at(record, path) for path in paths]
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def number_of(value: Any, paths: Sequence[str]) -> float:
    """A score, also one that a csv file holds as text. Raises BadRecord."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadRecord(f"{named(paths)}: {value!r} is no score") from None
    if math.isnan(number):
        raise BadRecord(f"{named(paths)}: a score is missing")
    return number


def named(paths: Sequence[str]) -> str:
    """Paths as an error names them."""
    return ", ".join(f"`{path}`" for path in paths)
