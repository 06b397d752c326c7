"""Records of any pool: every format and every dirt is read or told apart, by number and reason."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest

from janus_recipes.collection.reading import BadRecord, read_records
from janus_recipes.collection.sources import Aside, SourceReport, fetched_note, read_source
from janus_recipes.datasets.pairs_of_pools import PoolReport, read_pool
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.collection import Located, Source
from janus_recipes.recipe.dataset import PreferencePool
from janus_recipes.records import Instruction, row_of

ROWS = [{"text": "one\u2028line", "n": 1}, {"text": "语言", "n": 2}]


def read(path: Path | None, report: SourceReport | None = None, **changes: Any) -> list[Instruction]:
    source = Source(**{"path": path and str(path), "field": "text", **changes})
    return list(read_source("mine", source, report or SourceReport()))


def texts(path: Path | None, **changes: Any) -> list[str]:
    return [one.text for one in read(path, **changes)]


def records(path: Path) -> list[tuple[int, Any]]:
    """Numbers and values; of a bad record its reason."""
    found = read_records("mine", Located(path=str(path)))
    return [(one.number, str(one.value) if isinstance(one.value, BadRecord) else one.value) for one in found]


def written(folder: Path, name: str) -> Path:
    """ROWS in the format that the name says."""
    path = folder / name
    kind = name.removesuffix(".gz").rpartition(".")[2]
    if kind == "json":
        path.write_text(json.dumps(ROWS))
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in ROWS))
    elif kind == "csv":
        path.write_text(polars.DataFrame(ROWS).write_csv())
    else:
        polars.DataFrame(ROWS).write_parquet(path)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "parquet"])
def test_the_same_records_come_from_every_format_gzipped_or_not(tmp_path: Path, kind: str, zipped: str) -> None:
    assert texts(written(tmp_path, f"pool.{kind}{zipped}")) == ["one\u2028line", "语言"]


def test_a_star_names_several_files_and_each_record_says_which(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl.gz", "other.csv"):
        written(tmp_path, name)
    found = list(read_records("mine", Located(path=f"{tmp_path}/*.jsonl*")))
    assert [(Path(one.file).name, one.number) for one in found] == [
        *(("a.jsonl.gz", 1), ("a.jsonl.gz", 2)),
        *(("b.jsonl", 1), ("b.jsonl", 2)),
    ]


def test_a_bare_string_is_an_instruction(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('"a bare string"\n')
    assert texts(path, field="") == ["a bare string"]


def test_lines_of_json_are_read_from_a_file_that_is_called_json(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert texts(path) == ["a", "b"]


def test_lines_that_are_not_json_are_told_by_number_and_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl.gz"
    lines = [json.dumps({"text": f"q{number}"}) for number in range(97)] + ['{"text": broken', "", '{"txt": "x"}', "[]"]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    report, aside = SourceReport(), Aside()
    source = Source(path=str(path), field="text", max_bad_share=0.04)
    assert len(list(read_source("mine", source, report, aside))) == 97
    # 97 good lines, an empty one that is no record, and three bad ones, the lines 98, 100 and 101.
    assert (report.records, report.bad) == (100, 3)
    assert [(row["record"], row["reason"], row["shown"]) for row in aside.rows] == [
        (98, "not JSON: Expecting value (character 10)", '{"text": broken'),
        (100, "there is no `text`", '{"txt": "x"}'),
        (101, "there is no `text`", "[]"),
    ]
    assert {(row["source"], row["file"]) for row in aside.rows} == {("mine", str(path))}
    assert report.examples[0].startswith(f"{path}:98: not JSON")


def test_too_many_bad_records_stop_the_step_and_say_why(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "fine"}\n{"txt": "wrong field"}\n')
    with pytest.raises(StepError, match=r"1 of 2 records.*there is no `text`"):
        read(path)


def test_what_people_write_beside_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    half = rb'{"text": "bad \ud83d half", "from": "\udc00"}'
    path.write_bytes(b"\xef\xbb\xbf" + b'{"text": "marked"}\n{"text": "caf\xe9", "from": NaN}\n' + half + b"\n")
    found = read(path)
    assert [one.text for one in found] == ["marked", "caf\ufffd", "bad \ufffd half"]
    write_jsonl(tmp_path / "out.jsonl", map(row_of, found))


def test_a_csv_with_stray_quotes_and_short_rows_loses_those_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    lines = ["text,n", "fine,1", '"say "hi" now",2', "short", '"two', 'lines",3', "last,4", '"never closed,5', "lost,6"]
    path.write_text("\r\n".join(lines))
    found = records(path)
    # Lines 2, 5 (to 6) and 7 are whole; 3 has quotes inside quotes, 4 lacks a field, 8 opens a quote that swallows 9.
    assert [(number, one["text"]) for number, one in found if isinstance(one, dict)] == [
        *((2, "fine"), (5, "two\r\nlines"), (7, "last")),
    ]
    bad = {number: one for number, one in found if isinstance(one, str)}
    assert bad[4] == "1 fields, the first line names 2"
    assert set(bad) == {3, 4, 8, 9}
    assert "line 8 to 9" in bad[9]


@pytest.mark.parametrize("name", ["pool.csv", "pool.csv.gz"])
def test_a_csv_saved_by_a_spreadsheet_has_its_first_column(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = "text,other\nhow?,1\n".encode("utf-8-sig")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert texts(path) == ["how?"]


def test_a_prompt_of_200_000_characters_is_an_instruction_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text('text\n"' + "x" * 200_000 + '"\n')
    assert len(read(path)[0].text) == 200_000


def test_a_pattern_takes_the_instruction_out_of_its_wrapping(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text(json.dumps({"text": "[Query]: how?\nthen?\n***\n[Response]: so"}) + "\n")
    assert texts(path, pattern=r"\[Query\]: (.*?)\n\*\*\*\n\[Response\]") == ["how?\nthen?"]


def test_a_pattern_that_takes_nothing_out_makes_a_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "Human: "}\n')
    report = SourceReport()
    assert read(path, report, pattern="Human:(.*)", max_bad_share=1.0) == []
    assert report.bad == 1


def test_input_text_stands_below_its_instruction_and_where_chooses_records(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    rows = [{"text": "Translate", "input": "bonjour", "kind": "a"}, {"text": "Sum", "input": "", "kind": "b"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert texts(path, input_field="input") == ["Translate\n\nbonjour", "Sum"]
    assert texts(path, where={"kind": "b"}) == ["Sum"]


def test_a_missing_or_empty_origin_input_or_wanted_key_is_no_dirt(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    rows = [
        {"text": "a", "from": ["web"], "kind": "x"},
        {"text": "b", "from": [], "input": None, "kind": "x"},
        {"text": "c", "from": [None], "kind": "x"},
        {"text": "d", "from": ["books"]},
        {"from": ["web"], "kind": "x"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = SourceReport()
    more = {"origin_field": "from.0", "input_field": "input", "where": {"kind": "x"}, "max_bad_share": 0.2}
    found = [(one.text, one.origin) for one in read(path, report, **more)]
    assert found == [("a", "web"), ("b", ""), ("c", "")]
    assert (report.records, report.unwanted, report.bad) == (5, 1, 1)  # d is of another kind, the last has no text


def test_an_input_or_origin_that_no_record_has_is_a_misspelt_one(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "a", "input": "b", "from": null}\n{"text": "c"}\n')
    with pytest.raises(StepError, match="source mine: no record has `imput`: look at its input_field"):
        read(path, SourceReport(), input_field="imput", origin_field="from")
    read(path, SourceReport(), input_field="input", origin_field="from")


def test_a_record_without_the_wanted_key_is_none_of_those_that_say_none(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "a", "kind": "None"}\n{"text": "b"}\n')
    assert [one.text for one in read(path, SourceReport(), where={"kind": "None"})] == ["a"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_a_table_lacks_is_named_with_those_there_are(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, f"pool.{kind}")
    with pytest.raises(
        StepError, match=rf"source mine: {path}: there is no column `txt` \(did you mean text\?\).*text, n"
    ):
        read(path, field="txt")
    with pytest.raises(StepError, match="there is no column `sauce`; there are: text, n"):
        read(path, origin_field="sauce.0")


def test_a_column_that_a_pool_of_preference_pairs_lacks_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    polars.DataFrame({"prompt": ["p"], "chosen": ["a"], "rejected": ["b"]}).write_parquet(path)
    pool = PreferencePool(path=str(path), share=1.0, prompt="prompt", answers=["chosen", "reject"])
    with pytest.raises(StepError, match=r"source mine: .*no column `reject` \(did you mean rejected\?\)"):
        list(read_pool("mine", pool, 1, PoolReport(), Aside()))


def test_a_record_nested_more_deeply_than_python_goes_is_shown_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "fine"}\n' + "[" * 1000 + "]" * 1000 + "\n" + '{"x":' * 1000 + "1" + "}" * 1000 + "\n")
    aside = Aside()
    source = Source(path=str(path), field="text", max_bad_share=1.0)
    assert [one.text for one in read_source("mine", source, SourceReport(), aside)] == ["fine"]
    assert [(row["record"], row["shown"][:6]) for row in aside.rows] == [(2, "[[[[[["), (3, "{'x': ")]


def test_a_missing_pool_is_named_with_the_key_that_says_where_it_lies(tmp_path: Path) -> None:
    for name in ("nowhere.jsonl", "no*.jsonl"):
        with pytest.raises(StepError, match=r"no such file; `path` of mine"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pool.txt", b"how?", "must end in one of json, jsonl, csv, parquet"),
        ("pool.json", b'{"data": []}', "a list of records was expected"),
        ("pool.json", b'[{"text": "a"},', "not JSON"),
        ("pool.parquet", b"PAR2", "not a parquet file"),
        ("pool.csv", b'"text" and,n\nhow?,1\n', "its first row, which names the columns, is not CSV"),
        ("pool.csv", b"text,n\rhow?,1\r", "lines end in LF or CRLF"),
        # without the time of packing: it would be in the test's name, and differ between the workers that collect it
        ("pool.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 9999, mtime=0)[:40], "not a whole gzip file"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_stops_the_step_by_name(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StepError, match=said) as told:
        read(tmp_path / name)
    assert name in str(told.value)


@pytest.fixture
def on_the_web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a folder with a dirty file in it, served by this machine; nothing is cached elsewhere."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", str(tmp_path / "cache/downloads"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "pool.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\nbroken\n{"text": "b", "n": [1]}\n'))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_of_the_web_is_fetched_once_and_its_dirt_counted(on_the_web: str, tmp_path: Path) -> None:
    where: dict[str, Any] = {"url": f"{on_the_web}/pool.jsonl.gz?raw=true", "max_bad_share": 0.5}
    report = SourceReport()
    assert [one.text for one in read(None, report, **where)] == ["a", "b"]
    assert (report.records, report.bad) == (3, 1)
    digest = hashlib.sha256((tmp_path / "pool.jsonl.gz").read_bytes()).hexdigest()
    (tmp_path / "pool.jsonl.gz").unlink()
    pools = {"mine": Source(field="text", **where), "local": Source(field="text", path="x.csv")}
    assert fetched_note(pools) == {"fetched": {"mine": {"url": where["url"], "sha256": digest}}}
    assert [one.text for one in read(None, **where)] == ["a", "b"]
    with pytest.raises(StepError, match="could not be fetched"):
        read(None, url=f"{on_the_web}/nothing.jsonl")


def test_a_data_set_is_read_by_its_fields_through_the_datasets_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "mine").mkdir()
    rows = [{"turns": [{"content": f"q{n}"}], "source": [f"s{n}"], "answer": "long"} for n in range(3)]
    (tmp_path / "mine/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    where = {"dataset": str(tmp_path / "mine"), "revision": "main"}
    found = read(None, field="turns.0.content", origin_field="source.0", **where)
    assert [(one.text, one.origin) for one in found] == [("q0", "s0"), ("q1", "s1"), ("q2", "s2")]
    with pytest.raises(StepError, match=r"source mine: .*mine@main: .*`turn` \(did you mean turns\?\)"):
        read(None, field="turn.0", **where)
    with pytest.raises(StepError, match="could not be loaded"):
        read(None, **{**where, "dataset": str(tmp_path / "nothing")})
