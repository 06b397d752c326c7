"""Write a built calibration: CSV for scripts, Markdown for people.

calibrations/replacement.csv     the long form, columns `calibrate.CSV_COLUMNS`
calibrations/replacement.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from janus_recipes.judging.calibrate import CSV_COLUMNS, ITSELF, BuiltCalibration, Line, Runs, csv_rows
from janus_recipes.reporting.render import MINUS, interval, signed
from janus_recipes.reporting.render import score as two_decimals
from janus_recipes.reporting.statistics import Interval
from janus_recipes.reporting.text import HOLE, NONE, csv_text, markdown_table, plain, write_texts

SUFFIXES = ("md", "csv")
"""Of a calibration's files, in the order in which they are written: the CSV that scripts read comes last."""

SHOWN = {
    "spearman": "Verdicts: Spearman",
    "weighted_kappa": "Verdicts: kappa, quadratic weights",
    "exact_agreement": "Verdicts: the same score",
    "mean_shift": "Verdicts: mean of second less first, points",
    "answer_spearman": "Answers: Spearman",
    "answer_pairs_opposite": "Two answers: opposite order",
    "answer_pairs_tied": "Two answers: not told apart by one",
    "model_pairs_opposite": "Two models: opposite order",
    "model_pairs_tied": "Two models: not told apart by one",
}
"""The figures by their names in the CSV, as the page calls them."""

SHARES = ("exact_agreement", "answer_pairs_opposite", "answer_pairs_tied", "model_pairs_opposite", "model_pairs_tied")


def files_beside(csv: Path) -> list[Path]:
    """The further files that `write_calibration` writes beside the CSV."""
    return [csv.with_suffix(f".{suffix}") for suffix in SUFFIXES if suffix != "csv"]


def write_calibration(built: BuiltCalibration, folder: Path) -> None:
    """Write the files into `folder`, each whole or not at all, in the order of `SUFFIXES`."""
    texts = (markdown_of(built), csv_text(CSV_COLUMNS, csv_rows(built)))
    write_texts(folder, built.name, zip(SUFFIXES, texts, strict=True))


def markdown_of(built: BuiltCalibration) -> str:
    """The page. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(built.title)}"]
    if built.notice:
        parts.append(f"> **{plain(built.notice)}**")
    parts += [plain(note_of(built)), _judges(built), "## Agreement", _agreement(built)]
    if not_measured := [judge for judge, runs in built.runs.items() if runs < 2]:
        told = ", ".join(not_measured)
        parts.append(f"Agreement with itself is not measurable of {told}: one run. Give `runs` of 2 or more.")
    parts += ["## Models", _models(built)]
    if built.swaps:
        parts.append("\n".join(_swaps(built)))
    if holes := list(_holes(built)):
        parts += [f"## What {HOLE} stands for", "\n".join(holes)]
    return "\n\n".join(parts) + "\n"


def note_of(built: BuiltCalibration) -> str:
    """What the figures are, in a few sentences."""
    lacking = built.n_expected - built.n_instances
    lacks = f"The bench lacks {lacking} of the recipe's {built.n_expected} instances. " if lacking else ""
    return (
        f"The judges scored the same answers to {built.n_instances} instances of {built.n_instructions} instructions. "
        f"{lacks}A verdict is a score from 1 to 5 by one rubric, an answer's score the mean over its rubrics. One run "
        "of a judge is compared with one run of the other, or with another run of its own, which is the yardstick: a "
        "judge cannot be expected to agree with another one better than with itself. All runs: means over the runs, as "
        "in tables. Kappa is Cohen's with squared distances as weights. A shift is a difference of judges, not of "
        "models; scores of different judges are not averaged. Brackets are 95% intervals by bootstrap over "
        "instructions."
    )


def _judges(built: BuiltCalibration) -> str:
    rows = [[judge, *built.who[judge], str(built.runs[judge])] for judge in built.who]
    return markdown_table(["Judge", "Model", "Judged", "Runs"], rows, left={0, 1, 2})


def _agreement(built: BuiltCalibration) -> str:
    """A line for each figure, a column for each pair of judges, one run with one run first."""
    lines = {
        (one.metric, one.runs, one.judge, one.against): one for one in built.lines if one.against and not one.model
    }
    columns = list(dict.fromkeys((judge, against) for _, _, judge, against in lines))
    rows = []
    for metric, runs in sorted({(metric, runs) for metric, runs, *_ in lines}, key=_place):
        cells = [_cell(lines.get((metric, runs, *column))) for column in columns]
        rows.append([f"{SHOWN[metric]}{', all runs' if runs == 'all' else ''}", *cells])
    head = ["Figure", *(_between(judge, against) for judge, against in columns)]
    return markdown_table(head, rows, left={0})


def _place(figure: tuple[str, Runs]) -> tuple[bool, int]:
    """One run with one run first, then in the order of `SHOWN`."""
    metric, runs = figure
    return runs == "all", list(SHOWN).index(metric)


def _between(judge: str, against: str) -> str:
    return f"{judge}, run and run" if against == ITSELF else f"{judge}, {against}"


def _cell(line: Line | None) -> str:
    """A figure with its interval; shares in per cent, a shift with its sign."""
    if line is None:
        return NONE
    return _figure(line) + (HOLE if line.left_out else "")


def _figure(line: Line) -> str:
    value, found = line.estimate.value, line.estimate.interval
    if value is None:
        return NONE
    if line.metric in SHARES:
        return f"{100 * value:.1f}%{_percents(found)}"
    shown = signed(value) if line.metric == "mean_shift" else two_decimals(value).replace("-", MINUS)
    return f"{shown} {interval(found)}".rstrip()


def _percents(found: Interval | None) -> str:
    return f" [{100 * found.low:.1f}, {100 * found.high:.1f}]" if found else ""


def _holes(built: BuiltCalibration) -> Iterator[str]:
    """What each figure with a hole stands on, and the verdicts that lack, by status; the same is told once."""
    told: dict[str, list[str]] = {}
    for one in filter(lambda one: one.left_out, built.lines):
        statuses = ", ".join(f"{number} {status}" for status, number in one.left_out.items())
        used = f"{one.estimate.n} of {one.n_expected} {one.unit} used"
        about = f"{_of(one)}: {one.model} ({one.condition})" if one.model else _of(one)
        told.setdefault(f"{about}, verdicts left out: {statuses}", []).append(used)
    for about, used_of in told.items():
        yield f"- {about}; {', '.join(dict.fromkeys(used_of))}"


def _of(line: Line) -> str:
    return _between(line.judge, line.against) if line.against else line.judge


def _models(built: BuiltCalibration) -> str:
    """Each model's score by each judge, side by side, and how much milder each is than another one."""
    scores = {(one.model, one.condition, one.judge): one for one in built.lines if one.metric == "mean_score"}
    shifts = {
        (one.model, one.condition, one.judge, one.against): one
        for one in built.lines
        if one.metric == "mean_shift" and one.model
    }
    pairs = list(dict.fromkeys((judge, against) for *_, judge, against in shifts))
    rows = [
        [
            *entry,
            *(_cell(scores[*entry, judge]) for judge in built.who),
            *(_cell(shifts.get((*entry, *pair))) for pair in pairs),
        ]
        for entry in dict.fromkeys((model, condition) for model, condition, _ in scores)
    ]
    head = ["Model", "Condition", *built.who, *(f"{against} {MINUS} {judge}" for judge, against in pairs)]
    return markdown_table(head, rows, left={0, 1})


def _swaps(built: BuiltCalibration) -> Iterator[str]:
    for (judge, against), swapped in built.swaps.items():
        told = "; ".join(f"{one} and {other}" for one, other in swapped) or "none"
        yield f"- Models that {judge} and {against} put in opposite orders, by means over all runs: {told}"
