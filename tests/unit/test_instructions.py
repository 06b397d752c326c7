"""Pools of instructions: dirty input is counted and survived, and the draw does not depend on the files' order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.collection.instructions import sample_instructions
from janus_recipes.collection.sources import SourceReport, read_source
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.schema import InstructionSampling, Source
from janus_recipes.records import Instruction, instruction_id, row_of


def pool(name: str, *texts: str) -> list[Instruction]:
    return [Instruction(instruction_id(text), text, name) for text in texts]


def sampling(**changes: Any) -> InstructionSampling:
    return InstructionSampling(**{"per_source": 2, "before_filter": 4, "exclude_pattern": None, **changes})


def read(path: Path, report: SourceReport | None = None, **changes: Any) -> list[Instruction]:
    source = Source(**{"path": str(path), "field": "text", **changes})
    return list(read_source("mine", source, report or SourceReport()))


def test_the_same_instructions_are_drawn_whatever_the_order_of_the_file() -> None:
    texts = [f"question {number}" for number in range(50)]
    forwards = sample_instructions({"a": pool("a", *texts)}, sampling(), seed=1)
    backwards = sample_instructions({"a": pool("a", *reversed(texts))}, sampling(), seed=1)
    assert forwards.instructions == backwards.instructions
    assert sample_instructions({"a": pool("a", *texts)}, sampling(), seed=2).instructions != forwards.instructions


def test_the_funnel_counts_each_step_as_the_paper_orders_them() -> None:
    pools = {"a": pool("a", "1", "2", "2", "3"), "b": pool("b", "3", "4", "you are a cook: 5", "6", "7")}
    # a: 3 unique; b: 3 is a's already, so 4 unique. Two of each are sampled; b tops up with min(4 - 2, 6 - 4) = 2 more.
    spec = sampling(top_up_from="b", before_filter=6, exclude_pattern=r"\byou are\b")
    sampled = sample_instructions(pools, spec, seed=1)
    assert sampled.funnel == {"unique": 7, "sampled": 4, "before_filter": 6, "kept": 5}
    assert not any("you are" in one.text for one in sampled.instructions)


def test_an_instruction_in_two_pools_stays_in_the_first_that_the_recipe_lists() -> None:
    sampled = sample_instructions({"b": pool("b", "same"), "a": pool("a", "same", "x")}, sampling(), seed=1)
    assert {one.text: one.source for one in sampled.instructions} == {"same": "b", "x": "a"}


def test_nothing_left_is_an_error_with_the_funnel() -> None:
    with pytest.raises(StepError, match="no instruction is left"):
        sample_instructions({"a": pool("a", "you are")}, sampling(exclude_pattern="you are"), seed=1)


def test_u2028_and_crlf_inside_json_lines_do_not_split_a_record(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_bytes('{"text": "one\u2028line"}\r\n\r\n{"text": "语言"}\r\n'.encode())
    assert [one.text for one in read(path)] == ["one\u2028line", "语言"]


def test_bad_lines_are_counted_with_number_and_reason_and_do_not_stop_the_step(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl.gz"
    lines = [json.dumps({"text": f"q{number}"}) for number in range(99)] + ['{"text": broken']
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    report = SourceReport()
    assert len(read(path, report)) == 99
    assert (report.records, report.bad) == (100, 1)
    assert report.examples[0].startswith("record 100: not JSON")


def test_too_many_bad_records_stop_the_step_and_say_why(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "fine"}\n{"txt": "wrong field"}\n')
    with pytest.raises(StepError, match=r"1 of 2 records.*there is no `text`"):
        read(path)


def test_a_pool_is_read_from_json_and_csv_and_bare_strings(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"text": "from json"}]))
    (tmp_path / "b.csv").write_text('text,other\n"from, csv",1\n')
    (tmp_path / "c.jsonl").write_text('"a bare string"\n')
    assert [one.text for one in read(tmp_path / "a.json")] == ["from json"]
    assert [one.text for one in read(tmp_path / "b.csv")] == ["from, csv"]
    assert [one.text for one in read(tmp_path / "c.jsonl", field="")] == ["a bare string"]


def test_half_a_pair_of_surrogates_does_not_stop_the_step_that_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "bad \\ud83d half", "from": "\\udc00"}\n')
    found = read(path, origin_field="from")
    assert [(one.text, one.origin) for one in found] == [("bad \ufffd half", "\ufffd")]
    write_jsonl(tmp_path / "out.jsonl", map(row_of, found))


@pytest.mark.parametrize("name", ["pool.csv", "pool.csv.gz"])
def test_a_csv_saved_by_a_spreadsheet_has_its_first_column(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = "text,other\nhow?,1\n".encode("utf-8-sig")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert [one.text for one in read(path)] == ["how?"]


def test_a_pattern_takes_the_instruction_out_of_its_wrapping(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text(json.dumps({"text": "[Query]: how?\nthen?\n***\n[Response]: so"}) + "\n")
    found = read(path, pattern=r"\[Query\]: (.*?)\n\*\*\*\n\[Response\]")
    assert [one.text for one in found] == ["how?\nthen?"]


def test_input_text_stands_below_its_instruction_and_where_chooses_records(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    rows = [{"text": "Translate", "input": "bonjour", "kind": "a"}, {"text": "Sum", "input": "", "kind": "b"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [one.text for one in read(path, input_field="input")] == ["Translate\n\nbonjour", "Sum"]
    assert [one.text for one in read(path, where={"kind": "b"})] == ["Sum"]


def test_a_very_long_prompt_is_an_instruction_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text('text\n"' + "x" * 200_000 + '"\n')
    assert len(read(path)[0].text) == 200_000


def test_a_missing_pool_is_named_with_the_key_that_says_where_it_lies(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"no such file.*collection.sources.mine.path"):
        read(tmp_path / "nowhere.jsonl")
