"""The tables and figures of the Collection: counts derived by hand, the paper's beside them, a rehearsal named."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from janus_recipes.analysis.figure4 import TITLE as FIGURE4
from janus_recipes.analysis.figure4 import compare_descriptions
from janus_recipes.analysis.figure5 import TITLE as FIGURE5
from janus_recipes.analysis.figure5 import BenchMessages, compare_messages
from janus_recipes.analysis.finding import Finding, csv_of, markdown_of
from janus_recipes.analysis.published import RougeL, Unique, read_published_collection
from janus_recipes.analysis.table1 import count_unique
from janus_recipes.analysis.table5 import count_sources
from janus_recipes.analysis.table7 import rank_subdimensions
from janus_recipes.cli import app
from janus_recipes.errors import JanusError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Instruction, Preference, Rubric, Status, row_of

PAPER = read_published_collection(Path("recipes/published.yaml"))
NOTICE = "A rehearsal & nothing more."
STYLE = DIMENSIONS[0]

Sets = list[Asked[tuple[Preference, ...]]]


def preferences(
    style: str = "style", *, of: str = "Tone", name: str = "kind", other: str = "other"
) -> tuple[Preference, ...]:
    """One preference of each dimension: that of Style as told, the others with one description."""
    first = Preference(STYLE, of, name, style)
    return (first, *(Preference(dimension, "Any", f"any {dimension}", other) for dimension in DIMENSIONS[1:]))


def asked(*sets: tuple[Preference, ...] | None, instruction: str = "i-1") -> Sets:
    """The rows of one instruction; None: the teacher refused."""
    return [
        Asked(f"{instruction}/{number}", Status.OK if one else Status.REFUSED, one) for number, one in enumerate(sets)
    ]


def by_name(finding: Finding) -> dict[str, dict[str, str]]:
    """The CSV's rows by their first cell."""
    return {row[0]: dict(zip(finding.columns, row, strict=True)) for row in finding.rows}


def test_table_1_counts_texts_that_differ_in_more_than_case_and_spaces() -> None:
    instructions = [Instruction("i-1", "Say  hello", "a"), Instruction("i-2", "say hello", "a")]
    messages = [Asked("i-1/0", Status.OK, "Be kind."), Asked("i-1/1", Status.UNPARSED, None)]
    sets = asked(preferences("x", of="Tone"), preferences("X", of="tone", name="KIND"), None)
    found = by_name(count_unique(instructions, sets, messages, PAPER.table1, None))
    one = found["Instruction"]
    assert (one["unique"], one["unique_as_written"], one["published"]) == ("1", "2", "65653")
    assert one["difference"] == "-65652"
    assert [found["System message"][key] for key in ("unique", "n_expected", "n_used", "n_left_out")] == list("1211")
    assert found["Dimension"]["unique"] == "4"
    assert found["Subdimension"]["unique"] == "2"  # Tone and Any
    # kind/x; and "any ..." of three dimensions with the description "other".
    assert [found["Preference"][key] for key in ("unique", "unique_as_written")] == ["4", "5"]
    assert found["Preference, description alone"]["unique"] == "2"
    assert [found["Preference"][key] for key in ("n_expected", "n_used", "n_left_out")] == list("321")


def test_table_1_tells_what_was_left_out_by_status() -> None:
    page = markdown_of(count_unique([], asked(preferences(), None), [], Unique(**dict(PAPER.table1)), None))
    assert "1 of 2 preference sets; left out: 1 refused" in page


def test_table_1_tells_of_the_papers_preferences_by_the_published_figures() -> None:
    few = Unique(instructions=1, system_messages=10, dimensions=4, subdimensions=6, preferences=41)
    told = count_unique([], [], [], few, None).notes[-1]
    assert "41 are more than 4 for each of its 10 system messages (40)" in told
    told = count_unique([], [], [], few.model_copy(update={"preferences": 40}), None).notes[-1]
    assert "more than" not in told


def test_a_real_run_is_not_called_a_rehearsal() -> None:
    finding = count_sources([Instruction("i", "x", "dsp", "alpaca")], {"dsp": True}, PAPER.table5, None)
    assert csv_of(finding).splitlines()[1] == "dsp,,source,1,1.0,173,0.002635,-172,no"  # 173 of 65,653
    assert "REHEARSAL" not in markdown_of(finding)


def test_table_5_counts_each_source_with_its_own_sources_beside_the_papers() -> None:
    origins = ["alpaca", "alpaca", ""]
    instructions = [Instruction(f"i-{k}", str(k), "dsp", origin) for k, origin in enumerate(origins)]
    instructions += [Instruction("i-x", "x", "mine")]
    finding = count_sources(instructions, {"mine": True, "dsp": True, "chatbot-arena": True}, PAPER.table5, None)
    rows = [[row[0], row[1], row[2], row[3], row[5], row[7]] for row in finding.rows]
    assert rows == [
        ["dsp", "", "source", "3", "173", "-170"],
        ["dsp", "alpaca", "original_source", "2", "173", "-171"],
        ["dsp", "", "original_source", "1", "", ""],
        ["mine", "", "source", "1", "", ""],
        ["mine", "", "original_source", "1", "", ""],
        ["chatbot-arena", "", "source", "0", "1658", "-1658"],
        ["chatbot-arena", "", "original_source", "0", "1658", "-1658"],
        ["", "", "total", "4", "65653", "-65649"],
    ]
    assert finding.rows[0][4] == "0.75"  # 3 of 4
    assert "nectar (13,978)" in markdown_of(finding)  # which this recipe does not have


def test_table_5_compares_only_the_sum_of_a_source_that_does_not_tell_its_own() -> None:
    instructions = [Instruction(f"i-{number}", str(number), "dsp") for number in range(200)]
    finding = count_sources(instructions, {"dsp": False, "chatbot-arena": True}, PAPER.table5, None)
    assert [[*row[:4], row[5], row[7]] for row in finding.rows[:2]] == [
        ["dsp", "", "source", "200", "173", "27"],  # 200 - 173
        ["dsp", "", "original_source", "200", "", ""],  # and no row of the paper's alpaca with 0 - 173
    ]
    page = markdown_of(finding)
    assert "alpaca" not in page
    assert "no `origin_field` for dsp: only the sum stands beside the paper's" in page


def test_table_7_ranks_subdimensions_and_draws_the_same_whatever_the_order() -> None:
    names = [f"name {number}" for number in range(30)]
    sets = asked(*(preferences(of="Clarity", name=name) for name in names))
    sets += asked(*(preferences(of=of) for of in ("tone", "Tone", "Tone", "Odd")), None, instruction="i-2")
    found = rank_subdimensions(sets, 1, PAPER.table7, None)
    first, second, third, *_ = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    assert (first["subdimension"], first["n_preferences"], first["n_different"]) == ("Clarity", "30", "30")
    drawn = first["preferences"].split("; ")
    assert len(set(drawn)) == 10 and set(drawn) <= set(names)
    # "tone" and "Tone" are one, shown as most often spelt; all three have the preference "kind".
    assert (second["subdimension"], second["n_preferences"], second["preferences"]) == ("Tone", "3", "kind")
    assert [one["in_published_top_5"] for one in (first, second, third)] == ["yes", "yes", "no"]
    assert [first[key] for key in ("n_expected", "n_used", "n_left_out")] == ["35", "34", "1"]  # 30 + 4, one refused
    assert rank_subdimensions(sets[::-1], 1, PAPER.table7, None) == found
    assert rank_subdimensions(sets, 2, PAPER.table7, None).rows[0][6] != found.rows[0][6]


def test_figure_4_averages_pairs_and_each_instructions_highest() -> None:
    # i-1: "a b" - "a c" 2/4, "a b" - "d e" 0, "a c" - "d e" 0. i-2, one set refused: "a b c d" - "a c b d" 6/8.
    sets = asked(preferences("a b"), preferences("a c"), preferences("d e"))
    sets += asked(preferences("a b c d"), None, preferences("a c b d"), instruction="i-2")
    found = by_name(compare_descriptions(sets, 3, PAPER.figure4, None))
    style = found[STYLE]
    assert float(style["mean"]) == 1.25 / 4
    assert float(style["mean_of_highest"]) == (0.5 + 0.75) / 2
    assert float(style["highest"]) == 0.75
    assert [style[key] for key in ("n_expected", "n_used", "n_left_out")] == list("642")
    # The three other dimensions have one description alone: 4 pairs each with 1. (1.25 + 12) / 16.
    whole = found["All"]
    assert float(whole["mean"]) == pytest.approx(13.25 / 16, abs=1e-6)
    assert float(whole["difference"]) == pytest.approx(13.25 / 16 - 0.21, abs=1e-6)
    assert (whole["published_mean"], whole["published_max"], whole["n_used"]) == ("0.21", "0.25", "16")


def test_figure_4_of_a_collection_without_pairs_says_so_with_dashes() -> None:
    finding = compare_descriptions(asked(preferences()), 1, PAPER.figure4, None)
    assert by_name(finding)["All"]["mean"] == ""
    assert "0 of 0 pairs" in markdown_of(finding)


def test_figure_5_compares_every_message_of_the_collection_with_every_one_of_each_bench() -> None:
    messages = [Asked("i/0", Status.OK, "a b"), Asked("i/1", Status.FAILED, None), Asked("i/2", Status.OK, "c d")]
    benches = {"one": BenchMessages(["a b", "a x"], 3), "two": BenchMessages(["z"], 1)}
    finding = compare_messages(lambda: messages, benches, PAPER.figure5, None)
    rows = [dict(zip(finding.columns, row, strict=True)) for row in finding.rows]
    one = {row["measure"]: row for row in rows if row["bench"] == "one" and not row["from"]}
    # "a b": 1 and 0; "a x": 1/2 and 0. Nearest: 1 and 1/2.
    assert {name: float(row["value"]) for name, row in one.items()} == {
        "mean": 1.5 / 4,
        "mean_of_highest": 0.75,
        "highest": 1.0,
    }
    assert (one["mean"]["published"], float(one["mean"]["difference"])) == ("0.2", pytest.approx(0.175))
    assert [one["mean"][key] for key in ("n_expected", "n_used", "n_left_out")] == list("945")  # 3 x 3 rows, 2 x 2 ok
    shares = {row["from"]: float(row["value"]) for row in rows if row["bench"] == "one" and row["from"]}
    assert {edge: share for edge, share in shares.items() if share} == {"0.0": 0.5, "0.5": 0.25, "0.98": 0.25}
    assert "one: 2 of 3 instances, with 2 of 3 system messages of the Collection; left out: 1 failed" in "\n".join(
        finding.notes
    )


def texts_of(svg: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("text")]


def figures(notice: str | None) -> list[Finding]:
    messages = [Asked("i/0", Status.OK, "a b"), Asked("i/1", Status.OK, "c b")]
    return [
        compare_descriptions(asked(preferences("a b"), preferences("a c")), 2, RougeL(average=0.21, max=0.25), notice),
        compare_messages(lambda: messages, {"mine": BenchMessages(["a b c"], 1)}, RougeL(average=0.2), notice),
    ]


def test_the_pictures_say_what_they_show_and_are_the_same_bytes_each_time() -> None:
    pictures = [one.svg or "" for one in figures(None)]
    assert {FIGURE4, "Dimension", "ROUGE-L F1", "Background knowledge"} <= set(texts_of(pictures[0]))
    assert {FIGURE5, "ROUGE-L F1", "Share of pairs", "mine", "paper: mean"} <= set(texts_of(pictures[1]))
    assert [one.svg for one in figures(None)] == pictures


def test_a_rehearsal_says_so_on_every_page_and_picture_and_takes_no_difference() -> None:
    findings = [
        count_unique([Instruction("i", "x", "dsp", "alpaca")], asked(preferences()), [], PAPER.table1, NOTICE),
        count_sources([Instruction("i", "x", "dsp", "alpaca")], {"dsp": True}, PAPER.table5, NOTICE),
        rank_subdimensions(asked(preferences()), 1, PAPER.table7, NOTICE),
        *figures(NOTICE),
    ]
    for finding in findings:
        assert "> **A rehearsal &amp; nothing more.**" in markdown_of(finding)
        assert finding.svg is None or NOTICE in texts_of(finding.svg)
        place = finding.columns.index("difference") if "difference" in finding.columns else None
        assert place is None or {row[place] for row in finding.rows} == {""}


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A folder with a Collection of one instruction and a bench of one instance."""
    rubrics = tuple(Rubric(name, "c", ("1", "2", "3", "4", "5")) for name in DIMENSIONS)
    instance = BenchInstance("i-b/0", "i-b", "mf-Koala", "?", "Be brief.", preferences(), "!", rubrics)
    sets = [
        Asked(row.id, row.status, list(map(row_of, row.value or ()))) for row in asked(preferences(), preferences())
    ]
    write_jsonl(tmp_path / "instructions.jsonl", [row_of(Instruction("i-1", "Say hello", "pool"))])
    write_jsonl(tmp_path / "preferences.jsonl", map(row_of, sets))
    write_jsonl(tmp_path / "system_messages.jsonl", [row_of(Asked("i-1/0", Status.OK, "Be kind."))])
    write_jsonl(tmp_path / "multifaceted" / "bench.jsonl", [row_of(instance)])
    return tmp_path


INPUTS = {
    "table1": ["instructions", "preferences", "system_messages"],
    "table5": ["instructions"],
    "table7": ["preferences"],
    "figure4": ["preferences"],
    "figure5": ["system_messages"],
}


def command(name: str, collection: Path, out: Path) -> list[str]:
    given = [(f"--{one.replace('_', '-')}", str(collection / f"{one}.jsonl")) for one in INPUTS[name]]
    bench = [str(collection / "multifaceted" / "bench.jsonl")] if name == "figure5" else []
    recipes = ("--recipe", "recipes/janus.yaml", "--recipe", "recipes/rehearsal.yaml")
    return ["analysis", name, *bench, *(word for pair in given for word in pair), *recipes, "--out", str(out)]


def run(arguments: Sequence[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None:
        raise done.exception


@pytest.mark.parametrize("name", INPUTS)
def test_each_analysis_is_written_as_csv_and_markdown_with_a_manifest_and_figures_as_svg(
    name: str, collection: Path
) -> None:
    out = collection / "analysis" / f"{name}.csv"
    run(command(name, collection, out))
    beside = [out.with_suffix(suffix) for suffix in ([".md", ".svg"] if name.startswith("figure") else [".md"])]
    manifest = json.loads(manifest_of(out).read_text())
    assert sorted(manifest["files"]) == sorted(map(str, beside))
    assert all("REHEARSAL" in path.read_text() for path in beside)
    assert "REHEARSAL" in manifest["notes"]["rehearsal"]
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == manifest["counts"]["rows"] > 0
    assert {row["rehearsal"] for row in rows} == {"yes"}


def test_a_name_that_is_no_csv_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(JanusError, match=r"table1\.csv"):
        run(command("table1", tmp_path, tmp_path / "table1.md"))
