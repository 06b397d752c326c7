"""Which requests a model gets under which condition, and that rows on disk are not sampled again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import StepError
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.generation.engine import append_rows, finished_ids
from janus_recipes.generation.run import counts_of, generation_requests, prepare_work, rows_in_order
from janus_recipes.recipe.schema import Generation, GenerationSampling
from janus_recipes.records import BenchInstance

SPEC = Generation(sampling=GenerationSampling(max_tokens=8), max_model_len=16)


def instance(name: str = "i-1/0", system: str = "Be brief.") -> BenchInstance:
    return BenchInstance(name, "i-1", "mf-Koala", "Why is the sky blue?", system, (), "", ())


def work_of(work: Path, **changed: Any) -> None:
    settings: dict[str, Any] = {"spec": SPEC, "model": "hub/model", "revision": None, "chat_template": "t", "seed": 1}
    prepare_work([{"id": "a"}, {"id": "b"}], work=work, **settings | changed)


@pytest.mark.parametrize(
    ("condition", "system"), [("none", None), ("default", "You are helpful."), ("multifaceted", "Be brief.")]
)
def test_the_condition_decides_the_system_message(condition: Any, system: str | None) -> None:
    (request,) = generation_requests([instance()], condition, "You are helpful.", 42)
    before = [{"role": "system", "content": system}] if system else []
    assert request["messages"] == [*before, {"role": "user", "content": "Why is the sky blue?"}]


def test_every_instance_has_a_seed_of_its_own_that_does_not_depend_on_the_others() -> None:
    alone = list(generation_requests([instance("i-2/0")], "none", "", 42))
    both = list(generation_requests([instance("i-1/0"), instance("i-2/0")], "none", "", 42))
    assert both[1] == alone[0]
    assert both[0]["seed"] != both[1]["seed"]


def test_a_row_torn_by_a_kill_is_asked_again_and_the_whole_ones_are_not(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    append_rows(rows, [{"id": "a", "value": "line\u2028separator"}, {"id": "b"}])
    whole = rows.read_bytes()
    rows.write_bytes(whole + b'{"id": "c", "val')
    assert finished_ids(rows) == {"a", "b"}
    assert rows.read_bytes() == whole
    append_rows(rows, [{"id": "c"}])
    assert [row["id"] for row in read_jsonl(rows)] == ["a", "b", "c"]


def test_rows_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    work_of(tmp_path)
    write_jsonl(tmp_path / "rows.jsonl", [{"id": "b"}, {"id": "a"}])
    assert [row["id"] for row in rows_in_order(tmp_path)] == ["a", "b"]


def test_a_missing_row_is_named_and_not_passed_over(tmp_path: Path) -> None:
    work_of(tmp_path)
    write_jsonl(tmp_path / "rows.jsonl", [{"id": "b"}])
    with pytest.raises(StepError, match="1 of 2 answers, a first"):
        rows_in_order(tmp_path)


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, True),
        ({"spec": SPEC.model_copy(update={"chunk": 1})}, True),
        ({"revision": "abc"}, False),
        ({"seed": 2}, False),
    ],
)
def test_rows_are_continued_unless_something_that_decides_them_changed(
    tmp_path: Path, changed: dict[str, Any], kept: bool
) -> None:
    work_of(tmp_path)
    write_jsonl(tmp_path / "rows.jsonl", [{"id": "a"}])
    work_of(tmp_path, **changed)
    assert (tmp_path / "rows.jsonl").exists() is kept


def test_answers_cut_at_the_limit_stay_ok_and_are_counted() -> None:
    rows: list[Json] = [
        {"status": "ok", "reason": "", "prompt_tokens": 5, "answer_tokens": 3},
        {"status": "ok", "reason": "cut at 8 tokens", "prompt_tokens": 5, "answer_tokens": 8},
        {"status": "failed", "reason": "the prompt has 20 tokens", "prompt_tokens": 20, "answer_tokens": 0},
    ]
    counts = counts_of(rows)
    assert (counts.by_status, counts.cut) == ({"ok": 2, "failed": 1}, 1)
    assert (counts.prompt_tokens, counts.answer_tokens) == (30, 11)
