"""Write built win rates: CSV for scripts, Markdown and a picture for people.

win_rates/whole-to-third.csv    a row for each pair and column, and each pair's Average; columns `CSV_COLUMNS`
win_rates/whole-to-third.md
win_rates/whole-to-third.svg
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from janus_recipes.records import Status
from janus_recipes.reporting.render import MINUS
from janus_recipes.reporting.statistics import Interval
from janus_recipes.reporting.table import estimate_texts, number_text
from janus_recipes.reporting.text import NONE, csv_text, markdown_table, plain, write_texts
from janus_recipes.win_rates.build import BuiltWinRates, WinRateLine
from janus_recipes.win_rates.chart import win_rates_svg

CSV_COLUMNS = (
    *("model", "against", "condition", "benchmark", "metric", "judge", "judged_at", "value", "ci_low", "ci_high"),
    *("runs", "wins", "ties", "losses", "flipped", "picks_first", "n_expected", "n_used", "n_left_out"),
)

SUFFIXES = ("svg", "md", "csv")
"""Of a page's files, in the order in which they are written: the CSV that other steps read comes last."""


def files_beside(csv: Path) -> list[Path]:
    """The further files that `write_win_rates` writes beside the CSV."""
    return [csv.with_name(f"{csv.name.removesuffix('.csv')}.{suffix}") for suffix in SUFFIXES if suffix != "csv"]


def write_win_rates(built: BuiltWinRates, folder: Path) -> None:
    """Write the three files into `folder`, each whole or not at all, in the order of `SUFFIXES`."""
    texts = (win_rates_svg(built), markdown_of(built), csv_text(CSV_COLUMNS, csv_rows(built)))
    write_texts(folder, built.name, zip(SUFFIXES, texts, strict=True))


def csv_rows(built: BuiltWinRates) -> Iterator[tuple[str, ...]]:
    """The rows under `CSV_COLUMNS`, as text. Each row of a rehearsal says so beside the judge."""
    for one in built.lines:
        judge = f"{one.judge} (rehearsal)" if built.notice else one.judge
        yield (
            *(one.model, one.against, built.condition, one.benchmark, "win_rate", judge, one.judged_at),
            *estimate_texts(one.win_rate),
            *map(str, (built.runs, *(one.outcomes.get(outcome, 0) for outcome in ("win", "tie", "loss")))),
            *map(number_text, (one.flipped, one.picks_first)),
            *map(str, (one.counts.n_expected, one.counts.n_used, one.counts.n_left_out)),
        )


def markdown_of(built: BuiltWinRates) -> str:
    """The page. A rehearsal says so in its first line after the title."""
    parts = [f"# {plain(built.title)}"]
    if built.notice:
        parts.append(f"> **{plain(built.notice)}**")
    parts += [plain(note_of(built)), _pairs(built), "## Win rate by benchmark", _columns(built)]
    return "\n\n".join(parts) + "\n"


def note_of(built: BuiltWinRates) -> str:
    """What the figures are, how ties are handled, and what is left out, in a few sentences."""
    runs = "once" if built.runs == 1 else f"{built.runs} times"
    lacking = built.n_expected - built.n_instances
    holed = f" The bench lacks {lacking} of the recipe's {built.n_expected} instances: counted as missing."
    return (
        f"Two models' answers to {built.n_instances} instances of {built.n_instructions} instructions (system message: "
        f"{built.condition}), compared by the judge by all rubrics together, in both orders, {runs} in each. A win or "
        "a loss: both orders prefer the same model. Everything else is a tie: the judge said so, or its preference "
        "turned with the order, or it had one in one order alone. Win rate: wins and half of the ties, of all "
        "comparisons; 50% is even. Flipped: the judge preferred one model in one order and the other one in the "
        "other, of the comparisons of unlike answers. Picks first: of the verdicts for an answer, those for the one "
        "shown first; 50% where the place does not count. Answers of the same text tie, and are one verdict. Brackets "
        "are 95% intervals by bootstrap over instructions. An instance with a verdict missing is left out."
        f"{holed if lacking else ''}"
    )


def _pairs(built: BuiltWinRates) -> str:
    head = ["Model", "Against", "Win rate", "95% interval", "Wins", "Ties", "Losses"]
    head += ["Flipped", "Picks first", "n used", "Left out", "Judge"]
    return markdown_table(head, [_pair(one) for one in built.averages], left={0, 1, 10, 11})


def _pair(one: WinRateLine) -> list[str]:
    counts, outcomes = one.counts, (str(one.outcomes.get(name, 0)) for name in ("win", "tie", "loss"))
    figures = [percent(one.win_rate.value), interval(one.win_rate.interval), *outcomes]
    shares = [percent(one.flipped), percent(one.picks_first)]
    used = f"{counts.n_used} of {counts.n_expected}"
    return [
        one.model,
        one.against,
        *figures,
        *shares,
        used,
        _statuses(counts.left_out),
        f"{one.judge}, {one.judged_at}",
    ]


def _columns(built: BuiltWinRates) -> str:
    head = ["Model", "Against", "Benchmark", "Win rate", "95% interval", "n used"]
    rows = [
        [
            *(one.model, one.against, one.benchmark, percent(one.win_rate.value), interval(one.win_rate.interval)),
            f"{one.counts.n_used} of {one.counts.n_expected}",
        ]
        for one in built.lines
    ]
    return markdown_table(head, rows, left={0, 1, 2})


def percent(value: float | None) -> str:
    """A share in per cent."""
    return NONE if value is None else f"{100 * value:.1f}%"


def interval(found: Interval | None) -> str:
    """`[48.1, 63.0]`, in per cent; an empty text where there is none."""
    return "" if found is None else f"[{100 * found.low:z.1f}, {100 * found.high:z.1f}]".replace("-", MINUS)


def _statuses(left_out: Mapping[Status, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in left_out.items()) or "0"
