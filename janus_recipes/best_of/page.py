"""Write the curves of best-of-n: CSV for scripts, Markdown and a picture for people.

best_of/multifaceted/best-of-64.csv     every k, columns `CSV_COLUMNS`; empty figures where there is none
best_of/multifaceted/best-of-64.md      powers of two and n
best_of/multifaceted/best-of-64.svg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from janus_recipes.best_of.build import BuiltCurve, Curve, Point
from janus_recipes.best_of.chart import curve_svg
from janus_recipes.judging.scores import Counts
from janus_recipes.reporting.render import interval, score, signed
from janus_recipes.reporting.statistics import Estimate
from janus_recipes.reporting.table import estimate_texts
from janus_recipes.reporting.text import csv_text, markdown_table, plain, write_texts

CSV_COLUMNS = (
    *("model", "condition", "selection", "metric", "judge", "k", "value", "ci_low", "ci_high"),
    *("gain", "gain_low", "gain_high", "n_expected", "n_used", "n_left_out"),
)

SUFFIXES = ("md", "svg", "csv")
"""Of a curve's files, in the order in which they are written: the CSV that other steps read comes last."""


def write_curve(built: BuiltCurve, folder: Path) -> None:
    """Write the files of `SUFFIXES` into `folder`, each whole or not at all."""
    texts = (markdown_of(built), curve_svg(built, title_of(built)), csv_text(CSV_COLUMNS, csv_rows(built)))
    write_texts(folder, built.selection, zip(SUFFIXES, texts, strict=True))


def files_beside(csv: Path) -> list[Path]:
    """The further files that `write_curve` writes beside the CSV."""
    return [csv.with_name(f"{csv.name.removesuffix('.csv')}.{suffix}") for suffix in SUFFIXES if suffix != "csv"]


def title_of(built: BuiltCurve) -> str:
    """What the curves are."""
    return f"Best of k samples by {built.reward_model}, on {built.bench}"


def csv_rows(built: BuiltCurve) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text: every k, without a figure where no instance stands behind it.

    A rehearsal says so beside each judge, as in tables.
    """
    for curve in built.curves:
        judge = f"{curve.judge} (rehearsal)" if built.notice else curve.judge
        for point in (*curve.points, *map(no_point, range(len(curve.points) + 1, built.samples + 1))):
            figures = (*estimate_texts(point.value), *estimate_texts(point.gain))
            n_expected, n_used = curve.counts.n_expected, point.value.n
            behind = map(str, (n_expected, n_used, n_expected - n_used))
            yield (*curve.answers, curve.metric, judge, str(point.k), *figures, *behind)


def no_point(k: int) -> Point:
    """What there is to tell of a k that no curve reaches."""
    return Point(k, Estimate(None, None, 0), Estimate(None, None, 0))


def markdown_of(built: BuiltCurve) -> str:
    """The page. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(title_of(built))}"]
    if built.notice:
        parts.append(f"> **{plain(built.notice)}**")
    parts += [plain(note_of(built)), table_of(built)]
    if ends := [f"- {plain(end_of(curve, built.samples))}" for curve in built.curves if is_short(curve, built.samples)]:
        parts.append("\n".join(ends))
    parts.append(f"![{plain(title_of(built))}]({built.selection}.svg)")
    return "\n\n".join(parts) + "\n"


def note_of(built: BuiltCurve) -> str:
    """What the figures are, in a few sentences."""
    return (
        f"{built.samples} samples for each of {built.n_instances} instances of {built.n_instructions} instructions; "
        f"the best of k is the one of k samples that {built.reward_model} gives the highest reward to. Means of all "
        "ways to draw k of the samples, so every k is told without bias by the same sampling. By the reward: what the "
        "chosen sample's reward is (it rises by itself). By the judge: the chosen sample's rubric score, 1 to 5. "
        "Gain: on the best of 1, paired. Brackets are 95% intervals by bootstrap over instructions. A sample that "
        "lacks its reward, or its score where the judge's are told, is left out as if it had not been drawn, and a "
        "curve ends at the fewest samples that one of its instances has."
    )


def table_of(built: BuiltCurve) -> str:
    """A row for each model, measure and shown k."""
    head = ["Model", "System message", "By", "k", "Mean", "95% interval", "Gain on 1", "95% interval", "n used"]
    head.append("Left out")
    rows = [row_of(curve, point) for curve in built.curves for point in (*shown(curve),) or (no_point(1),)]
    return markdown_table(head, rows, left={0, 1, 2, len(head) - 1})


def row_of(curve: Curve, point: Point) -> list[str]:
    """One row of the page."""
    what = {"reward": "reward", "rubric_score": "score"}[curve.metric]
    used = f"{curve.counts.n_used} of {curve.counts.n_expected}"
    names = [curve.answers.model, curve.answers.condition, f"{what}, {curve.judge}", str(point.k)]
    value, gain = point.value, point.gain
    figures = [score(value.value), interval(value.interval), signed(gain.value), interval(gain.interval)]
    return [*names, *figures, used, holes_in(curve.counts)]


def holes_in(counts: Counts) -> str:
    """`1 missing; 30 in part (30 unparsed)`, or `0`."""
    left_out, partial = (
        ", ".join(f"{number} {status}" for status, number in by_status.items())
        for by_status in (counts.left_out, counts.partial)
    )
    return left_out or "0" if not partial else f"{left_out or '0'}; {sum(counts.partial.values())} in part ({partial})"


def is_short(curve: Curve, samples: int) -> bool:
    """Whether a curve ends before the last sample."""
    return len(curve.points) < samples


def end_of(curve: Curve, samples: int) -> str:
    """Why a curve ends before `samples`."""
    needed = {"reward": "a reward", "rubric_score": "a reward and a score"}[curve.metric]
    whose = f"{curve.answers.model} ({curve.answers.condition}), by {curve.judge}"
    if not curve.points:
        return f"{whose}: no figure, as no instance has a sample with {needed}."
    last = len(curve.points)
    return f"{whose}: told up to k = {last}, as an instance has only {last} of {samples} samples with {needed}."


def shown(curve: Curve) -> Iterator[Point]:
    """The points that the page shows: k a power of two, and the last."""
    for point in curve.points:
        if point.k & (point.k - 1) == 0 or point.k == len(curve.points):
            yield point
