"""Win rates: who won is told in both orders or not at all, and every figure says what it stands on."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.judging.preference import Preferred
from janus_recipes.recipe.win_rates import WinRate
from janus_recipes.records import Asked, Status
from janus_recipes.reporting.table import AVERAGE
from janus_recipes.win_rates.build import BuiltWinRates, ComparedPair, build_win_rates
from janus_recipes.win_rates.compare import ORDERS, Order
from janus_recipes.win_rates.outcomes import Compared, Outcome, outcomes_of
from janus_recipes.win_rates.page import CSV_COLUMNS, files_beside, markdown_of, write_win_rates
from tests.tables import BENCH, COLUMNS, JUDGE, recipe

JANUS, BASE = "janus-7b", "mistral-7b-v0.2"
EXPECTED = {COLUMNS[0]: 6, COLUMNS[1]: 2}
"""What the recipe asks for: BENCH, whole. Three instances of i-a, three of i-b; two of i-c in the second column."""

Said = tuple[Preferred | Status, Preferred | Status]
"""The judge's verdicts, by place: with the first model at A, then with the second one there."""

WIN, LOSS, TIE, FIRST_PLACE, HALF = ("A", "B"), ("B", "A"), ("TIE", "TIE"), ("A", "A"), ("A", "TIE")


def rows(said: Sequence[Said], run: int = 0) -> list[Asked[Preferred]]:
    """Verdicts on BENCH in its order."""
    return [
        Asked(f"{one.id}/{order}/{run}", verdict, None)
        if isinstance(verdict, Status)
        else Asked(f"{one.id}/{order}/{run}", Status.OK, verdict)
        for one, verdicts in zip(BENCH, said, strict=True)
        for order, verdict in zip(ORDERS, verdicts, strict=True)
    ]


SAID: list[Said] = [WIN, WIN, TIE, WIN, FIRST_PLACE, LOSS, WIN, HALF]  # type: ignore[list-item]
"""i-a: two wins and a tie. i-b: a win, a tie that is a flip, a loss. i-c: a win and a tie."""


def built(verdicts: Sequence[Asked[Preferred]] | None = None, runs: int = 1, **more: Any) -> BuiltWinRates:
    page = WinRate(title="Who wins?", benchmark="multifaceted", pairs=[[JANUS, BASE]], runs=runs)
    spec = recipe(rehearsal=more.pop("rehearsal", False)).model_copy(update={"win_rates": {"gains": page}})
    equal = more.pop("equal", frozenset())
    pair = ComparedPair(rows(SAID) if verdicts is None else verdicts, JUDGE, "2026-11-20", equal)
    return build_win_rates("gains", spec, more.pop("bench", BENCH), {(JANUS, BASE): pair}, EXPECTED)


@pytest.mark.parametrize(
    ("first", "second", "outcome", "has_flipped"),
    [
        ("A", "B", "win", False),  # the first model at A, then the second: both verdicts are for the first one
        ("B", "A", "loss", False),
        ("A", "A", "tie", True),
        ("B", "B", "tie", True),
        ("TIE", "TIE", "tie", False),
        ("A", "TIE", "tie", False),
        ("B", "TIE", "tie", False),
        ("TIE", "A", "tie", False),
        ("TIE", "B", "tie", False),
    ],
)
def test_only_both_orders_together_make_a_win(
    first: Preferred, second: Preferred, outcome: Outcome, has_flipped: bool
) -> None:
    verdicts: Mapping[Order, Preferred] = {"first": first, "second": second}
    assert (Compared(verdicts).outcome, Compared(verdicts).has_flipped) == (outcome, has_flipped)


def test_a_tie_counts_half_and_every_share_is_of_what_it_says() -> None:
    (line,) = built().averages
    # Four wins, three ties (said, flipped, in one order alone), one loss: (4 + 1.5) / 8.
    assert dict(line.outcomes) == {"win": 4, "tie": 3, "loss": 1}
    assert line.win_rate.value == 0.6875
    assert line.flipped == 1 / 8
    # Of 16 verdicts 13 are for an answer: one A each in the four wins and the loss, two in the flip, one in the half.
    assert line.picks_first == pytest.approx(8 / 13)
    assert (line.counts.n_expected, line.counts.n_used, line.counts.left_out) == (8, 8, {})


def test_equal_answers_are_one_verdict_and_never_a_preference_that_turned() -> None:
    # The fifth pair is of equal answers: the judge's one verdict, A, stands in both orders. It turned nothing, and no
    # other preference turned. Of the 15 verdicts given 12 are for an answer, 7 of them for A: five in the wins and the
    # loss, one here, one in the half.
    (line,) = built(equal=frozenset([BENCH[4].id])).averages
    assert line.flipped == 0
    assert line.picks_first == pytest.approx(7 / 12)
    assert dict(line.outcomes) == {"win": 4, "tie": 3, "loss": 1} and line.win_rate.value == 0.6875
    (alike,) = built(equal=frozenset(one.id for one in BENCH)).averages
    assert alike.flipped is None


def test_columns_have_figures_of_their_own() -> None:
    by_column = {line.benchmark: (line.win_rate.value, line.win_rate.n) for line in built().lines}
    # Column one: 3 wins, 2 ties, 1 loss of 6. Column two: a win and a tie.
    assert by_column == {COLUMNS[0]: (pytest.approx(4 / 6), 6), COLUMNS[1]: (0.75, 2), AVERAGE: (0.6875, 8)}


def test_intervals_draw_instructions_and_not_instances() -> None:
    # Of each instruction all instances go one way: i-a and i-c to the first model, i-b not. From i-b alone to none.
    one_way: list[Any] = [WIN, WIN, WIN, LOSS, LOSS, LOSS, WIN, WIN]
    assert built(rows(one_way)).averages[0].win_rate == (0.625, (0.0, 1.0), 8)


def test_with_several_runs_each_is_a_comparison_and_an_instance_their_mean() -> None:
    other: list[Any] = [LOSS, *SAID[1:]]
    (line,) = built([*rows(SAID), *rows(other, run=1)], runs=2).averages
    # The first instance: a win and a loss, 1/2. The others as before: (0.5 + 4.5) / 8.
    assert (sum(line.outcomes.values()), line.win_rate.value, line.win_rate.n) == (16, 0.625, 8)
    assert dict(line.outcomes) == {"win": 7, "tie": 6, "loss": 3}


def test_an_instance_with_a_verdict_missing_is_left_out_and_counted_by_its_status() -> None:
    said: list[Any] = [(Status.UNPARSED, "B"), ("A", Status.REFUSED), *SAID[2:]]
    there = rows(said)[:-1]  # the last verdict has no row at all
    (line,) = built(there).averages
    assert line.counts.left_out == {Status.UNPARSED: 1, Status.REFUSED: 1, Status.MISSING: 1}
    # Left: tie, win, tie, loss, win of five.
    assert (line.counts.n_used, line.win_rate.value) == (5, pytest.approx(3 / 5))
    assert "5 of 8 | 1 unparsed, 1 refused, 1 missing" in re.sub(" +", " ", markdown_of(built(there)))


def test_instances_that_the_bench_lacks_are_counted_as_missing_and_the_page_says_so() -> None:
    page = built(rows(SAID)[:12], bench=BENCH[:6])
    (line,) = page.averages
    assert (line.counts.n_expected, line.counts.n_used, line.counts.left_out) == (8, 6, {Status.MISSING: 2})
    assert [one.counts.n_used for one in page.lines] == [6, 0, 6]
    assert "The bench lacks 2 of the recipe's 8 instances" in markdown_of(page)


def test_nothing_compared_is_empty_cells_and_not_nan(tmp_path: Path) -> None:
    write_win_rates(built([]), tmp_path)
    for file in tmp_path.iterdir():
        assert "nan" not in file.read_text().lower(), file
    (row,) = (one for one in csv_of(tmp_path) if one["benchmark"] == AVERAGE)
    assert (row["value"], row["flipped"], row["picks_first"], row["n_used"]) == ("", "", "", "0")


def test_verdicts_of_another_bench_and_rows_that_come_twice_are_refused() -> None:
    with pytest.raises(StepError, match="'i-z/0/first/0' belongs to no comparison of this bench"):
        outcomes_of(BENCH, [Asked("i-z/0/first/0", Status.OK, "A")], runs=1)
    with pytest.raises(StepError, match="'i-a/0/first/1' belongs to no comparison"):
        outcomes_of(BENCH, [Asked("i-a/0/first/1", Status.OK, "A")], runs=1)
    with pytest.raises(StepError, match="'i-a/0/first/0' comes twice"):
        outcomes_of(BENCH, [Asked("i-a/0/first/0", Status.OK, "A")] * 2, runs=1)
    with pytest.raises(StepError, match=f"more instances of {COLUMNS[0]} than this recipe asks for"):
        built(bench=[*BENCH, *BENCH[:1]])


def csv_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "gains.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_files_hold_the_same_figures_and_all_of_them_are_named(tmp_path: Path) -> None:
    write_win_rates(built(), tmp_path)
    out = tmp_path / "gains.csv"
    assert sorted([out, *files_beside(out)]) == sorted(tmp_path.iterdir())
    found = csv_of(tmp_path)
    assert tuple(found[0]) == CSV_COLUMNS
    assert [row["benchmark"] for row in found] == [*COLUMNS, AVERAGE]
    figures = {key: found[-1][key] for key in ("value", "wins", "ties", "losses", "flipped", "judge")}
    expected = {"value": "0.6875", "wins": "4", "ties": "3", "losses": "1", "flipped": "0.1250", "judge": JUDGE}
    assert figures == expected
    page = re.sub(" +", " ", (tmp_path / "gains.md").read_text())
    assert f"| {JANUS} | {BASE} | 68.8% |" in page and "| 4 | 3 | 1 | 12.5% | 61.5% | 8 of 8 | 0 |" in page
    picture = (tmp_path / "gains.svg").read_text()
    assert "68.8% (8 of 8 instances)" in picture and "Share of comparisons" in picture and JUDGE in picture


def test_a_rehearsals_win_rates_say_so_on_the_page_in_the_picture_and_in_each_row(tmp_path: Path) -> None:
    write_win_rates(built(rehearsal=True), tmp_path)
    assert all(row["judge"].endswith(" (rehearsal)") for row in csv_of(tmp_path))
    for name in ("gains.md", "gains.svg"):
        assert "REHEARSAL: tiny models" in (tmp_path / name).read_text()
    assert "REHEARSAL" not in markdown_of(built())
