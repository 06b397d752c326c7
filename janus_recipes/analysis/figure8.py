"""Figure 8: how long the models' answers are, in words, beside the reference answers.

janus analysis figure8 multifaceted ANSWERS... --bench bench.jsonl --out figure8.csv

A word is what stands between spaces or line ends. The CSV has each model's mean with its 95% interval (a bootstrap over
instructions), quartiles and extremes, then the length of every answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import quantiles

from janus_recipes.analysis.answer_charts import figure8_svg
from janus_recipes.analysis.answered import AnsweredBench, told
from janus_recipes.analysis.finding import NONE, Finding, cell
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

TITLE = "Figure 8: lengths of the answers in words, and of the reference answers"

COLUMNS = ("model", "measure", "instance", "value", "low", "high", "n_expected", "n_used", "n_left_out")


@dataclass(frozen=True)
class Lengths:
    """The lengths of a model's answers in words, by instance, and their mean."""

    words: Mapping[str, int]
    mean: Estimate
    n_expected: int

    @property
    def spread(self) -> dict[str, float]:
        """Shortest, quartiles and longest; empty without an answer."""
        found = sorted(self.words.values())
        if not found:
            return {}
        low, middle, high = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        return {"shortest": found[0], "quartile 1": low, "median": middle, "quartile 3": high, "longest": found[-1]}


def compare_lengths(answered: AnsweredBench) -> Finding:
    """The lengths of every model's answers."""
    lengths = {model: lengths_of(model, texts, answered) for model, texts in answered.texts().items()}
    return Finding(
        title=TITLE,
        columns=COLUMNS,
        rows=[row for model, one in lengths.items() for row in _rows(model, one)],
        head=["Model", "Mean", "95% interval", "Shortest", "Quartiles", "Longest", "Answers", "Left out"],
        lines=[_line(model, one, answered) for model, one in lengths.items()],
        text_columns=frozenset({0, 7}),
        notes=[
            f"Of {answered.n_expected:,} instances; system message at test time: {answered.condition}.",
            "Intervals are bootstraps over instructions. In the picture a point is the median, a bar the middle half. "
            "The paper gives no numbers for its figure.",
        ],
        notice=answered.notice,
        svg=figure8_svg(lengths, TITLE, answered.notice),
    )


def lengths_of(model: str, texts: Mapping[str, str], answered: AnsweredBench) -> Lengths:
    """The lengths of a model's answers; an empty answer has none."""
    words = {item: len(text.split()) for item, text in texts.items()}
    seed = derive_seed(answered.seed, "bootstrap", "figure8", model)
    mean = mean_with_interval({item: float(n) for item, n in words.items()}, answered.instruction_of, seed)
    return Lengths(words, mean, answered.n_expected)


def _rows(model: str, one: Lengths) -> Iterator[list[str]]:
    used = len(one.words)
    n = [str(one.n_expected), str(used), str(one.n_expected - used)]
    low, high = one.mean.interval or (None, None)
    yield [model, "mean", "", cell(one.mean.value), cell(low), cell(high), *n]
    for measure, value in one.spread.items():
        yield [model, measure, "", cell(value), "", "", *n]
    for item, words in sorted(one.words.items()):
        yield [model, "words", item, str(words), "", "", *n]


def _line(model: str, one: Lengths, answered: AnsweredBench) -> list[str]:
    interval = f"{one.mean.interval.low:.1f} to {one.mean.interval.high:.1f}" if one.mean.interval else NONE
    mean = f"{one.mean.value:.1f}" if one.mean.value is not None else NONE
    spread = one.spread
    quartiles = " / ".join(f"{spread[key]:g}" for key in ("quartile 1", "median", "quartile 3")) if spread else NONE
    ends = [f"{spread[key]:g}" if spread else NONE for key in ("shortest", "longest")]
    return [model, mean, interval, ends[0], quartiles, ends[1], f"{len(one.words):,}", told(answered.left_out(model))]
