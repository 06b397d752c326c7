"""`janus ledger`: what was paid for can be counted, checked and taken elsewhere, and looking changes nothing."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest
from openai.types.chat import ChatCompletion
from test_cli import janus

from janus_recipes.commands.ledger import export_answers, stats, verify
from janus_recipes.errors import UsageError
from janus_recipes.files import digest_of
from janus_recipes.llm.audit import check_of
from janus_recipes.llm.chat import Reply
from janus_recipes.llm.ledger import Ledger

MODEL, OTHER = "org/teacher-1.5", "gpt-4o-mini"


def address(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three answers of one model in two segments, one of them given twice, and two of another."""
    replies = [
        Reply("fine", "stop", False, 1000, 10, at="2025-11-20T23:59:58Z"),
        Reply("cut o", "length", False, 2000, 20, at="2025-12-01T00:00:00Z"),
        Reply("no", "stop", True, 3000, 30, at="2025-11-30T00:00:00Z"),
    ]
    here = tmp_path / "ledger"
    with Ledger.open(here, MODEL) as first, Ledger.open(here, MODEL) as second:
        first.put(address(0), replies[0])
        first.put(address(1), replies[1])
        second.put(address(1), replies[1])
        second.put(address(2), replies[2])
    with Ledger.open(here, OTHER) as ledger:
        for number in (7, 8):
            ledger.put(address(number), Reply("priced", "stop", False, 500_000, 250_000, at="2025-10-01T00:00:00Z"))
    return here


def segment(folder: Path, number: int = 0) -> Path:
    return sorted((folder / "org%2Fteacher-1.5").iterdir())[number]


def ledger_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return janus("ledger", *arguments)


def test_stats_count_each_answer_once(folder: Path) -> None:
    before = digest_of(folder)
    done = ledger_command("stats", "--ledger", str(folder), "--json")
    listed, counted = json.loads(done.stdout)
    assert (counted["model"], counted["answers"], counted["segments"]) == (MODEL, 3, 2)
    assert counted["bytes"] == sum(one.stat().st_size for one in (segment(folder, 0), segment(folder, 1)))
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (6000, 60)
    assert (counted["truncated"], counted["refused"]) == (1, 1)
    assert (counted["first_day"], counted["last_day"]) == ("2025-11-20", "2025-12-01")
    assert counted["usd"] is None, "nobody knows the price of this model"
    # gpt-4o-mini lists at $0.15 and $0.60 a million: 1 million in, half a million out.
    assert (listed["model"], listed["usd"]) == (OTHER, pytest.approx(0.15 + 0.30))
    assert digest_of(folder) == before


def test_stats_are_a_table_for_people(folder: Path) -> None:
    done = ledger_command("stats", "--ledger", str(folder), "--model", MODEL)
    assert MODEL in done.stdout and "6,000" in done.stdout and OTHER not in done.stdout


def test_a_torn_last_line_and_a_duplicate_are_told_and_are_no_failure(folder: Path) -> None:
    with segment(folder, 1).open("ab") as torn:
        torn.write(b'{"custom_id":"00')
    before = digest_of(folder)
    done = ledger_command("verify", "--ledger", str(folder))
    assert done.returncode == 0, done.stderr
    assert f"{segment(folder, 1)}: torn last line of 16 bytes" in done.stdout
    assert done.stdout.endswith("3 segments, 6 rows, 1 of them duplicates, 1 torn last lines, 0 damaged rows\n")
    assert digest_of(folder) == before


DAMAGE = {
    "zeros in the middle": lambda row: row[:100] + bytes(9) + row[109:],
    "another address form": lambda row: row.replace(b"0" * 63, b"0" * 61),
    "an upper-case address": lambda row: row.replace(b"0" * 63, b"A" * 63),
    "no chat completion": lambda row: row.replace(b'"choices"', b'"chances"'),
    "not a row at all": lambda row: b"hello\n",
    "an empty line": lambda row: b"\n",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_every_kind_of_damage_is_found_and_the_rows_beside_it_are_fine(folder: Path, name: str) -> None:
    first, second = segment(folder).read_bytes().splitlines(keepends=True)
    segment(folder).write_bytes(DAMAGE[name](first) + second)
    damaged, whole = check_of(folder, MODEL)
    assert (list(damaged.damaged), damaged.rows, damaged.torn_bytes) == ([1], 1, 0)
    assert (whole.damaged, whole.rows, whole.duplicates) == ({}, 2, 1)


def test_damage_ends_with_1_and_says_where_and_what_to_do(folder: Path) -> None:
    segment(folder).write_bytes(b"hello\n" + segment(folder).read_bytes())
    done = ledger_command("verify", "--ledger", str(folder), "--model", MODEL)
    assert done.returncode == 1
    assert f"{segment(folder)}:1: damaged: " in done.stdout
    assert "1 damaged rows" in done.stderr and "backup" in done.stderr and "Traceback" not in done.stderr


def test_export_is_a_batch_s_output_that_openai_s_types_read(folder: Path, tmp_path: Path) -> None:
    with segment(folder, 1).open("ab") as torn:
        torn.write(b'{"custom_id":"00')
    before, out = digest_of(folder), tmp_path / "answers.jsonl"
    done = ledger_command("export", "--ledger", str(folder), "--model", MODEL, "--out", str(out))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["custom_id"] for row in rows] == [address(0), address(1), address(2)]
    assert {(row["error"], row["response"]["status_code"]) for row in rows} == {(None, 200)}
    completions = [ChatCompletion.model_validate(row["response"]["body"], strict=True) for row in rows]
    assert [one.choices[0].message.content for one in completions] == ["fine", "cut o", None]
    assert completions[2].choices[0].message.refusal == "no"
    assert completions[0].created == 1763683198  # date -d 2025-11-20T23:59:58Z +%s
    assert digest_of(folder) == before


def test_export_is_zipped_where_its_name_says_so_and_the_same_twice(folder: Path, tmp_path: Path) -> None:
    first, second = (tmp_path / name / "answers.jsonl.gz" for name in ("a", "b"))
    for out in (first, second):
        ledger_command("export", "--ledger", str(folder), "--out", str(out))
    assert first.read_bytes() == second.read_bytes()
    assert len(gzip.decompress(first.read_bytes()).splitlines()) == 5


@pytest.mark.parametrize("name", ["my backup", "org%2fteacher-1.5", "older/gpt-4o-mini"])
def test_a_folder_that_no_step_looks_into_is_named_and_not_silently_left_out(folder: Path, name: str) -> None:
    copy = folder / name
    copy.mkdir(parents=True)
    (copy / segment(folder).name).write_bytes(segment(folder).read_bytes())
    for command in ("stats", "verify"):
        done = ledger_command(command, "--ledger", str(folder), "--json")
        assert done.returncode == 0, done.stderr
        assert f"warning: {folder / name.split('/')[0]}: passed over: no model's answers" in done.stderr
        assert str(copy) not in done.stdout
        if command == "stats":
            assert [one["model"] for one in json.loads(done.stdout)] == [OTHER, MODEL]


def test_what_the_ledger_keeps_for_itself_and_an_empty_folder_are_not_complained_of(folder: Path) -> None:
    for name in (".spend/tiny", ".batches", "gpt-4o"):
        (folder / name).mkdir(parents=True)
    done = ledger_command("verify", "--ledger", str(folder))
    assert done.returncode == 0 and "passed over" not in done.stderr


def test_a_wrong_folder_or_model_names_what_is_there(folder: Path, tmp_path: Path) -> None:
    near = f"did you mean {OTHER}?); it has {OTHER}, {MODEL}"
    for told, look in {
        "no such folder": lambda: stats(tmp_path / "nowhere"),
        f"Give the folder above, {folder}": lambda: stats(segment(folder).parent),
        "no answers here": lambda: verify(tmp_path),
        near: lambda: stats(folder, "gpt-4o-mimi"),
        "must end in .jsonl": lambda: export_answers(tmp_path / "answers.json", folder),
        "lies in the ledger": lambda: export_answers(folder / "x.jsonl", folder),
    }.items():
        with pytest.raises(UsageError, match=re.escape(told)):
            look()
    assert ledger_command("stats", "--ledger", str(tmp_path)).returncode == 2
