"""Keep of each instance's samples the one that the reward model puts highest (paper, section 6.3).

    janus best-of choose best-of-64 --samples samples.jsonl --rewards rewards.jsonl --out multifaceted.best-of-64.jsonl

What is written are answers as any others, under the ids of the instances: they are judged and shown like a model's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from janus_recipes.errors import StepError
from janus_recipes.records import Asked, Status


class Sample(NamedTuple):
    """A sampled answer and its reward, under one id."""

    answer: Asked[str]
    reward: Asked[float]


def choose(
    samples: Iterable[Asked[str]], rewards: Iterable[Asked[float]], of: int, counted: Counter[str]
) -> Iterator[Asked[str]]:
    """The best of each instance's `of` samples. Of those with the same reward the first one is kept.

    A sample without a reward cannot be chosen. `counted` gets the rows by status, under `fewer` the instances that were
    chosen from fewer than `of`, and under `tied` those whose best reward several samples have.

    Raises:
        StepError: samples and rewards that are not of the same answers, or not `of` for each instance.
    """
    for instance, group in by_instance(samples, rewards, of):
        rewarded = [one for one in group if one.reward.value is not None]
        row = chosen(instance, rewarded, of) if rewarded else without_a_choice(instance, group)
        counted[row.status] += 1
        counted["fewer"] += 0 < len(rewarded) < of
        counted["tied"] += sum(one.reward.value == best_reward(rewarded) for one in rewarded) > 1
        yield row


def by_instance(
    samples: Iterable[Asked[str]], rewards: Iterable[Asked[float]], of: int
) -> Iterator[tuple[str, list[Sample]]]:
    """Each instance with its `of` samples and their rewards, as they follow one another in both files."""
    pairs = (Sample(*pair) for pair in zip(samples, rewards, strict=True))
    try:
        while group := list(islice(pairs, of)):
            instance, _, _ = group[0].answer.id.rpartition("/")
            expected = [f"{instance}/{number}" for number in range(of)]
            if [(one.answer.id, one.reward.id) for one in group] != [(id, id) for id in expected]:
                raise StepError(f"the samples and rewards from {group[0].answer.id} on are not {of} of one instance")
            yield instance, group
    except ValueError:
        raise StepError("there are not as many rewards as samples: score these samples again") from None


def chosen(instance: str, rewarded: Sequence[Sample], of: int) -> Asked[str]:
    """The row of the sample with the highest reward; its reason says which one it is, of how many."""
    best = next(one for one in rewarded if one.reward.value == best_reward(rewarded))
    _, _, number = best.answer.id.rpartition("/")
    told = f"sample {number} of {of} with the reward {best.reward.value:.4f}"
    if len(rewarded) < of:
        told += f", {of - len(rewarded)} without one"
    reason = "; ".join(filter(None, (told, best.answer.reason)))
    return Asked(instance, Status.OK, best.answer.value, best.answer.raw, len(rewarded), reason)


def best_reward(rewarded: Sequence[Sample]) -> float | None:
    """The highest reward, None among none."""
    return max((one.reward.value for one in rewarded if one.reward.value is not None), default=None)


def without_a_choice(instance: str, group: Sequence[Sample]) -> Asked[str]:
    """The row of an instance none of whose samples has a reward: what became of its first one."""
    first = group[0]
    failed = first.reward if first.answer.status is Status.OK else first.answer
    return Asked(instance, failed.status, None, reason=f"none of {len(group)} samples has a reward: {failed.reason}")
