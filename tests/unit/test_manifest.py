"""Manifests: written last, with everything that made the artefact, and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import digest_of, write_jsonl, written_whole
from janus_recipes.manifest import making, manifest_of


def test_a_manifest_names_inputs_section_versions_and_counts(tmp_path: Path) -> None:
    out, source = tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    source.write_text("{}\n")
    with making(out, recipe="mine", section={"knob": 3}, inputs={"rows": source}) as made:
        write_jsonl(out, [{"a": 1}])
        made.counts = {"rows": 1}
    found = json.loads(manifest_of(out).read_text())
    assert found["sha256"] == digest_of(out)
    assert found["inputs"]["rows"]["sha256"] == digest_of(source)
    assert found["section"] == {"knob": 3} and found["counts"] == {"rows": 1}
    assert found["versions"]["snakemake"] and found["started"]
    # What texts, comparisons and pictures depend on: default system messages, ROUGE-L, near duplicates, figures.
    assert {"fschat", "rouge-score", "rapidfuzz", "polars", "altair", "vl-convert-python"} <= set(found["versions"])


def test_one_manifest_vouches_for_all_files_that_a_step_made(tmp_path: Path) -> None:
    page, figures = tmp_path / "table.html", tmp_path / "table.csv"
    with making(page, recipe="mine", section={}, inputs={}, also=[figures]):
        page.write_text("<p>4.17</p>")
        figures.write_text("4.17\n")
    found = json.loads(manifest_of(page).read_text())
    assert found["sha256"] == digest_of(page)
    assert found["files"] == {str(figures): digest_of(figures)}


def test_a_file_that_the_step_did_not_make_leaves_no_manifest(tmp_path: Path) -> None:
    page, figures = tmp_path / "table.html", tmp_path / "table.csv"
    with (
        pytest.raises(StepError, match=r"table\.csv: No such file"),
        making(page, recipe="mine", section={}, inputs={}, also=[figures]),
    ):
        page.write_text("<p>4.17</p>")
    assert not manifest_of(page).exists()


def test_a_failed_step_leaves_neither_artefact_nor_manifest(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def rows() -> object:
        yield {"a": 1}
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"), making(out, recipe="mine", section={}, inputs={}):
        write_jsonl(out, rows())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_message_and_nothing_half_written(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(StepError, match="No space left on device"),
        making(tmp_path / "out", recipe="mine", section={}, inputs={}),
        full.open("w") as out,
    ):
        out.write("x" * 10_000)
    assert list(tmp_path.iterdir()) == []


def test_secrets_do_not_reach_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "hunter2-hunter2")
    out = tmp_path / "out.jsonl"
    with making(out, recipe="mine", section={"note": "Bearer sk-abcdefghijklmnop1234"}, inputs={}) as made:
        write_jsonl(out, [])
        made.notes = {"nested": ["the key is hunter2-hunter2"]}
    text = manifest_of(out).read_text()
    assert "hunter2" not in text and "abcdefghijklmnop" not in text


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    with pytest.raises(RuntimeError), written_whole(out) as half:
        half.write("new, but")
        raise RuntimeError
    assert out.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]
