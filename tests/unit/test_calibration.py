"""Two judges on the same answers: what is compared, what is left out, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from janus_recipes.errors import StepError, UsageError
from janus_recipes.judging.calibrate import BuiltCalibration, Line, build_calibration
from janus_recipes.judging.calibration_page import markdown_of, write_calibration
from janus_recipes.judging.registry import OWN_JUDGE, judge_in, judge_named, prompt_of, verdicts_file
from janus_recipes.judging.same_answers import read_same_answers
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.judges import Calibration, Judge
from janus_recipes.recipe.provider import Sampling
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Status
from janus_recipes.reporting.make import judged_answers
from janus_recipes.reporting.table import build_table
from tests.judges import write_verdicts
from tests.tables import BENCH, recipe, rows

BASE, JANUS = "mistral-7b-v0.2", "janus-7b"
SECOND = Judge(provider="judge", sampling=Sampling(max_tokens=64), runs=2, prompt="prompts/other.j2")


def with_second(*, rehearsal: bool = False, judges: tuple[str, ...] = (OWN_JUDGE, "mild")) -> Recipe:
    wanted = Calibration(title="Two judges", judges=list(judges), benchmark="multifaceted", models=[BASE, JANUS])
    made = recipe(rehearsal=rehearsal)
    return made.model_copy(update={"judges": {"mild": SECOND}, "calibrations": {"two": wanted}})


def scores(level: int) -> dict[str, int]:
    """Instances of i-a and i-c have `level`, those of i-b one point less."""
    return {one.id: level - (one.instruction_id == "i-b") for one in BENCH}


def files(folder: Path, levels: Mapping[tuple[str, str], int] | None = None) -> list[Path]:
    """The recipe's judge gives the base 2 and Janus 4, the second one 3 and 4."""
    given = levels or {(BASE, OWN_JUDGE): 2, (JANUS, OWN_JUDGE): 4, (BASE, "mild"): 3, (JANUS, "mild"): 4}
    return [write_verdicts(folder, model, judge, rows(scores(level))) for (model, judge), level in given.items()]


def built(paths: list[Path], spec: Recipe) -> BuiltCalibration:
    return build_calibration("two", spec, read_same_answers(spec, "two", BENCH, paths))


def line(
    calibration: BuiltCalibration, metric: str, judge: str, against: str, model: str = "", runs: str = "one"
) -> Line:
    (found,) = (
        one
        for one in calibration.lines
        if (one.metric, one.judge, one.against, one.model, one.runs) == (metric, judge, against, model, runs)
    )
    return found


def test_two_judges_are_compared_on_the_same_answers(tmp_path: Path) -> None:
    found = built(files(tmp_path), with_second())
    # Every verdict on the base is one point milder, none on Janus: 2 models x 8 instances x 4 rubrics = 64 items.
    shift = line(found, "mean_shift", OWN_JUDGE, "mild")
    assert (shift.estimate.value, shift.estimate.n, shift.n_expected) == (0.5, 64, 64)
    assert line(found, "mean_shift", OWN_JUDGE, "mild", BASE).estimate.value == 1.0
    assert line(found, "exact_agreement", OWN_JUDGE, "mild").estimate.value == 0.5
    # Each judge gives the same in both runs, so it is of its own opinion.
    assert line(found, "weighted_kappa", OWN_JUDGE, "itself").estimate.value == 1.0
    assert line(found, "model_pairs_opposite", OWN_JUDGE, "mild", runs="all").estimate.value == 0.0
    assert found.swaps == {(OWN_JUDGE, "mild"): []}


def test_models_that_swap_places_are_named(tmp_path: Path) -> None:
    paths = files(tmp_path, {(BASE, OWN_JUDGE): 2, (JANUS, OWN_JUDGE): 4, (BASE, "mild"): 5, (JANUS, "mild"): 3})
    found = built(paths, with_second())
    assert line(found, "model_pairs_opposite", OWN_JUDGE, "mild", runs="all").estimate.value == 1.0
    assert found.swaps == {(OWN_JUDGE, "mild"): [(BASE, JANUS)]}
    assert "opposite orders, by means over all runs: mistral-7b-v0.2 and janus-7b" in markdown_of(found)


def test_what_one_judge_lacks_is_left_out_of_both_and_counted_by_status(tmp_path: Path) -> None:
    paths = files(tmp_path)
    hole = {f"{BENCH[0].id}/1/1": Status.REFUSED, f"{BENCH[1].id}/0/0": Status.UNPARSED}
    paths[2] = write_verdicts(tmp_path, BASE, "mild", rows(scores(3), hole))
    paths[0] = write_verdicts(tmp_path, BASE, OWN_JUDGE, rows(scores(2), {f"{BENCH[1].id}/0/1": Status.TRUNCATED}))
    found = built(paths, with_second(rehearsal=True))
    between = line(found, "exact_agreement", OWN_JUDGE, "mild")
    assert (between.estimate.n, between.n_expected) == (62, 64)
    # One item lacks a verdict of either judge: it counts once, under the first judge's status.
    assert between.left_out == {Status.TRUNCATED: 1, Status.REFUSED: 1}
    assert line(found, "exact_agreement", OWN_JUDGE, "itself").estimate.n == 63
    # Two of the base's eight answers are not whole, so two of the eight pairs of answers are not compared.
    assert line(found, "answer_pairs_opposite", OWN_JUDGE, "mild").estimate.n == 6
    page = markdown_of(found)
    # 6 of 8 pairs of answers, 14 of 16 answers; the pair of models is there, and over fewer instances.
    assert (
        "- judging, mild, verdicts left out: 1 refused, 1 truncated; 62 of 64 verdicts used, 14 of 16 answers used, "
        "6 of 8 answer pairs used, 1 of 1 model pairs used"
    ) in page
    for figure in ("the same score", "opposite order", "not told apart by one"):
        cells = [cell for row in page.splitlines() if figure in row for cell in row.split("|")[2:-1]]
        assert any("%" in cell for cell in cells)
        assert all("†" in cell for cell in cells if "%" in cell), cells
    # Each model's mean is over the answers that are whole, each judge's on its own.
    scored = line(found, "mean_score", "mild", "", BASE, "all")
    assert (scored.estimate.n, scored.n_expected) == (6, 8)
    assert scored.left_out == {Status.REFUSED: 1, Status.UNPARSED: 1}
    shifted = line(found, "mean_shift", OWN_JUDGE, "mild", BASE)
    assert (shifted.estimate.n, shifted.n_expected) == (30, 32)
    assert shifted.left_out == {Status.REFUSED: 1, Status.TRUNCATED: 1}
    assert f"- mild: {BASE} (multifaceted), verdicts left out: 1 unparsed, 1 refused; 6 of 8 answers used" in page
    assert f"{JANUS} (multifaceted), verdicts" not in page
    (told,) = (row.split("|") for row in page.splitlines() if row.startswith(f"| {JANUS}"))
    assert "†" not in "".join(told)
    write_calibration(found, tmp_path)
    with (tmp_path / "two.csv").open(newline="") as lines:
        told = list(csv.DictReader(lines))
    assert {row["rehearsal"] for row in told} == {"yes"} and "REHEARSAL" in (tmp_path / "two.md").read_text()
    assert all(int(row["n_used"]) + int(row["n_left_out"]) == int(row["n_expected"]) for row in told)


def test_what_the_bench_lacks_is_expected_and_missing_as_in_tables(tmp_path: Path) -> None:
    gone = BENCH[-1].id
    paths = [
        write_verdicts(tmp_path, model, judge, [row for row in rows(scores(3)) if not row.id.startswith(f"{gone}/")])
        for model in (BASE, JANUS)
        for judge in (OWN_JUDGE, "mild")
    ]
    spec = with_second()
    found = build_calibration("two", spec, read_same_answers(spec, "two", BENCH[:-1], paths))
    # 7 of the 8 instances that the recipe asks for, 4 rubrics each, for two models: 14 of 16 answers, 56 of 64 items.
    used = {one.unit: (one.estimate.n, one.n_expected) for one in found.lines if not one.model}
    assert used == {"verdicts": (56, 64), "answers": (14, 16), "answer pairs": (7, 8), "model pairs": (1, 1)}
    of_models = {one.metric: (one.estimate.n, one.n_expected) for one in found.lines if one.model}
    assert of_models == {"mean_score": (7, 8), "mean_shift": (28, 32)}
    assert {tuple(one.left_out.items()) for one in found.lines if not one.model} == {((Status.MISSING, 8),)}
    assert {tuple(one.left_out.items()) for one in found.lines if one.model} == {((Status.MISSING, 4),)}
    (table,) = build_table("table2", spec, BENCH[:-1], judged_answers(paths[::2]), None).lines[:1]
    assert (table.average.counts.n_used, table.average.counts.n_expected) == (7, 8)
    assert "The bench lacks 1 of the recipe's 8 instances" in markdown_of(found)


def test_a_bench_of_another_recipe_is_refused(tmp_path: Path) -> None:
    more = [*BENCH, replace(BENCH[-1], id="i-d/0", instruction_id="i-d")]
    with pytest.raises(StepError, match="the bench has 3 of mf-Koala, more than this recipe asks for"):
        read_same_answers(with_second(), "two", more, [])
    with pytest.raises(StepError, match="the bench is empty"):
        read_same_answers(with_second(), "two", [], [])


def test_verdicts_on_other_answers_than_another_judges_are_refused(tmp_path: Path) -> None:
    paths = files(tmp_path)
    paths[3] = write_verdicts(tmp_path, JANUS, "mild", rows(scores(4)), answers="made again")
    with pytest.raises(StepError, match=rf"not on the same answers.*{JANUS}.*digest of ja.*{JANUS}.*made again"):
        built(paths, with_second())
    manifest_of(paths[3]).write_text('{"asked": {}}')
    with pytest.raises(UsageError, match="does not say which answers were judged"):
        built(paths, with_second())


def test_two_files_of_one_judges_verdicts_on_a_model_are_refused(tmp_path: Path) -> None:
    paths = files(tmp_path)
    again = write_verdicts(tmp_path / "kept", BASE, OWN_JUDGE, rows(scores(5)))
    with pytest.raises(UsageError, match=rf"are both the verdicts of judging on {BASE} \(multifaceted\): give one"):
        built([*paths, again], with_second())


def test_one_judge_alone_is_compared_with_itself_and_one_run_is_not_measurable(tmp_path: Path) -> None:
    spec = with_second(judges=("mild",))
    once = spec.model_copy(update={"judges": {"mild": SECOND.model_copy(update={"runs": 1})}})
    given = [row for row in rows(scores(3)) if row.id.endswith("/0")]
    paths = [write_verdicts(tmp_path, model, "mild", given) for model in (BASE, JANUS)]
    found = built(paths, once)
    assert {one.metric for one in found.lines} == {"mean_score"}
    assert "not measurable of mild: one run" in markdown_of(found)


def test_verdicts_that_are_missing_are_named_with_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs 1 more files.* mild on janus-7b \(multifaceted\).* --judge mild"):
        built(files(tmp_path)[:3], with_second())


def test_verdicts_of_one_name_by_two_models_are_refused(tmp_path: Path) -> None:
    paths = files(tmp_path)
    paths[3] = write_verdicts(tmp_path, JANUS, "mild", rows(scores(4)), by="another-model")
    with pytest.raises(StepError, match=r"mild are by different models.*mild-model.*another-model"):
        built(paths, with_second())


def test_verdicts_on_another_bench_are_refused(tmp_path: Path) -> None:
    paths = files(tmp_path)
    paths[3] = write_verdicts(tmp_path, JANUS, "mild", [Asked("i-z/0/0/0", Status.OK, 3)])
    with pytest.raises(StepError, match="i-z/0/0/0"):
        built(paths, with_second())


def test_a_table_refuses_the_verdicts_of_another_judge(tmp_path: Path) -> None:
    paths = files(tmp_path)
    assert set(judged_answers(paths[:2])) == {(BASE, "multifaceted"), (JANUS, "multifaceted")}
    with pytest.raises(UsageError, match=r"by the judge mild.*not averaged.*janus judge calibrate"):
        judged_answers(paths)


def test_a_table_refuses_a_control_that_another_model_judged(tmp_path: Path) -> None:
    own = write_verdicts(tmp_path, JANUS, OWN_JUDGE, rows(scores(4)), by="new-judge")
    control = own.with_name("multifaceted.swapped.jsonl")
    control.write_bytes(own.read_bytes())
    manifest_of(control).write_text(manifest_of(own).read_text().replace("new-judge", "old-judge"))
    with pytest.raises(UsageError, match=r"judged by old-judge.*by new-judge.*not subtracted"):
        judged_answers([own, control])


def test_judges_are_found_by_name_each_with_its_own_prompt() -> None:
    spec = with_second()
    assert judge_named(spec, OWN_JUDGE) is spec.judging and judge_named(spec, "mild") is SECOND
    assert (prompt_of(spec, OWN_JUDGE), prompt_of(spec, "mild")) == ("prompts/judge.j2", "prompts/other.j2")
    with pytest.raises(UsageError, match="no judge milt \\(did you mean mild\\?\\)"):
        judge_named(spec, "milt")


def test_a_file_of_verdicts_names_its_judge_unless_it_is_the_recipes_own() -> None:
    for judge, name in ((OWN_JUDGE, "none.own.jsonl"), ("gpt-6.1", "none.own@gpt-6.1.jsonl")):
        assert verdicts_file("none", judge) == name
        assert judge_in(Path("verdicts/multifaceted/janus-7b") / name) == judge
