"""Lengths of answers, how alike they are, and examples: figures by hand, and nothing silently left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from janus_recipes.analysis.answered import REFERENCE, AnsweredBench
from janus_recipes.analysis.examples import Judged, choose, quoted, show_examples, total_scores
from janus_recipes.analysis.figure8 import compare_lengths, lengths_of
from janus_recipes.analysis.figure9 import alike_of, compare_answers
from janus_recipes.analysis.finding import Finding, csv_of, markdown_of
from janus_recipes.analysis.published import RougeL, read_published_diversity
from janus_recipes.commands.answer_analyses import by_model
from janus_recipes.errors import RecipeError, StepError, UsageError
from janus_recipes.recipe.answer_analysis import Examples
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Rubric, Status

NOTICE = "REHEARSAL: nothing is real"
RUBRICS = tuple(Rubric(name, "c", ("1", "2", "3", "4", "5")) for name in DIMENSIONS)


def instance(item: str) -> BenchInstance:
    owner = item.split("/")[0]
    return BenchInstance(item, owner, "mf-Koala", f"ask {owner}", f"speak as {item}", (), "one two three", RUBRICS)


BENCH = [instance(item) for item in ("i-1/0", "i-1/1", "i-1/2", "i-2/0", "i-2/1", "i-2/2")]


def answers(texts: Sequence[str | None]) -> list[Asked[str]]:
    return [
        Asked(one.id, Status.OK if text is not None else Status.TRUNCATED, text)
        for one, text in zip(BENCH, texts, strict=True)
    ]


def answered(notice: str | None = None, **models: Sequence[str | None]) -> AnsweredBench:
    rows = {model: answers(texts) for model, texts in models.items()}
    return AnsweredBench(BENCH, rows, 6, 2, "multifaceted", seed=1, notice=notice)


def rows_of(finding: Finding) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(finding))))


WORDS = ["a b c d", "a c b d", "x y z", "same words here", "same words here", "same words here"]


def test_lengths_are_words_between_spaces_with_mean_quartiles_and_what_is_left_out() -> None:
    # 1, 2, 3, 4 and 10 words; one answer was truncated. Mean 20 / 5 = 4; the inclusive quartiles of five are the
    # second, third and fourth: 2, 3, 4.
    looked_at = answered(m=["a", "a b", "a\nb  c", "a b c d", "w " * 10, None])
    one = lengths_of("m", looked_at.texts()["m"], looked_at)
    assert one.mean.value == 4
    assert one.spread == {"shortest": 1, "quartile 1": 2, "median": 3, "quartile 3": 4, "longest": 10}
    rows = [row for row in rows_of(compare_lengths(looked_at)) if row["model"] == "m"]
    assert {(row["n_expected"], row["n_used"], row["n_left_out"]) for row in rows} == {("6", "5", "1")}
    assert [row["value"] for row in rows if row["measure"] == "words"] == ["1", "2", "3", "4", "10"]
    assert "| 1 truncated |" in markdown_of(compare_lengths(looked_at))


def test_the_reference_answers_stand_beside_the_models() -> None:
    found = rows_of(compare_lengths(answered(m=WORDS)))
    assert list(dict.fromkeys(row["model"] for row in found)) == [REFERENCE, "m"]
    assert next(row["value"] for row in found if (row["model"], row["measure"]) == (REFERENCE, "mean")) == "3.0"


def test_likeness_is_the_mean_and_the_highest_of_an_instructions_pairs_averaged_over_instructions() -> None:
    # i-1: "a b c d" and "a c b d" have F1 3/4, the other two pairs nothing in common: mean 1/4, highest 3/4.
    # i-2: three times the same: mean 1, highest 1. Over both: (1/4 + 1) / 2 = 0.625 and (3/4 + 1) / 2 = 0.875.
    one = alike_of("m", answered(m=WORDS).texts()["m"], answered(m=WORDS))
    assert one.pairs == {"i-1": (pytest.approx(0.25), pytest.approx(0.75)), "i-2": (1.0, 1.0)}
    assert one.mean.value == pytest.approx(0.625)
    assert one.highest.value == pytest.approx(0.875)
    assert not one.left_out


def test_an_instruction_with_an_answer_missing_is_left_out_and_counted_by_its_status() -> None:
    looked_at = answered(m=[None, *WORDS[1:]])
    one = alike_of("m", looked_at.texts()["m"], looked_at)
    assert list(one.pairs) == ["i-2"]
    assert one.left_out == {Status.TRUNCATED: 1}
    whole_bench = replace(looked_at, n_expected_instructions=5)  # three are not in the bench at all
    assert alike_of("m", whole_bench.texts()["m"], whole_bench).left_out == {Status.TRUNCATED: 1, Status.MISSING: 3}


def test_figure_9_stands_beside_the_papers_and_a_rehearsal_has_no_difference() -> None:
    paper = {"m": RougeL(average=0.5, max=0.8)}
    real = [row for row in rows_of(compare_answers(answered(m=WORDS), paper)) if row["published"]]
    assert [(row["measure"], row["published"], row["difference"]) for row in real] == [
        ("mean_of_pairs", "0.5", "0.125"),
        ("mean_of_highest", "0.8", "0.075"),
    ]
    rehearsed = rows_of(compare_answers(answered(NOTICE, m=WORDS), paper))
    assert {row["difference"] for row in rehearsed} == {""}


def test_figure_9_of_the_paper_is_read_by_our_names() -> None:
    assert read_published_diversity(Path("recipes/published.yaml"))["janus-7b"] == RougeL(average=0.23, max=0.28)


@pytest.mark.parametrize("figure", ["figure8", "figure9"])
def test_the_pictures_name_every_model_and_say_that_they_are_a_rehearsal(figure: str) -> None:
    looked_at = answered(NOTICE, janus=WORDS, silent=[None] * 6)  # a model without an answer breaks no picture
    finding = compare_lengths(looked_at) if figure == "figure8" else compare_answers(looked_at, {})
    assert finding.svg is not None
    told = " ".join(ElementTree.fromstring(finding.svg).itertext())
    assert all(name in told for name in (REFERENCE, "janus", "silent", NOTICE))
    assert NOTICE in markdown_of(finding)
    assert {row["rehearsal"] for row in rows_of(finding)} == {"yes"}


def judged(scores: Sequence[int | None]) -> Judged:
    """Each instance has the same score by all four rubrics in both runs; None: the first verdict is unparsed."""
    rows = [
        Asked(f"{one.id}/{k}/{run}", Status.UNPARSED if score is None and (k, run) == (0, 0) else Status.OK, score)
        for one, score in zip(BENCH, scores, strict=True)
        for k in range(4)
        for run in range(2)
    ]
    return Judged({row.id: row for row in rows}, "a-judge")


GOOD, BAD = judged([5, 4, 3, 5, 5, None]), judged([1, 1, 1, 3, 4, 1])


def test_the_largest_differences_are_shown_one_an_instruction_and_only_where_both_are_judged() -> None:
    totals = {"good": total_scores(BENCH, GOOD, 2), "bad": total_scores(BENCH, BAD, 2)}
    assert "i-2/2" not in totals["good"]  # a verdict is missing: it has no score
    spec = Examples(choose="largest_difference", between=["good", "bad"], count=2)
    # Differences: i-1: 4, 3, 2; i-2: 2, 1, not judged. The largest of each instruction: i-1/0 (4), then i-2/0 (2).
    chosen = choose(answered(good=WORDS, bad=WORDS), totals, spec)
    assert [one.id for one in chosen] == ["i-1/0", "i-2/0"]
    chosen = choose(answered(good=[None, *WORDS[1:]], bad=WORDS), totals, spec)  # i-1/0 has no answer
    assert [one.id for one in chosen] == ["i-1/1", "i-2/0"]


def test_scores_of_different_judges_are_not_subtracted_and_verdicts_that_are_not_there_are_named() -> None:
    spec, looked_at = Examples(choose="largest_difference", between=["good", "bad"]), answered(good=WORDS, bad=WORDS)
    with pytest.raises(StepError, match="judged by different judges: good by a-judge, bad by another"):
        show_examples(looked_at, {"good": GOOD, "bad": replace(BAD, judge="another")}, 2, spec)
    with pytest.raises(UsageError, match="the verdicts on bad are not given"):
        show_examples(looked_at, {"good": GOOD}, 2, spec)
    both = {"good": GOOD, "bad": replace(BAD, judge="another")}
    assert "a-judge, another" in markdown_of(
        show_examples(looked_at, both, 2, Examples())
    )  # beside each other they may


def test_files_of_another_condition_or_bench_and_a_second_file_of_a_model_are_refused(tmp_path: Path) -> None:
    recipe = load_recipe([Path("recipes/janus.yaml")])
    wanted = recipe.answer_analyses["answers"]
    ours = tmp_path / "multifaceted" / "janus-7b" / "multifaceted.jsonl"
    assert by_model(recipe, wanted, [ours], "multifaceted.jsonl") == {"janus-7b": ours}
    for other in (
        ours.with_name("none.jsonl"),
        ours.with_name("multifaceted.best-of-64.jsonl"),
        Path("a", *ours.parts[-2:]),
    ):
        with pytest.raises(UsageError, match=r"is not called \.\.\./multifaceted/<model>/multifaceted.jsonl"):
            by_model(recipe, wanted, [other], "multifaceted.jsonl")
    older = tmp_path / "older" / Path(*ours.parts[-3:])
    with pytest.raises(UsageError, match="is of janus-7b, too: give one file of each model"):
        by_model(recipe, wanted, [older, ours], "multifaceted.jsonl")


def test_random_examples_are_the_same_whatever_the_order_of_the_bench() -> None:
    looked_at = answered(m=WORDS)
    turned = replace(looked_at, bench=BENCH[::-1])
    spec = Examples(count=1)
    assert [one.id for one in choose(looked_at, {}, spec)] == [one.id for one in choose(turned, {}, spec)]
    assert len(choose(looked_at, {}, Examples(count=9))) == 2  # one of each instruction


def test_an_example_page_has_the_texts_the_scores_and_what_is_missing() -> None:
    looked_at = answered(NOTICE, good=[None, *WORDS[1:]], bad=WORDS)
    finding = show_examples(looked_at, {"good": GOOD, "bad": BAD}, 2, Examples(instances=["i-1/0"]))
    page = markdown_of(finding)
    for part in (NOTICE, "> speak as i-1/0", "> ask i-1", "### Reference answer", "No answer: truncated.", "a-judge"):
        assert part in page
    assert "### bad: 1.00" in page and "Style 1.00, Background knowledge 1.00" in page
    rows = rows_of(finding)
    assert [(row["model"], row["status"], row["score"]) for row in rows] == [
        (REFERENCE, "ok", ""),
        ("good", "truncated", "5.0"),
        ("bad", "ok", "1.0"),
    ]


def test_an_instance_that_is_not_in_the_bench_cannot_be_an_example() -> None:
    with pytest.raises(StepError, match=r"i-1/9 is not in the bench \(did you mean i-1/"):
        choose(answered(m=WORDS), {}, Examples(instances=["i-1/9"]))


def test_a_models_text_is_shown_as_it_is_and_never_as_markdown_or_html() -> None:
    assert quoted("# No heading\n\n  1. <b>item</b>\n- a *star*") == (
        "> \\# No heading  \n>\n> &nbsp;&nbsp;1\\. &lt;b>item&lt;/b>  \n> \\- a \\*star\\*  "
    )


def test_a_recipe_whose_examples_do_not_fit_their_table_is_refused_with_every_problem(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    examples = {"choose": "largest_difference", "between": ["janus-7b", "nobody"]}
    wrong = {"table": "table2", "condition": "none", "models": ["janus-7b", "janus-rm-7b"], "examples": examples}
    missing = {"table": "table3", "examples": {"choose": "largest_difference"}}
    same = {"choose": "largest_difference", "between": ["janus-7b", "janus-7b"]}
    unanswered = {"table": "selected", "examples": same}  # its models' single answers are nobody's
    selected = {"title": "Selected", "benchmark": "multifaceted", "models": ["janus-7b"], "selections": ["best-of-64"]}
    analyses = {"wrong": wrong, "missing": missing, "unanswered": unanswered}
    overlay.write_text(json.dumps({"answer_analyses": analyses, "tables": {"selected": selected}}))
    with pytest.raises(RecipeError) as caught:
        load_recipe([Path("recipes/janus.yaml"), overlay])
    told = "\n".join(caught.value.problems)
    for part in (
        "answer_analyses.wrong.models.1: janus-rm-7b is no model of the table",
        "answer_analyses.wrong.condition: the table has no answers under none: it has multifaceted",
        "answer_analyses.wrong.examples.between.1: nobody is not looked at",
        "answer_analyses.missing.table: table3 is not under tables",
        "answer_analyses.unanswered.table: selected shows best-of-64 and no single answers",
        "answer_analyses.unanswered.examples.between: janus-7b cannot be told apart from itself",
        "answer_analyses.missing.examples.between: largest_difference wants two models",
    ):
        assert part in told
