"""A table says what its figures are, what they stand on and who judged them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.errors import RecipeError, StepError, UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status, row_of
from janus_recipes.reporting.make import files_beside, judged_answers, make_table
from janus_recipes.reporting.published import PublishedTable, read_published
from janus_recipes.reporting.render import html_of, markdown_of, write_table
from janus_recipes.reporting.table import CSV_COLUMNS, BuiltTable, JudgedAnswers, Line, build_table, comparison_rows

COLUMNS = ["mf-AlpacaEval", "mf-Koala"]
PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "any", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
JUDGE = "judge-2026"
PAPER = Path(__file__).parents[2] / "recipes" / "published.yaml"

# Two instructions of three system messages in the first column, one of two in the second.
BENCH = [
    BenchInstance(f"{i}/{n}", i, column, "?", "Be kind.", PREFERENCES, "!", RUBRICS)
    for i, column, sets in (("i-a", COLUMNS[0], 3), ("i-b", COLUMNS[0], 3), ("i-c", COLUMNS[1], 2))
    for n in range(sets)
]
PUBLISHED = PublishedTable(
    source="Table 2",
    judge="gpt-4-0125-preview",
    condition="multifaceted",
    columns=[*COLUMNS, "Average"],
    rows={"mistral-7b-v0.2": [2.8, 2.45, 2.23], "janus-7b": [4.43, 4.41, 4.17]},
)


def asking(**more: Any) -> dict[str, Any]:
    return {"provider": "judge", "sampling": {"max_tokens": 64}, **more}


def recipe(
    *, rehearsal: bool = False, models: tuple[str, ...] = ("mistral-7b-v0.2", "janus-7b"), **judging: Any
) -> Recipe:
    """A recipe with what a table reads; the rest is as small as it may be."""
    source = {"path": "any.jsonl", "field": "text"}
    train = {
        **{
            "dataset": "sft",
            "sequence_len": 64,
            "micro_batch_size": 1,
            "gradient_accumulation_steps": 1,
            "epochs": 1.0,
        },
        **{"learning_rate": 1e-5, "warmup_steps": 0, "weight_decay": 0.0},
    }
    return Recipe.model_validate(
        {
            "name": "test",
            "providers": {"judge": {"kind": "openai", "model": JUDGE}},
            "collection": {
                "sources": {"any": source},
                "instructions": {"per_source": 1, "before_filter": 1, "exclude_pattern": None},
                **{step: asking() for step in ("preference_sets", "system_messages", "responses")},
            },
            "datasets": {"sft": {"kind": "sft"}},
            "base_models": {"mistral": {"path": "mistral"}},
            "models": {one: {"base": "mistral", **({"train": train} if "janus" in one else {})} for one in models},
            "generation": {"sampling": {"max_tokens": 64}, "max_model_len": 128},
            "benchmarks": {
                "multifaceted": {
                    # Counted in single instances, so that BENCH is whole: 6 of the first column, 2 of the second.
                    "sources": {
                        f"s{k}": {**source, "column": name, "quota": quota}
                        for k, (name, quota) in enumerate(zip(reversed(COLUMNS), (2, 6), strict=True))
                    },
                    "preference_sets": asking(per_instruction=1),
                    **{step: asking() for step in ("system_messages", "reference_answers", "rubrics")},
                }
            },
            "judging": asking(runs=2, **judging),
            "tables": {"table2": {"title": "Table 2", "benchmark": "multifaceted", "models": list(models)}},
            "rehearsal": {} if rehearsal else None,
        }
    )


def rows(scores: Mapping[str, int], holes: Mapping[str, Status] | None = None) -> list[Asked[int]]:
    """Verdicts that give each instance of `scores` its score by every rubric in both runs, but for the holes."""
    ids = ((f"{one}/{rubric}/{run}", score) for one, score in scores.items() for rubric in range(4) for run in range(2))
    holes = holes or {}
    return [Asked(id, holes[id], None) if id in holes else Asked(id, Status.OK, score) for id, score in ids]


def judged(score: int, judge: str = JUDGE, swapped: int | None = None, **more: Any) -> JudgedAnswers:
    """Every instance of i-a and i-c has `score`, of i-b one point less."""
    own = rows({one.id: score - (one.instruction_id == "i-b") for one in BENCH}, **more)
    control = None if swapped is None else rows({one.id: swapped for one in BENCH})
    return JudgedAnswers(own, control, judge, "2026-11-20")


BOTH = {("mistral-7b-v0.2", "multifaceted"): judged(2), ("janus-7b", "multifaceted"): judged(5, swapped=2)}


def built(judged_answers: Mapping[tuple[str, str], JudgedAnswers] = BOTH, **more: Any) -> BuiltTable:
    return build_table("table2", recipe(**more), BENCH, judged_answers, PUBLISHED)


def line_of(table: BuiltTable, model: str, metric: str = "rubric_score") -> Line:
    return next(line for line in table.lines if (line.model, line.metric) == (model, metric))


def csv_of(table: BuiltTable, folder: Path) -> list[dict[str, str]]:
    write_table(table, folder)
    with (folder / "table2.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_average_is_over_instances_not_over_columns() -> None:
    cells = line_of(built(), "janus-7b").cells
    # mf-AlpacaEval: three of 5 and three of 4; mf-Koala: two of 5; all: (3*5 + 3*4 + 2*5)/8 = 37/8, not (4.5 + 5)/2.
    assert [cell.benchmark for cell in cells] == [*COLUMNS, "Average"]
    assert [cell.estimate.value for cell in cells] == [4.5, 5.0, 4.625]
    assert [cell.counts.n_expected for cell in cells] == [6, 2, 8]


def test_the_csv_has_exactly_the_promised_columns_and_the_recipes_order(tmp_path: Path) -> None:
    found = csv_of(built(), tmp_path)
    assert tuple(found[0]) == CSV_COLUMNS
    assert ",".join(CSV_COLUMNS) == (
        "model,condition,selection,benchmark,metric,judge,value,ci_low,ci_high,"
        "n_expected,n_used,n_left_out,published,difference"
    )
    metrics = [("mistral-7b-v0.2", "rubric_score"), ("janus-7b", "rubric_score"), ("janus-7b", "swapped_rubric_score")]
    assert [(r["model"], r["metric"], r["benchmark"]) for r in found] == [
        (*metric, column) for metric in metrics for column in (*COLUMNS, "Average")
    ]
    assert {(r["condition"], r["selection"], r["judge"]) for r in found} == {("multifaceted", "single", JUDGE)}


def test_columns_stand_as_the_paper_prints_them_and_others_after() -> None:
    # The recipe names mf-Koala first, as it keeps a prompt that both benchmarks have.
    assert built().columns == ("mf-AlpacaEval", "mf-Koala", "Average")
    koala_only = PUBLISHED.model_copy(update={"columns": ["mf-Koala"], "rows": {}})
    assert build_table("table2", recipe(), BENCH, BOTH, koala_only).columns == ("mf-Koala", "mf-AlpacaEval", "Average")
    assert build_table("table2", recipe(), BENCH, BOTH, None).columns == ("mf-Koala", "mf-AlpacaEval", "Average")


def test_models_stand_in_the_order_of_the_recipes_table() -> None:
    turned = ("janus-7b", "mistral-7b-v0.2")
    assert [line.model for line in built(models=turned).lines] == ["janus-7b", "janus-7b", "mistral-7b-v0.2"]


def test_what_there_is_none_of_is_an_empty_cell_and_not_nan(tmp_path: Path) -> None:
    # Every answer to i-c failed: its column has no mean. The first column has one instruction with verdicts left.
    lost = {row.id: Status.MISSING for row in BOTH["janus-7b", "multifaceted"].own if not row.id.startswith("i-a")}
    answers = {**BOTH, ("janus-7b", "multifaceted"): judged(5, holes=lost)}
    found = {r["benchmark"]: r for r in csv_of(built(answers), tmp_path) if r["model"] == "janus-7b"}
    koala, alpaca = found["mf-Koala"], found["mf-AlpacaEval"]
    assert [koala[k] for k in ("value", "ci_low", "ci_high", "n_expected", "n_used", "n_left_out")] == [
        "",
        "",
        "",
        "2",
        "0",
        "2",
    ]
    assert [alpaca[k] for k in ("value", "ci_low", "ci_high", "n_used")] == ["5.0000", "", "", "3"]
    for file in tmp_path.iterdir():
        assert not re.search(r"\b(nan|NaN|None)\b", file.read_text()), file


def test_the_papers_figure_stands_beside_ours(tmp_path: Path) -> None:
    found = csv_of(built(), tmp_path)
    own = [r["published"] for r in found if r["metric"] == "rubric_score"]
    assert own == ["2.8000", "2.4500", "2.2300", "4.4300", "4.4100", "4.1700"]
    assert {r["published"] for r in found if r["metric"] != "rubric_score"} == {""}


def test_no_difference_between_scores_of_different_judges(tmp_path: Path) -> None:
    assert {r["difference"] for r in csv_of(built(), tmp_path)} == {""}


def test_the_difference_is_filled_when_the_judge_is_the_papers(tmp_path: Path) -> None:
    same = {("janus-7b", "multifaceted"): judged(5, judge=PUBLISHED.judge)}
    found = csv_of(built(same, models=("janus-7b",)), tmp_path)
    # 4.5 - 4.43, 5 - 4.41, 4.625 - 4.17
    assert [r["difference"] for r in found] == ["0.0700", "0.5900", "0.4550"]
    assert "+0.46" in (tmp_path / "table2.md").read_text() and "+0.46" in (tmp_path / "table2.html").read_text()


def test_no_difference_in_a_rehearsal_even_with_the_papers_judge(tmp_path: Path) -> None:
    same = {("janus-7b", "multifaceted"): judged(5, judge=PUBLISHED.judge)}
    found = csv_of(built(same, models=("janus-7b",), rehearsal=True), tmp_path)
    assert {r["difference"] for r in found} == {""} and {r["published"] for r in found} != {""}


def test_a_figure_of_another_condition_model_or_column_is_not_taken() -> None:
    assert PUBLISHED.figure("janus-7b", "multifaceted", "Average") == 4.17
    assert PUBLISHED.figure("janus-7b", "none", "Average") is None
    assert PUBLISHED.figure("janus-8b", "multifaceted", "Average") is None
    assert PUBLISHED.figure("janus-7b", "multifaceted", "mf-FLASK") is None


def test_the_papers_columns_may_be_conditions_instead() -> None:
    table8 = read_published(PAPER, "table8")
    assert table8.figure("janus-7b", "none", "Average") == 3.877
    assert table8.figure("janus-7b", "multifaceted", "Average") == 4.171
    assert table8.figure("janus-7b", "none", "mf-Koala") is None
    assert table8.figure("janus-7b", "default", "Average") is None


def test_every_table_of_the_papers_figures_can_stand_beside_ours() -> None:
    for key in yaml.safe_load(PAPER.read_text()).keys() - {"collection"}:  # that is no table of models
        assert read_published(PAPER, key).judge == "gpt-4-0125-preview"


def test_a_rehearsal_says_so_and_a_real_run_does_not() -> None:
    notice = "REHEARSAL: tiny models"
    for text in (markdown_of(built(rehearsal=True)), html_of(built(rehearsal=True))):
        assert notice in text
    assert notice not in markdown_of(built()) + html_of(built())


def test_each_csv_row_of_a_rehearsal_says_so_beside_its_judge(tmp_path: Path) -> None:
    real, rehearsed = (csv_of(built(rehearsal=rehearsal), tmp_path) for rehearsal in (False, True))
    assert {row["judge"] for row in rehearsed} == {f"{row['judge']} (rehearsal)" for row in real}
    assert all("rehearsal" in row[5] for row in comparison_rows(built(rehearsal=True)))


def test_cells_with_holes_are_marked_and_the_statuses_listed() -> None:
    holes = {"i-a/0/2/1": Status.UNPARSED, "i-a/0/3/1": Status.REFUSED, "i-b/2/0/0": Status.REFUSED}
    table = built({**BOTH, ("janus-7b", "multifaceted"): judged(5, holes=holes)})
    # Left out: i-a/0 (unparsed first) and i-b/2. Left: 5, 5, 4, 4 -> 4.5, and the second column is whole.
    average = line_of(table, "janus-7b").average
    assert (average.counts.n_expected, average.counts.n_used, average.counts.n_left_out) == (8, 6, 2)
    markdown = markdown_of(table)
    assert re.search(r"janus-7b .*\| +4\.50† \| +5\.00 \| +4\.67† \|", markdown)
    assert "mf-AlpacaEval 4 of 6: 2 left out (1 unparsed, 1 refused)" in markdown
    page = html_of(table)
    assert 'title="4 of 6: 2 left out (1 unparsed, 1 refused)">†</abbr>' in page and "6 of 8" in page
    assert "†" not in markdown_of(built()) + html_of(built())


def test_instances_that_the_bench_lacks_are_counted_as_missing(tmp_path: Path) -> None:
    # i-b/2 (refused by the teacher, say) is not in the bench; i-a/0 and i-a/1 lack a verdict: 3 of 6 are out.
    holes = {"i-a/0/2/1": Status.MISSING, "i-a/1/0/0": Status.UNPARSED}
    there = {pair: judged(score, holes=holes) for pair, score in zip(BOTH, (2, 5), strict=True)}
    gone = {
        pair: replace(one, own=[v for v in one.own if not v.id.startswith("i-b/2/")]) for pair, one in there.items()
    }
    bench = [one for one in BENCH if one.id != "i-b/2"]
    table = build_table("table2", recipe(), bench, gone, PUBLISHED)
    found = [r for r in csv_of(table, tmp_path) if r["model"] == "janus-7b"]
    assert [(r["n_expected"], r["n_used"], r["n_left_out"]) for r in found] == [
        ("6", "3", "3"),
        ("2", "2", "0"),
        ("8", "5", "3"),
    ]
    # Left in the first column: i-a/2 with 5, i-b/0 and i-b/1 with 4.
    assert found[0]["value"] == "4.3333"
    markdown, page = markdown_of(table), html_of(table)
    assert "mf-AlpacaEval 3 of 6: 3 left out (1 unparsed, 2 missing)" in markdown
    assert re.search(r"janus-7b .*\| +4\.33† \| +5\.00 \| +4\.60† \|", markdown)
    for text in (markdown, page):
        assert "of 7 instances of 3 instructions" in text and "5 of 8" in text
        assert re.search("The bench lacks 1 of the recipe(&#39;|')s 8 instances", text)
    assert "The bench lacks" not in markdown_of(built()) + html_of(built())
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        (compared,) = csv.DictReader(lines)
    assert (compared["n_expected"], compared["n_used"], compared["n_left_out"]) == ("8", "5", "3")


def test_a_column_of_which_the_bench_has_nothing_is_a_hole_and_not_a_shorter_table(tmp_path: Path) -> None:
    bench = [one for one in BENCH if one.instruction_id != "i-c"]
    there = {"janus-7b": rows({one.id: 4 for one in bench})}
    only = {(model, "multifaceted"): JudgedAnswers(own, None, JUDGE, "2026-11-20") for model, own in there.items()}
    table = build_table("table2", recipe(models=("janus-7b",)), bench, only, PUBLISHED)
    koala = csv_of(table, tmp_path)[1]
    found = [koala[k] for k in ("benchmark", "value", "n_expected", "n_used", "n_left_out")]
    assert found == ["mf-Koala", "", "2", "0", "2"]


def test_a_bench_of_another_recipe_is_refused() -> None:
    more = [*BENCH, replace(BENCH[-1], id="i-c/2")]
    with pytest.raises(StepError, match="3 of mf-Koala, more than this recipe asks for"):
        build_table("table2", recipe(), more, BOTH, PUBLISHED)
    other = [replace(one, benchmark="mf-FLASK") for one in BENCH]
    with pytest.raises(StepError, match="8 of mf-FLASK, more than this recipe asks for"):
        build_table("table2", recipe(), other, BOTH, PUBLISHED)


def verdicts_file(folder: Path, model: str, asked: Mapping[str, Any]) -> Path:
    """A file of verdicts as `janus judge` leaves it; its step ran in 2027."""
    path = folder / model / "multifaceted.own.jsonl"
    path.parent.mkdir(parents=True)
    write_jsonl(path, map(row_of, BOTH[model, "multifaceted"].own))
    manifest_of(path).write_text(json.dumps({"asked": {"model": JUDGE, **asked}, "started": "2027-01-01T00:00:00"}))
    return path


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-11-20", "2026-11-20", "2026-11-20"),
        ("2026-11-20", "2026-11-22", "2026-11-20 to 2026-11-22"),
        (None, None, "no answers"),
    ],
)
def test_the_table_says_when_the_judge_answered_not_when_the_step_ran(
    first: str | None, last: str | None, says: str, tmp_path: Path
) -> None:
    path = verdicts_file(tmp_path, "janus-7b", {"first_answer_at": first, "last_answer_at": last})
    found = judged_answers([path])
    assert found["janus-7b", "multifaceted"].judged_at == says
    table = build_table("table2", recipe(models=("janus-7b",)), BENCH, found, PUBLISHED)
    for text in (markdown_of(table), html_of(table)):
        assert f"{JUDGE}, {says}" in text and "2027" not in text


def test_verdicts_that_do_not_say_when_they_were_given_are_not_dated_by_guess(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not say when the judge answered.*janus judge"):
        judged_answers([verdicts_file(tmp_path, "janus-7b", {})])


def test_the_files_beside_a_page_are_all_that_a_table_writes(tmp_path: Path) -> None:
    days = {"first_answer_at": "2026-11-20", "last_answer_at": "2026-11-20"}
    paths = [verdicts_file(tmp_path / "verdicts", model, days) for model, _ in BOTH]
    page = tmp_path / "tables" / "table2.html"
    make_table("table2", recipe(), BENCH, paths, page.parent)
    assert sorted([page, *files_beside(page)]) == sorted(page.parent.iterdir())


def test_an_instance_averaged_over_the_rest_is_used_and_still_marked() -> None:
    holed = judged(5, holes={"i-a/0/2/1": Status.UNPARSED})
    table = built({**BOTH, ("janus-7b", "multifaceted"): holed}, missing_verdicts="average_rest")
    assert line_of(table, "janus-7b").average.counts.n_used == 8
    assert "8 of 8: 1 averaged over fewer verdicts (1 unparsed)" in markdown_of(table)


def test_a_trained_model_is_compared_with_its_base_and_with_the_swapped_control(tmp_path: Path) -> None:
    table = built()
    with_base, with_swapped = table.comparisons
    # Every instance gains 3 points over the base: no spread.
    assert (with_base.kind, with_base.against) == ("trained_minus_base", "mistral-7b-v0.2")
    assert with_base.difference == (3.0, (3.0, 3.0), 8)
    # Own 5, 4 and 5 against 2 throughout: 37/8 - 2. Draws reach from i-b alone (2) to none of it (3).
    assert (with_swapped.kind, with_swapped.first, with_swapped.second) == ("own_minus_swapped", 4.625, 2.0)
    assert with_swapped.difference == (2.625, (2.0, 3.0), 8)
    write_table(table, tmp_path)
    with (tmp_path / "table2.comparisons.csv").open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [r["difference"] for r in found] == ["3.0000", "2.6250"]
    assert [(r["ci_low"], r["n_used"], r["n_left_out"]) for r in found] == [("3.0000", "8", "0"), ("2.0000", "8", "0")]


def test_a_model_judged_by_another_judge_is_not_compared_with_its_base() -> None:
    table = built({**BOTH, ("janus-7b", "multifaceted"): judged(5, judge="another")})
    assert not table.comparisons


class Tags(HTMLParser):
    """The tags of a page, in order, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_accessible_and_needs_nothing_from_elsewhere() -> None:
    tags = Tags(html_of(built())).seen
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") == 2
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any({"src", "href"} & set(attributes) for _, attributes in tags)
    assert ("html", {"lang": "en"}) in tags


def test_names_are_escaped_and_stay_in_their_cells() -> None:
    evil = '<script>alert("|")</script>'
    table = replace(built({**BOTH, ("janus-7b", "multifaceted"): judged(5, judge=evil)}), title=evil)
    lines = tuple(replace(line, model=evil) for line in table.lines)
    page, markdown = html_of(replace(table, lines=lines)), markdown_of(replace(table, lines=lines))
    assert "<script" not in page + markdown and "&lt;script&gt;" in page
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_the_same_verdicts_in_another_order_write_the_same_bytes(tmp_path: Path) -> None:
    turned = {pair: replace(one, own=list(reversed(one.own))) for pair, one in BOTH.items()}
    write_table(built(), tmp_path / "one")
    write_table(built(turned), tmp_path / "two")
    files = sorted((tmp_path / "one").iterdir())
    assert [file.name for file in files] == ["table2.comparisons.csv", "table2.csv", "table2.html", "table2.md"]
    assert all(file.read_bytes() == (tmp_path / "two" / file.name).read_bytes() for file in files)


def test_a_published_table_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    shared = "source: Table 2, judge: j, columns: [a, b]"
    path.write_text(
        f"table2: {{{shared}, condition: none, rows: {{janus-7b: [1.0]}}}}\ntable8: {{{shared}, rows: {{}}}}"
    )
    with pytest.raises(RecipeError, match=r"table2: .*rows\.janus-7b has 1 figures for 2 columns"):
        read_published(path, "table2")
    with pytest.raises(RecipeError, match=r"table8: .*either condition or benchmark"):
        read_published(path, "table8")
    with pytest.raises(RecipeError, match="no table 'table3'; it has table2, table8"):
        read_published(path, "table3")
    with pytest.raises(RecipeError, match=r"nowhere\.yaml"):
        read_published(tmp_path / "nowhere.yaml", "table2")
