"""Write a built ranking: CSV for scripts, Markdown for people.

rankings/held-out.csv               the long form, with the columns of the tables (`reporting/table.py`). `judge` is
                                    what told the answers apart: reward, or log-probability
rankings/held-out.comparisons.csv   paired differences, columns `COMPARISON_COLUMNS`
rankings/held-out.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from janus_recipes.ranking.build import METRICS, BuiltRanking, Metric, RankedModel, RankingComparison
from janus_recipes.reporting.render import MINUS, interval, signed
from janus_recipes.reporting.statistics import Estimate, Interval
from janus_recipes.reporting.table import AVERAGE, CSV_COLUMNS, estimate_texts, number_text
from janus_recipes.reporting.text import NONE, csv_text, markdown_table, plain, write_texts

COMPARISON_COLUMNS = (
    *("comparison", "model", "against", "condition", "benchmark", "metric", "judge", "first", "second", "difference"),
    *("ci_low", "ci_high", "n_expected", "n_used", "n_left_out"),
)
SELECTION = "pair"
"""The selection of these rows: no answer is drawn, two are given."""

CONDITION = "multifaceted"
"""Every pair stands after its instance's own system message."""

SUFFIXES = ("md", "comparisons.csv", "csv")
"""Of a ranking's files, in the order in which they are written: the CSV that other steps read comes last."""

WITHOUT = {
    "no_other_system_message": "no other system message of the instruction is left in the bench",
    "identical_answers": "the answers to all others are the same",
}
"""Why an instance has no pair."""


def files_beside(csv: Path) -> list[Path]:
    """The further files that `write_ranking` writes beside a ranking's CSV."""
    return [csv.with_suffix(f".{suffix}") for suffix in SUFFIXES if suffix != "csv"]


def write_ranking(ranking: BuiltRanking, folder: Path) -> None:
    """Write the three files into `folder`, each whole or not at all, in the order of `SUFFIXES`."""
    texts = (
        markdown_of(ranking),
        csv_text(COMPARISON_COLUMNS, comparison_rows(ranking)),
        csv_text(CSV_COLUMNS, csv_rows(ranking)),
    )
    write_texts(folder, ranking.name, zip(SUFFIXES, texts, strict=True))


def csv_rows(ranking: BuiltRanking) -> Iterator[tuple[str, ...]]:
    """The rows under `reporting.table.CSV_COLUMNS`, as text; nothing is published or partial."""
    for one in ranking.models:
        for metric in METRICS:
            yield (
                *(one.model, CONDITION, SELECTION, AVERAGE, metric, _judge(one.score, ranking)),
                *estimate_texts(one.figures[metric]),
                *map(str, (one.counts.n_expected, one.counts.n_used, one.counts.n_left_out)),
                *("", "", "0"),
            )


def comparison_rows(ranking: BuiltRanking) -> Iterator[tuple[str, ...]]:
    """The rows under `COMPARISON_COLUMNS`, as text."""
    for one in ranking.comparisons:
        n_used = one.difference.n
        yield (
            *("compared", one.model, one.against, CONDITION, AVERAGE, one.metric, _judge(one.score, ranking)),
            *map(number_text, (one.first, one.second)),
            *estimate_texts(one.difference),
            *map(str, (ranking.n_expected, n_used, ranking.n_expected - n_used)),
        )


def markdown_of(ranking: BuiltRanking) -> str:
    """The page. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(ranking.title)}"]
    if ranking.notice:
        parts.append(f"> **{plain(ranking.notice)}**")
    parts += [plain(note_of(ranking)), _models(ranking)]
    if ranking.without:
        parts.append("\n".join(f"- without a pair: {n}, {WITHOUT.get(why, why)}" for why, n in ranking.without.items()))
    if ranking.comparisons:
        parts += ["## Paired comparisons", _compared(ranking)]
    return "\n\n".join(parts) + "\n"


def note_of(ranking: BuiltRanking) -> str:
    """What the figures are, in a few sentences."""
    lacking = ranking.n_expected - ranking.n_pairs
    holed = f" {lacking} of the recipe's {ranking.n_expected} instances have no pair: counted as left out."
    return (
        f"{ranking.n_pairs} pairs of {ranking.n_instructions} instructions: the reference answer to a system message, "
        "and that to another one of the same instruction, both after the first. Right order: the share of pairs whose "
        "first answer has the higher score; a tie counts half, so guessing gives 50%. Margin: mean difference of the "
        "two scores. A reward model's score is its reward, any other model's the log-probability of the answer, in "
        f"nats. Brackets are 95% intervals by bootstrap over instructions.{holed if lacking else ''}"
    )


def _models(ranking: BuiltRanking) -> str:
    head = ["Model", "Score", "Right order", "95% interval", "Margin", "95% interval", "n used", "Left out"]
    return markdown_table(head, [_model(one) for one in ranking.models], left={0, 1, 7})


def _model(one: RankedModel) -> list[str]:
    counts = one.counts
    left_out = ", ".join(f"{number} {status}" for status, number in counts.left_out.items()) or "0"
    figures = [text for metric in METRICS for text in _figure(metric, one.figures[metric])]
    return [one.model, one.score, *figures, f"{counts.n_used} of {counts.n_expected}", left_out]


def _compared(ranking: BuiltRanking) -> str:
    head = ["Comparison", "Of", "First", "Second", "Difference", "95% interval", "n in both"]
    return markdown_table(head, [_comparison(one, ranking) for one in ranking.comparisons], left={0, 1})


def _comparison(one: RankingComparison, ranking: BuiltRanking) -> list[str]:
    what = {"pair_accuracy": "right order", "margin": f"margin ({one.score})"}[one.metric]
    means = [_number(one.metric, value) for value in (one.first, one.second)]
    used = f"{one.difference.n} of {ranking.n_expected}"
    return [f"{one.model} {MINUS} {one.against}", what, *means, *_figure(one.metric, one.difference, True), used]


def _figure(metric: Metric, found: Estimate, is_difference: bool = False) -> tuple[str, str]:
    """A figure and its interval: shares in per cent, their differences in points with a sign."""
    if metric == "margin":
        return signed(found.value), interval(found.interval)
    unit = " points" if is_difference else "%"
    value = _percent(found.value, sign=is_difference)
    return value + (unit if found.value is not None else ""), _percents(found.interval)


def _number(metric: Metric, value: float | None) -> str:
    if metric == "margin":
        return signed(value)
    return _percent(value) + ("%" if value is not None else "")


def _percent(value: float | None, *, sign: bool = False) -> str:
    return NONE if value is None else f"{100 * value:{'+' if sign else ''}z.1f}".replace("-", MINUS)


def _percents(found: Interval | None) -> str:
    return "" if found is None else f"[{_percent(found.low)}, {_percent(found.high)}]"


def _judge(score: str, ranking: BuiltRanking) -> str:
    """What told the answers apart. The columns are fixed, so this is where each row of a rehearsal says so."""
    return f"{score} (rehearsal)" if ranking.notice else score
