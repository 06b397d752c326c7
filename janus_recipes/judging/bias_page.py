"""Write a built bias report: CSV for scripts, Markdown and a picture for people.

calibrations/replacement.bias.csv    the figures, columns `CSV_COLUMNS`, and the picture's points (`points_by_length`)
calibrations/replacement.bias.md
calibrations/replacement.bias.svg    points above the instance's mean by words above it, a line for each judge
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from janus_recipes.judging.bias import BiasLine, BuiltBias
from janus_recipes.judging.bias_chart import length_svg
from janus_recipes.reporting.render import interval, signed
from janus_recipes.reporting.table import estimate_texts, number_text
from janus_recipes.reporting.text import csv_text, markdown_table, plain, write_texts

CSV_COLUMNS = (
    *("metric", "judge", "against", "models", "words", "value", "ci_low", "ci_high", "unit"),
    *("n_expected", "n_used", "n_left_out", "not_measurable", "rehearsal"),
)
SUFFIXES = ("svg", "md", "csv")
"""Of a report's files, in the order in which they are written: the CSV that scripts read comes last."""

SHOWN = {
    "length_spearman": "Length and score: Spearman among an instance's answers",
    "length_slope": "Points for 100 words more, among an instance's answers",
    "length_slope_same_models": "Points for 100 words more, each model's own level taken out",
    "length_slope_of_shift": "Points for 100 words more, beyond the other judge",
    "family_preference": "Points for its family's models, beyond the other judge",
    "picks_first": "Of two answers, takes the one shown first",
    "flipped": "Of two answers, takes the other one when they are swapped",
}
"""The figures by their names in the CSV, as the page calls them."""

SHARES = ("picks_first", "flipped")


def files_beside(csv: Path) -> list[Path]:
    """The further files that `write_bias` writes beside the CSV."""
    return [csv.with_suffix(f".{suffix}") for suffix in SUFFIXES if suffix != "csv"]


def write_bias(built: BuiltBias, folder: Path) -> None:
    """Write the files into `folder`, each whole or not at all, in the order of `SUFFIXES`."""
    texts = (
        length_svg(built.bins, built.title, built.notice),
        markdown_of(built),
        csv_text(CSV_COLUMNS, csv_rows(built)),
    )
    write_texts(folder, f"{built.name}.bias", zip(SUFFIXES, texts, strict=True))


def csv_rows(built: BuiltBias) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text; an empty cell for what there is none of."""
    rehearsal = "yes" if built.notice else "no"
    for one in built.lines:
        n_used = one.estimate.n
        counts = map(str, (one.n_expected, n_used, one.n_expected - n_used))
        figures = estimate_texts(one.estimate)
        yield (one.metric, one.judge, one.against, one.models, "", *figures, one.unit, *counts, one.why, rehearsal)
    for judge, bins in built.bins.items():
        for part in bins:
            at, points, n = number_text(part.words), number_text(part.points), str(part.n)
            yield ("points_by_length", judge, "", "", at, points, "", "", "answers", n, n, "0", "", rehearsal)


def markdown_of(built: BuiltBias) -> str:
    """The page. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(built.title)}: what the judges prefer beside the rubrics"]
    if built.notice:
        parts.append(f"> **{plain(built.notice)}**")
    parts.append(plain(note_of(built)))
    for judge, (model, days) in built.who.items():
        parts += [f"## {plain(judge)}", plain(f"{model}, judged {days}."), _figures(built, judge)]
        without = [one for one in built.lines if one.judge == judge and one.why]
        parts.append("\n".join(f"- {SHOWN[one.metric]}: not measurable, {one.why}." for one in without))
    return "\n\n".join(filter(None, parts)) + "\n"


def note_of(built: BuiltBias) -> str:
    """What the figures are, in a few sentences."""
    return (
        "Each figure compares answers to the same instance, so that its difficulty cancels out. That longer answers "
        "score higher need not be a bias: they may be better, or written by better models. With each model's own level "
        "taken out the second goes; beyond another judge of the same answers both do, and what is left is a difference "
        "of the two judges, less what the scale's end at 5 hides. A judge prefers its family where it is milder than "
        "another judge to its family's answers by more than it is to the others'. Words are split at white space. "
        "Brackets are 95% intervals by bootstrap over instructions."
    )


def _figures(built: BuiltBias, judge: str) -> str:
    head = ["Figure", "Against", "Of", "Value", "95% interval", "n used"]
    rows = [_row(one) for one in built.lines if one.judge == judge and not one.why]
    return markdown_table(head, rows, left={0, 1, 2})


def _row(one: BiasLine) -> list[str]:
    value = one.estimate.value or 0.0
    shown = f"{100 * value:.1f}%" if one.metric in SHARES else signed(value)
    used = f"{one.estimate.n} of {one.n_expected} {one.unit}"
    return [SHOWN[one.metric], one.against, one.models, shown, interval(one.estimate.interval), used]
