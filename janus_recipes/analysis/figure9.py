"""Figure 9: how alike a model's answers to the different system messages of one instruction are: ROUGE-L F1 of pairs.

janus analysis figure9 multifaceted ANSWERS... --bench bench.jsonl --out figure9.csv

Of each instruction the mean and the highest of its pairs, then their means over instructions, as the paper has them:
the lower, the more answers differ from one system message to the next. An instruction counts when each of its instances
in the bench has an answer and there are two of them. Intervals are bootstraps over instructions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from janus_recipes.analysis.answer_charts import figure9_svg
from janus_recipes.analysis.answered import AnsweredBench, told
from janus_recipes.analysis.finding import NONE, Finding, cell, figure
from janus_recipes.analysis.published import RougeL
from janus_recipes.analysis.rouge import pairwise_rouge_l
from janus_recipes.records import Status
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

TITLE = "Figure 9: ROUGE-L between a model's answers to the system messages of one instruction"

COLUMNS = (
    *("model", "measure", "instruction", "value", "low", "high", "published", "difference"),
    *("n_expected", "n_used", "n_left_out"),
)

HEAD = (
    *("Model", "Mean of pairs", "95% interval", "Paper"),
    *("Mean of each instruction's highest", "95% interval", "Paper", "Instructions", "Left out"),
)


@dataclass(frozen=True)
class Alike:
    """How alike a model's answers are. `pairs`: the mean and the highest of each instruction's pairs, by its id.

    `left_out`: instructions without a pair, by the status of the first answer that is not there.
    """

    pairs: Mapping[str, tuple[float, float]]
    mean: Estimate
    highest: Estimate
    left_out: Counter[Status]
    n_expected: int


def compare_answers(answered: AnsweredBench, published: Mapping[str, RougeL]) -> Finding:
    """How alike every model's answers are, beside the paper's figures."""
    texts = answered.texts()
    alike = {model: alike_of(model, texts[model], answered) for model in texts}
    return Finding(
        title=TITLE,
        columns=COLUMNS,
        rows=[row for model, one in alike.items() for row in _rows(model, one, published.get(model), answered)],
        head=HEAD,
        lines=[_line(model, one, published.get(model)) for model, one in alike.items()],
        text_columns=frozenset({0, 8}),
        notes=[
            f"Of {answered.n_expected_instructions:,} instructions; system message at test time: {answered.condition}.",
            "Lower means that answers differ more from one system message to the next, for the better or the worse: an "
            "answer that ignores its message may differ as well. Intervals are bootstraps over instructions.",
        ],
        notice=answered.notice,
        svg=figure9_svg(alike, published, TITLE, answered.notice),
    )


def alike_of(model: str, texts: Mapping[str, str], answered: AnsweredBench) -> Alike:
    """The pairs of a model's answers."""
    groups: dict[str, list[str]] = {}
    for item, instruction in answered.instruction_of.items():
        groups.setdefault(instruction, []).append(item)
    statuses = answered.statuses(model)
    pairs: dict[str, tuple[float, float]] = {}
    left_out: Counter[Status] = Counter()
    for instruction, items in groups.items():
        hole = next((statuses[item] for item in items if statuses[item] is not Status.OK), None)
        if hole is not None or len(items) < 2:
            left_out[hole or Status.MISSING] += 1  # the other message's instance is not in the bench
        else:
            scores = pairwise_rouge_l([texts[item] for item in items])
            pairs[instruction] = (fmean(scores), max(scores))
    left_out[Status.MISSING] += answered.n_expected_instructions - len(groups)
    mean, highest = (_estimate(model, place, pairs, answered.seed) for place in (0, 1))
    return Alike(pairs, mean, highest, +left_out, answered.n_expected_instructions)


def _estimate(model: str, place: int, pairs: Mapping[str, tuple[float, float]], seed: int) -> Estimate:
    values = {instruction: both[place] for instruction, both in pairs.items()}
    return mean_with_interval(
        values, {one: one for one in values}, derive_seed(seed, "bootstrap", "figure9", model, place)
    )


def _rows(model: str, one: Alike, paper: RougeL | None, answered: AnsweredBench) -> Iterator[list[str]]:
    n = [str(one.n_expected), str(len(one.pairs)), str(one.n_expected - len(one.pairs))]
    for measure, estimate, stated in (
        ("mean_of_pairs", one.mean, paper.average if paper else None),
        ("mean_of_highest", one.highest, paper.max if paper else None),
    ):
        low, high = estimate.interval or (None, None)
        comparable = estimate.value is not None and stated is not None and answered.notice is None
        difference = estimate.value - stated if comparable else None  # type: ignore[operator]
        yield [model, measure, "", *map(cell, (estimate.value, low, high, stated, difference)), *n]
    for place, measure in enumerate(("mean_of_its_pairs", "highest_of_its_pairs")):
        for instruction, both in sorted(one.pairs.items()):
            yield [model, measure, instruction, cell(both[place]), "", "", "", "", *n]


def _line(model: str, one: Alike, paper: RougeL | None) -> list[str]:
    return [
        *(model, figure(one.mean.value), _interval(one.mean), figure(paper.average if paper else None)),
        *(figure(one.highest.value), _interval(one.highest), figure(paper.max if paper else None)),
        *(f"{len(one.pairs):,}", told(one.left_out)),
    ]


def _interval(estimate: Estimate) -> str:
    return f"{estimate.interval.low:.3f} to {estimate.interval.high:.3f}" if estimate.interval else NONE
