"""What annotations come to: statuses, the first model's side, figures by hand, agreement, and bad instances."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.human.agreement import Unit, krippendorff
from janus_recipes.human.answers import AnswerStatus, HumanAnswer, answers_of, counted, read_exports
from janus_recipes.human.exclude import is_bad, judged_instances
from janus_recipes.human.figures import figure3, figure6, figure7
from janus_recipes.human.importing import files_of, stage1_result, write_import
from janus_recipes.human.published import read_published_human
from janus_recipes.human.tasks import Key, digest_of_data
from janus_recipes.recipe.human import Human, ModelComparison

PAPER = read_published_human(Path("recipes/published.yaml"))
PAIR = ("janus-7b", "mistral-7b-instruct-v0.2")


def key(name: str, annotator: int | None = 1, first_on: str = "", left_out: str = "") -> Key:
    item = f"i-{name.removeprefix('t-')}"
    digest = digest_of_data(task(name)["data"])
    return Key(name, "stage2", annotator, item, (f"{item}/0",), digest, PAIR, first_on, left_out)


def choice(name: str, *chosen: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "left", "type": "choices", "value": {"choices": list(chosen)}}


def annotation(*results: dict[str, Any], at: str = "2026-11-20T10:00:00Z", **more: Any) -> dict[str, Any]:
    return {"result": list(results), "updated_at": at, "was_cancelled": False, "completed_by": 1} | more


def task(name: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 7, "data": {"task": name, "left": f"answer to {name}"}, "annotations": list(annotations)}


KEYS = [key(f"t-{n}", n % 2 + 1, "left" if n < 2 else "right") for n in range(6)]


def export(path: Path, *tasks: dict[str, Any]) -> Path:
    path.write_text(json.dumps(list(tasks)), encoding="utf-8")
    return path


def both(difficulty: str, comparison: str, **more: Any) -> dict[str, Any]:
    return annotation(choice("difficulty", difficulty), choice("comparison", comparison), **more)


def read(tmp_path: Path, *tasks: dict[str, Any], keys: list[Key] = KEYS) -> list[HumanAnswer]:
    found = read_exports([export(tmp_path / "a.json", *tasks)], keys)
    return list(answers_of(keys, found.of_task))


def answered(subject: Any, value: str, annotator: int = 1, instance: str = "i-0/0", **more: Any) -> HumanAnswer:
    name = f"{subject}/{instance}/{annotator}/{more.get('pair')}"
    return HumanAnswer(name, subject, annotator, instance.split("/")[0], instance, AnswerStatus.ANSWERED, value, **more)


def rows(found: Any) -> dict[tuple[str, str, str], dict[str, str]]:
    return {(row[0], row[1], row[2]): dict(zip(found.columns, row, strict=True)) for row in found.rows}


def test_a_win_is_the_first_models_whichever_side_it_was_on(tmp_path: Path) -> None:
    chosen = ["Left is better", "Right is better", "Left is better", "Right is better", "Both are good", "Both are bad"]
    found = read(tmp_path, *(task(f"t-{n}", both("Easy", what)) for n, what in enumerate(chosen)))
    # The first model is on the left in tasks 0 and 1, on the right in the others.
    assert [one.value for one in found if one.subject == "comparison"] == [
        *("win", "loss", "loss", "win", "both_good", "both_bad")
    ]
    assert [one.side for one in found if one.subject == "comparison"] == ["left", "right", "left", "right", "", ""]


def test_every_question_has_a_status(tmp_path: Path) -> None:
    keys = [*KEYS, key("t-6", None, left_out="janus-7b: refused")]
    found = read(
        tmp_path,
        task("t-0", both("Hard", "Left is better")),
        task("t-1", annotation(choice("difficulty", "Easy"))),
        task("t-2", annotation(was_cancelled=True)),
        task("t-3", annotation(choice("difficulty", "Easy", "Hard"), choice("comparison", "Neither"))),
        task("t-4"),
        keys=keys,
    )
    assert [one.status.value for one in found] == [
        *("answered", "answered"),
        *("answered", "unanswered"),
        *("skipped", "skipped"),
        *("invalid", "invalid"),
        *("missing", "missing"),
        *("missing", "missing"),  # t-5 is not in the export
        *("not_asked", "not_asked"),
    ]
    assert counted(found) == {"unanswered": 1, "skipped": 2, "invalid": 2, "missing": 4, "not_asked": 2}


def test_of_two_annotations_the_last_submitted_counts_and_the_other_is_counted(tmp_path: Path) -> None:
    early = both("Easy", "Left is better", unique_id="a")
    late = both("Hard", "Both are bad", at="2026-11-21T10:00:00Z", unique_id="b")
    skipped = annotation(was_cancelled=True, at="2026-11-22T10:00:00Z", unique_id="c")
    first = export(tmp_path / "a.json", task("t-0", late, skipped, early))
    again = export(tmp_path / "b.json", task("t-0", early))  # a second export of the same project
    found = read_exports([first, again], KEYS)
    assert [one.value for one in answers_of(KEYS[:1], found.of_task)] == ["hard", "both_bad"]
    assert (found.superseded, found.of_others) == (2, 0)


def test_an_annotation_that_was_changed_counts_as_changed_whichever_export_is_named_last(tmp_path: Path) -> None:
    early = both("Easy", "Left is better", unique_id="a")
    changed = both("Hard", "Both are bad", at="2026-11-21T10:00:00Z", unique_id="a")  # Update keeps the name
    files = [export(tmp_path / "old.json", task("t-0", early)), export(tmp_path / "new.json", task("t-0", changed))]
    for order in (files, files[::-1]):
        found = read_exports(order, KEYS)
        assert [one.value for one in answers_of(KEYS[:1], found.of_task)] == ["hard", "both_bad"]
        assert (found.superseded, found.of_others) == (0, 0)


def test_another_persons_annotation_is_counted_apart_from_an_older_one_of_the_same_person(tmp_path: Path) -> None:
    own = [both("Easy", "Left is better", unique_id=name, completed_by={"id": 1}) for name in ("a", "b")]
    other = both("Hard", "Both are bad", at="2026-11-21T10:00:00Z", unique_id="c", completed_by=2)
    again = both("Easy", "Both are bad", at="2026-11-22T10:00:00Z", unique_id="d", completed_by=1)
    found = read_exports([export(tmp_path / "a.json", task("t-0", *own, other), task("t-1", other, again))], KEYS)
    assert (found.superseded, found.of_others) == (0, 3)  # two of the first person in t-0, one of the second in t-1
    found = read_exports([export(tmp_path / "a.json", task("t-0", *own, other, again))], KEYS)
    assert (found.superseded, found.of_others) == (2, 1)


def test_annotations_of_other_texts_than_the_keys_are_refused(tmp_path: Path) -> None:
    older = task("t-1", both("Easy", "Left is better"))
    older["data"]["left"] = "an answer of the model before it was trained anew"
    with pytest.raises(StepError, match=r"a.json: 1 of 2 tasks show other texts than those of the key, t-1 first"):
        read(tmp_path, task("t-0", both("Easy", "Left is better")), older)


def test_files_that_are_no_exports_of_these_tasks_are_all_named(tmp_path: Path) -> None:
    files = [
        export(tmp_path / "other.json", task("t-0"), task("t-99")),
        export(tmp_path / "min.json", {"task": "t-0", "comparison": "Left is better"}),
        tmp_path / "none.json",
        tmp_path / "cut.json",
    ]
    files[3].write_text("[{")
    with pytest.raises(StepError) as problem:
        read_exports(files, KEYS)
    told = str(problem.value).splitlines()
    parts = ("other.json: 1 of 2", "min.json: 1 of 1", "cannot be read", "not JSON")
    assert len(told) == 4 and all(part in line for part, line in zip(parts, told, strict=True)), told


KRIPPENDORFF = ("123321412...", "1233224125.3", ".333234225 1.".replace(" ", ""), "12332441251.")
"""The worked example of Krippendorff (2011), section C: four observers, twelve units."""


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    columns = zip(*KRIPPENDORFF, strict=True)
    units = [
        Unit(f"u{n}", {who: value for who, value in enumerate(values) if value != "."})
        for n, values in enumerate(columns)
    ]
    nominal, ordinal = (krippendorff(units, list("12345"), level, seed=1) for level in ("nominal", "ordinal"))
    assert (nominal.n_units, nominal.n_answers) == (11, 40)  # the twelfth has one answer alone
    assert nominal.alpha == pytest.approx(0.743, abs=5e-4)
    assert ordinal.alpha == pytest.approx(0.815, abs=5e-4)
    assert nominal.interval is not None and nominal.interval.low < 0.743 < nominal.interval.high


def test_alpha_says_why_it_is_not_measurable() -> None:
    alone = krippendorff([Unit("a", {1: "yes"}), Unit("b", {2: "no"})], ["yes", "no"], "nominal", seed=1)
    assert (alone.alpha, alone.reason) == (None, "nothing was answered by two annotators")
    same = krippendorff([Unit("a", {1: "yes", 2: "yes"})] * 3, ["yes", "no"], "nominal", seed=1)
    assert same.alpha is None and "all answers are the same" in same.reason


def test_alpha_of_two_annotators_by_hand() -> None:
    # Units (yes yes), (yes no), (no no), one pair each: coincidences yes-yes 2, no-no 2, yes-no and no-yes 1 each.
    # n is 6, three of each value. Observed disagreement 2 of 6, by chance 2 x 3 x 3 / (6 x 5): 1 - (1/3) / 0.6 = 4/9.
    units = [Unit("a", {1: "yes", 2: "yes"}), Unit("b", {1: "yes", 2: "no"}), Unit("c", {1: "no", 2: "no"})]
    assert krippendorff(units, ["yes", "no"], "nominal", seed=1).alpha == pytest.approx(4 / 9)


def test_figure_3_is_shares_of_all_comparisons_beside_the_papers(tmp_path: Path) -> None:
    chosen = ["Left is better", "Left is better", "Left is better", "Both are good", "Both are bad"]
    found = read(tmp_path, *(task(f"t-{n}", both("Easy", what)) for n, what in enumerate(chosen)))
    figure = figure3(found, [PAIR], PAPER, 1, None)
    shares = rows(figure)
    of = f"{PAIR[0]} vs {PAIR[1]}"
    # Two wins (tasks 0 and 1), a loss (the first was on the right), one of each other; the sixth is missing.
    assert [shares[of, "share", name]["value"] for name in ("win", "both_good", "both_bad", "loss")] == [
        *("0.4", "0.2", "0.2", "0.2")
    ]
    win = shares[of, "share", "win"]
    assert (win["published"], win["n_expected"], win["n_used"], win["n_left_out"]) == ("0.368", "6", "5", "1")
    assert win["left_out"] == "1 missing" and win["ci_low"] < "0.4" < win["ci_high"]
    assert shares[of, "share", "win_or_both_good"]["value"] == "0.6"
    assert "not measurable" in shares[of, "krippendorff_alpha_nominal", ""]["left_out"]
    assert shares["side", "share", "left"]["value"] == "1.0"  # all three that chose a side chose the left one
    assert figure.svg is not None and "40.0%" in figure.svg and "start of loss" in figure.svg


def test_difficulty_agreement_is_measured_between_the_pairs_of_one_problem() -> None:
    values = {1: ("easy", "easy", "hard"), 2: ("easy", "intermediate", "hard"), 3: ("easy", "easy", "hard")}
    given = [
        answered("difficulty", value, annotator, f"i-{n}/0", pair=("a", str(annotator)))
        for annotator, mine in values.items()
        for n, value in enumerate(mine)
    ]
    alpha = rows(figure7(given, 1, None))["difficulty", "krippendorff_alpha_ordinal", ""]
    # Five easy, one intermediate, three hard. Ordinal distances: easy-intermediate (2.5 + 0.5)^2 = 9,
    # intermediate-hard (0.5 + 1.5)^2 = 4, easy-hard (2.5 + 1 + 1.5)^2 = 25. Observed: 2 pairs both ways of weight 1/2,
    # so coincidences 1 + 1, x 9 = 18. By chance: 2 (5x1x9 + 1x3x4 + 5x3x25) = 864. 1 - 8 x 18 / 864 = 5/6.
    assert float(alpha["value"]) == pytest.approx(5 / 6, abs=1e-6)
    # Of one annotator's two answers about the same problem the second says nothing of agreement.
    alone = rows(figure7([one for one in given if one.annotator == 1], 1, None))
    assert "two annotators" in alone["difficulty", "krippendorff_alpha_ordinal", ""]["left_out"]


@pytest.mark.parametrize(
    ("words", "verdicts"),
    [
        ({"reference": "no", "rubric": "no"}, (True, True, True, True)),
        ({"reference": "no", "rubric": "yes"}, (True, False, True, False)),
        ({"reference": "maybe", "rubric": "no"}, (False, True, True, False)),
        ({"reference": "no"}, (True, None, True, None)),
        ({"reference": "yes"}, (False, None, None, False)),
        ({"rubric": "no"}, (None, True, True, None)),
        ({}, (None, None, None, None)),
    ],
)
def test_what_is_bad_follows_the_recipes_rule_and_is_open_where_answers_lack(
    words: dict[str, str], verdicts: tuple[bool | None, ...]
) -> None:
    assert tuple(is_bad(words, rule) for rule in ("reference_no", "rubric_no", "either_no", "both_no")) == verdicts


def test_an_instance_is_excluded_by_more_than_half_of_its_annotators() -> None:
    votes = {"i-0/0": "no no yes", "i-1/0": "no yes", "i-2/0": "yes"}
    given = [
        answered("reference", value, annotator, instance)
        for instance, values in votes.items()
        for annotator, value in enumerate(values.split())
    ]
    judged = judged_instances(given, "reference_no")
    assert (judged.bad, judged.good, judged.unjudged) == (("i-0/0",), ("i-1/0", "i-2/0"), ())
    # Without an answer about the rubrics a `no` leaves the other rule open, and a `yes` decides it.
    assert judged_instances(given[:2], "both_no").unjudged == ("i-0/0",)
    assert judged_instances(given, "both_no").good == ("i-0/0", "i-1/0", "i-2/0")


def test_stage_1_writes_the_figure_the_answers_and_the_exclusions_and_says_when_it_is_a_rehearsal(
    tmp_path: Path,
) -> None:
    given = [answered("reference", "no"), answered("rubric", "no"), answered("reference", "yes", 1, "i-1/0")]
    human = Human(benchmark="mf", stage2=ModelComparison(pairs=[list(PAIR)]))
    shown = [
        Key("t-0", "stage1", 1, "i-0", ("i-0/0",), "d", instance_digests=("d-0",)),
        Key("t-1", "stage1", 1, "i-1", ("i-1/0",), "d", instance_digests=("d-1",)),
    ]
    write_import(stage1_result(given, shown, human, PAPER, 1, "A rehearsal <b>"), "stage1", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files_of("stage1", tmp_path)}
    assert (tmp_path / "excluded.jsonl").read_text() == (
        '{"digest":"d-0","id":"i-0/0","reason":"human check: both_no"}\n'
    )
    page = (tmp_path / "figure6.md").read_text()
    assert "> **A rehearsal &lt;b>**" in page and "1 of 2 instances are bad" in page
    with (tmp_path / "figure6.csv").open(newline="") as lines:
        found = {(row["of"], row["answer"]): row for row in csv.DictReader(lines)}
    assert found["reference", "no"]["value"] == "0.5" and found["reference", "no"]["published"] == "0.063"
    assert found["instance", "both_no"]["value"] == "0.5"  # one of the two instances that the answers decide
    assert {row["rehearsal"] for row in found.values()} == {"yes"}
    assert "A rehearsal" in (tmp_path / "figure6.svg").read_text()


def test_two_answers_shares_have_intervals_that_mirror_each_other_and_one_whisker() -> None:
    given = [
        *(answered("rubric", "yes" if n % 3 else "no", instance=f"i-{n}/0") for n in range(12)),
        *(answered("reference", ("yes", "maybe", "no")[n % 3], instance=f"i-{n}/0") for n in range(12)),
    ]
    figure = figure6(given, judged_instances(given, "both_no"), "both_no", PAPER, 1, None)
    found = rows(figure)
    yes, no = found["rubric", "share", "yes"], found["rubric", "share", "no"]
    # In every resample the share of `no` is what that of `yes` leaves.
    assert float(yes["ci_low"]) == pytest.approx(1 - float(no["ci_high"]), abs=2e-6)
    assert float(yes["ci_high"]) == pytest.approx(1 - float(no["ci_low"]), abs=2e-6)
    assert figure.svg is not None
    assert figure.svg.count('aria-roledescription="rule mark"') == 3  # of yes and no to references, of yes to rubrics


def test_what_agreement_could_not_use_is_told_by_kind() -> None:
    # i-0: two annotators, one of whom answered twice; i-1 and i-2: one annotator each; i-3: nobody.
    given = [answered("rubric", "yes", who, "i-0/0") for who in (1, 2, 2)]
    given += [answered("rubric", "no", 1, f"i-{n}/0") for n in (1, 2)]
    given.append(HumanAnswer("t/rubric_1", "rubric", 1, "i-3", "i-3/0", AnswerStatus.MISSING))
    figure = figure6(given, judged_instances(given, "both_no"), "both_no", PAPER, 1, None)
    alpha = rows(figure)["rubric", "krippendorff_alpha_nominal", ""]
    assert (alpha["n_expected"], alpha["n_used"], alpha["n_left_out"]) == ("6", "2", "4")
    assert alpha["left_out"].endswith("; 1 missing, 2 by one annotator alone, 1 second answers of the same annotator")


def test_figure_6_without_a_single_answer_is_empty_and_not_zero() -> None:
    silent = HumanAnswer("t/reference_1", "reference", 1, "i-0", "i-0/0", AnswerStatus.SKIPPED)
    found = rows(figure6([silent], judged_instances([silent], "both_no"), "both_no", PAPER, 1, None))
    assert (found["reference", "share", "yes"]["value"], found["reference", "share", "yes"]["n_used"]) == ("", "0")
    assert found["instance", "excluded_share", "both_no"]["value"] == ""
