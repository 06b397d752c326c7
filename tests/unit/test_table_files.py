"""A table says who judged and when, from the files that the judge's step wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.records import row_of
from janus_recipes.reporting.make import files_beside, judged_answers, make_table
from janus_recipes.reporting.render import html_of, markdown_of
from janus_recipes.reporting.table import build_table
from tests.tables import BENCH, BOTH, JUDGE, PUBLISHED, recipe


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
