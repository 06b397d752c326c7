"""Shares of answers with their intervals, counts and agreement: the lines that Figures 3, 6 and 7 are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from janus_recipes.analysis.finding import NONE, cell
from janus_recipes.human.agreement import Agreement, Level, Unit, krippendorff
from janus_recipes.human.answers import AnswerStatus, HumanAnswer, counted
from janus_recipes.human.charts import Bar
from janus_recipes.reporting.statistics import Estimate, Interval, mean_with_interval
from janus_recipes.seeding import derive_seed

COLUMNS = (
    *("of", "measure", "answer", "value", "ci_low", "ci_high", "published"),
    *("n_expected", "n_used", "n_left_out", "left_out"),
)
HEAD = ("Of", "Answer", "Share", "95% interval", "Paper", "n used", "Left out")
TEXT_COLUMNS = frozenset({0, 1, 6})
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Shares:
    """What was answered to one question: each answer's share, and what could not be used, by status.

    Of the answers used, agreement leaves out `n_alone`, whose item only one annotator answered, and `n_second`, which
    are further answers of one annotator about the same item.
    """

    of: str
    shares: Mapping[str, Estimate]
    published: Mapping[str, float]
    n_expected: int
    left_out: Mapping[str, int]
    agreement: Agreement
    level: Level
    n_alone: int
    n_second: int

    @property
    def n_left_out(self) -> int:
        return sum(self.left_out.values())

    @property
    def n_used(self) -> int:
        return self.n_expected - self.n_left_out


def shares_of(
    of: str,
    answers: Sequence[HumanAnswer],
    words: Sequence[str],
    *,
    seed: int,
    level: Level = "nominal",
    unit: Callable[[HumanAnswer], Hashable] = lambda one: one.instance_id,
    together: Mapping[str, Sequence[str]] | None = None,
    published: Mapping[str, float] | None = None,
) -> Shares:
    """Each word's share of the answers given, and that of words taken `together`, by their name.

    `unit` is what annotators agree or disagree on.
    """
    given = [one for one in answers if one.status is AnswerStatus.ANSWERED]
    units = _units(given, unit)
    instruction_of = {one.id: one.instruction_id for one in given}
    drawn = derive_seed(seed, "human", of)  # one for all its answers: the shares of two of them mirror each other
    meant = {word: [word] for word in words} | {name: list(of_them) for name, of_them in (together or {}).items()}
    return Shares(
        of=of,
        shares={
            name: mean_with_interval({one.id: float(one.value in of_them) for one in given}, instruction_of, drawn)
            for name, of_them in meant.items()
        },
        published=published or {},
        n_expected=len(answers),
        left_out=dict(sorted(counted(answers).items())),
        agreement=krippendorff(units, words, level, derive_seed(seed, "human", of, "alpha")),
        level=level,
        n_alone=sum(len(one.answers) == 1 for one in units),
        n_second=len(given) - sum(len(one.answers) for one in units),
    )


def _units(given: Sequence[HumanAnswer], unit: Callable[[HumanAnswer], Hashable]) -> list[Unit]:
    """The answers by unit. One annotator's second answer about the same unit says nothing of agreement: left aside."""
    found: dict[Hashable, tuple[str, dict[Hashable, str]]] = {}
    for one in given:
        _, answers = found.setdefault(unit(one), (one.instruction_id, {}))
        answers.setdefault(one.annotator, one.value)
    return [Unit(cluster, answers) for cluster, answers in found.values()]


def csv_rows(found: Shares) -> Iterator[list[str]]:
    """The rows under `COLUMNS`."""
    n = [str(number) for number in (found.n_expected, found.n_used, found.n_left_out)]
    for name, estimate in found.shares.items():
        figures = [cell(value) for value in (estimate.value, *_ends(estimate.interval), found.published.get(name))]
        yield [found.of, "share", name, *figures, *n, told_left_out(found)]
    agreement = found.agreement
    figures = [cell(value) for value in (agreement.alpha, *_ends(agreement.interval))]
    used = [str(found.n_expected), str(agreement.n_answers), str(found.n_expected - agreement.n_answers)]
    yield [found.of, f"krippendorff_alpha_{found.level}", "", *figures, "", *used, told_not_agreeing(found)]


def page_lines(found: Shares) -> Iterator[list[str]]:
    """The lines under `HEAD`."""
    used, left_out = f"{found.n_used} of {found.n_expected}", told_left_out(found) or "0"
    for name, estimate in found.shares.items():
        paper = percent(found.published.get(name))
        yield [
            found.of,
            name.replace("_", " "),
            percent(estimate.value),
            percents(estimate.interval),
            paper,
            used,
            left_out,
        ]


def agreement_note(found: Shares) -> str:
    """Krippendorff's alpha in a sentence, or why there is none."""
    agreement = found.agreement
    if agreement.alpha is None:
        return f"{found.of}: agreement of annotators (Krippendorff's alpha) not measurable: {agreement.reason}."
    interval = f" {bracketed(agreement.interval)}" if agreement.interval else ""
    return (
        f"{found.of}: Krippendorff's alpha ({found.level}) {signed(agreement.alpha)}{interval}, over "
        f"{agreement.n_units} items with {agreement.n_answers} answers by two annotators or more."
    )


def bar_of(found: Shares, words: Sequence[str]) -> Bar | None:
    """The question's bar; None where nothing was answered."""
    values = {word: found.shares[word].value for word in words}
    drawn = {word: value for word, value in values.items() if value is not None}
    if len(drawn) < len(values):
        return None
    # Of two answers the last one's interval is the first one's over again.
    last = found.shares[words[-1]].interval if len(words) > 2 else None
    return Bar(found.of, drawn, found.shares[words[0]].interval, last)


def told_left_out(found: Shares) -> str:
    """`3 skipped, 1 missing`; empty where nothing was left out."""
    return ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in found.left_out.items())


def told_not_agreeing(found: Shares) -> str:
    """What alpha could not use: `1 missing, 4 by one annotator alone`; first, where there is none, why."""
    why = f"not measurable: {found.agreement.reason}" if found.agreement.reason else ""
    alone = f"{found.n_alone} by one annotator alone" if found.n_alone else ""
    second = f"{found.n_second} second answers of the same annotator" if found.n_second else ""
    aside = ", ".join(part for part in (told_left_out(found), alone, second) if part)
    return "; ".join(part for part in (why, aside) if part)


def percent(value: float | None) -> str:
    """A share for people: `36.8%`."""
    return NONE if value is None else f"{100 * value:.1f}%"


def percents(found: Interval | None) -> str:
    """`[33.1%, 40.2%]`, or an empty text where there is no interval."""
    return "" if found is None else f"[{percent(found.low)}, {percent(found.high)}]"


def bracketed(found: Interval) -> str:
    """`[0.41, 0.62]`"""
    return f"[{signed(found.low)}, {signed(found.high)}]"


def signed(value: float) -> str:
    """A coefficient with two decimals and a true minus."""
    return f"{value:z.2f}".replace("-", MINUS)


def _ends(found: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.low, found.high)
