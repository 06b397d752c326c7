"""How far the judge's runs are apart, and what a bench of this size can tell."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from janus_recipes.judging.scores import score_instances
from janus_recipes.recipe.best_of import SINGLE, Answers
from janus_recipes.records import Asked, BenchInstance, Status
from janus_recipes.reporting.reliability import Detectable, Reliability, detectable_between, reliability_of
from janus_recipes.reporting.reliability_page import detectable_note
from janus_recipes.reporting.render import html_of, markdown_of, write_table
from janus_recipes.reporting.scored import JudgedAnswers, ScoredAnswers
from janus_recipes.reporting.table import BuiltTable, build_table
from tests.tables import BENCH, BOTH, JUDGE, built, judged, line_of, recipe, rows

IDS = [one.id for one in BENCH]
OF = {one.id: one.instruction_id for one in BENCH}
JANUS = ("janus-7b", "multifaceted")


def scored_in_runs(
    first: int, second: int, holes: dict[str, Status] | None = None, policy: str = "leave_out"
) -> Reliability:
    """Every instance has `first` in the first run and `second` in the other, but i-c/1, which has 1 in both."""
    verdicts = [
        replace(row, value=1 if row.id.startswith("i-c/1") else (first, second)[int(row.id[-1])]) if row.value else row
        for row in rows(dict.fromkeys(IDS, 1), holes)
    ]
    return reliability_of(score_instances(BENCH, verdicts, 2, policy), IDS, OF)  # type: ignore[arg-type]


def test_the_runs_means_and_their_spread_derived_by_hand() -> None:
    found = scored_in_runs(3, 5)
    # Seven instances of 3 and one of 1; seven of 5 and one of 1. The SD of two figures is their distance over root 2.
    assert found.means == (22 / 8, 36 / 8) and found.n == 8
    assert found.range == 14 / 8 and found.sd == pytest.approx(14 / 8 / 2**0.5)


def test_the_error_of_judging_comes_from_each_instances_own_runs() -> None:
    # Seven instances vary by 2 around 4: variance 2, of the mean of two runs 1. One does not vary. Root of 7, over 8.
    assert scored_in_runs(3, 5).se_judging == pytest.approx(7**0.5 / 8)
    assert scored_in_runs(4, 4).se_judging == 0.0


def test_runs_are_compared_on_the_instances_that_have_every_verdict() -> None:
    # The second run lacks the worst instance: over what it has left it would be a mean of 5, not of 36/8.
    holes = {"i-c/1/0/1": Status.REFUSED}
    for policy in ("leave_out", "average_rest"):
        found = scored_in_runs(3, 5, holes, policy)
        assert found.means == (3.0, 5.0) and found.n == 7


def test_a_line_without_any_whole_instance_has_no_runs() -> None:
    lost = {row.id: Status.REFUSED for row in rows(dict.fromkeys(IDS, 1)) if row.id.endswith("/0/0")}
    found = scored_in_runs(3, 5, lost)
    assert found == Reliability((), 0, None, None) and found.sd is None and found.range is None


def reliability_csv(table: BuiltTable, folder: Path) -> list[dict[str, str]]:
    write_table(table, folder)
    with (folder / "table2.reliability.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_csv_has_each_figure_of_the_table_with_its_runs(tmp_path: Path) -> None:
    found = reliability_csv(built(), tmp_path)
    assert ",".join(found[0]) == (
        "model,condition,selection,benchmark,metric,judge,run_1,run_2,sd,range,se_judging,se_instructions,"
        "n_expected,n_used,n_left_out"
    )
    with (tmp_path / "table2.csv").open(newline="") as lines:
        cells = list(csv.DictReader(lines))
    names = ("model", "condition", "selection", "benchmark", "metric", "judge", "n_expected", "n_used")
    assert [[row[name] for name in names] for row in found] == [[row[name] for name in names] for row in cells]
    assert all(row["run_1"] == row["run_2"] == cell["value"] for row, cell in zip(found, cells, strict=True))


def test_holes_are_marked_and_counted(tmp_path: Path) -> None:
    table = built({**BOTH, JANUS: judged(5, holes={"i-a/0/2/1": Status.UNPARSED})})
    (average,) = (
        row for row in reliability_csv(table, tmp_path) if (row["model"], row["benchmark"]) == (JANUS[0], "Average")
    )
    assert (average["n_expected"], average["n_used"], average["n_left_out"]) == ("8", "7", "1")
    for page in (markdown_of(table), html_of(table)):
        assert "7 of 8†" in page.partition("Run to run")[2]


def test_a_rehearsals_rows_say_so(tmp_path: Path) -> None:
    assert {row["judge"] for row in reliability_csv(built(rehearsal=True), tmp_path)} == {f"{JUDGE} (rehearsal)"}


def test_a_single_run_is_said_to_tell_nothing_of_the_spread() -> None:
    first = [row for row in rows(dict.fromkeys(IDS, 4)) if row.id.endswith("/0")]
    answers = {pair: replace(one, own=first, swapped=None) for pair, one in BOTH.items()}
    spec = recipe()
    once = spec.model_copy(update={"judging": spec.judging.model_copy(update={"runs": 1})})
    table = build_table("table2", once, BENCH, answers, None)
    assert line_of(table, "janus-7b").average.reliability == Reliability((4.0,), 8, None, 0.0)
    for page in (markdown_of(table), html_of(table)):
        assert "how far its runs are apart is not known" in page and "Run to run" not in page


def many_instructions(n: int) -> list[BenchInstance]:
    """One instance of each."""
    return [replace(BENCH[0], id=f"i-{k}/0", instruction_id=f"i-{k}") for k in range(n)]


def lines_of(bench: Sequence[BenchInstance], second: Callable[[int], int], judge: str = JUDGE) -> list[ScoredAnswers]:
    """The base scores 2 throughout, janus-7b what `second` says of the instruction's place."""
    scores = {"mistral-7b-v0.2": (JUDGE, [2] * len(bench)), "janus-7b": (judge, [second(k) for k in range(len(bench))])}
    found = []
    for model, (by, given) in scores.items():
        verdicts = rows({one.id: score for one, score in zip(bench, given, strict=True)})
        own = score_instances(bench, verdicts, 2, "leave_out")
        answers = Answers(model, "multifaceted", SINGLE)
        found.append(ScoredAnswers(answers, JudgedAnswers(verdicts, None, by, "2026-11-20"), own, None))
    return found


def test_what_the_bench_can_tell_comes_from_the_models_paired_differences() -> None:
    bench = many_instructions(8)
    found = detectable_between(lines_of(bench, lambda k: 2 + k % 2), bench)
    # Differences 0 and 1, four of each: variance 8 * 0.25 / 7 = 2/7, standard error root of 2/7/8 = 1/28. Student's t
    # with 7 degrees of freedom is 2.364624 at 97.5% and 0.896030 at 80%.
    assert found is not None and found.pairs == 1
    assert found.median == pytest.approx((2.364624 + 0.896030) * (1 / 28) ** 0.5, abs=1e-5)
    assert found.spread == pytest.approx((2 / 7) ** 0.5)
    note = detectable_note(found)
    assert "a true difference of 0.62 points is found at 5% four times in five" in note


def test_a_bench_of_too_few_instructions_tells_nothing_apart() -> None:
    # By flips of six signs only one sign for all is under 5%: 2 of 64.
    for n, told in ((6, False), (7, True)):
        bench = many_instructions(n)
        assert (detectable_between(lines_of(bench, lambda k: 2 + k % 2), bench) is not None) is told
    table = built()
    assert table.detectable is None and table.comparisons[0].detectable is None
    for page in (markdown_of(table), html_of(table)):
        assert "Between two models a true difference" not in page


def test_lines_under_other_conditions_or_judges_are_no_pair() -> None:
    bench = many_instructions(8)
    assert detectable_between(lines_of(bench, lambda k: 2 + k % 2, judge="another"), bench) is None


def test_the_needed_instructions_are_the_fewest_that_are_enough() -> None:
    # With 786 degrees of freedom Student's t has 1.962987 + 0.842079 = 2.805066, over the root of 787: 0.09999; one
    # fewer gives 2.805070, over the root of 786: 0.10005. (The normal distribution's 2.801585 would make it 785.)
    assert Detectable(1, 0.1, 0.1, 0.1, spread=1.0).instructions_for(0.1) == 787
    # A test takes seven, however far apart two models are, or however alike all their differences.
    assert Detectable(1, 0.1, 0.1, 0.1, spread=1.0).instructions_for(9.0) == 7
    assert Detectable(1, 0.0, 0.0, 0.0, spread=0.0).instructions_for(0.05) == 7


def test_p_values_stand_in_the_csv_and_on_the_pages(tmp_path: Path) -> None:
    table = built()
    write_table(table, tmp_path)
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        found = [(row["p_value"], row["p_holm"]) for row in csv.DictReader(lines)]
    # Three instructions, all better by the same sign: 2 of 2^3 flips are as far off. Holm takes two such twice.
    assert found == [("0.2500", "0.5000"), ("0.2500", "0.5000")]
    assert re.search(r"\| +0\.250 \| +0\.500 \|", markdown_of(table))
    assert "0.250<small>0.500</small>" in html_of(table)
    assert "all 2 comparisons of this table" in markdown_of(table)


def test_verdicts_of_one_run_are_not_mixed_into_another() -> None:
    verdicts = [Asked(row.id, Status.OK, 1 + int(row.id[-1])) for row in rows(dict.fromkeys(IDS, 1))]
    scores = score_instances(BENCH, verdicts, 2, "leave_out")
    assert set(scores.by_run.values()) == {(1.0, 2.0)} and set(scores.scores.values()) == {1.5}
