"""A bench and what models answered to it: what Figures 8 and 9 and the examples are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from janus_recipes.records import Asked, BenchInstance, Status

REFERENCE = "reference answers"
"""Stands among the models, as their yardstick."""


@dataclass(frozen=True)
class AnsweredBench:
    """`answers`: the rows of each model, in the recipe's order. Expected are what the recipe asks for (contract 2)."""

    bench: Sequence[BenchInstance]
    answers: Mapping[str, Sequence[Asked[str]]]
    n_expected: int
    n_expected_instructions: int
    condition: str
    seed: int
    notice: str | None

    @property
    def instruction_of(self) -> dict[str, str]:
        """The instruction of each instance, by their ids."""
        return {one.id: one.instruction_id for one in self.bench}

    def texts(self) -> dict[str, dict[str, str]]:
        """The reference answers, then each model's ok answers, by instance."""
        there = self.instruction_of
        found = {REFERENCE: {one.id: one.reference_answer for one in self.bench}}
        for model, rows in self.answers.items():
            found[model] = {row.id: row.value for row in rows if row.value is not None and row.id in there}
        return found

    def statuses(self, model: str) -> dict[str, Status]:
        """What became of a model's answer to each instance of the bench; a row that is not there is missing."""
        if model == REFERENCE:
            return dict.fromkeys(self.instruction_of, Status.OK)
        rows = {row.id: row.status for row in self.answers[model]}
        return {item: rows.get(item, Status.MISSING) for item in self.instruction_of}

    def left_out(self, model: str) -> Counter[Status]:
        """The instances expected without a usable answer of the model, by status."""
        counted = Counter(self.statuses(model).values())
        counted[Status.MISSING] += self.n_expected - len(self.bench)
        del counted[Status.OK]
        return +counted


def told(left_out: Mapping[Status, int]) -> str:
    """`2 truncated, 1 missing`, or `none`."""
    return ", ".join(f"{count:,} {status}" for status, count in sorted(left_out.items())) or "none"
