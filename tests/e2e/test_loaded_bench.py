"""A bench that somebody published, less what people found bad, in place of one made anew: a table of the rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from janus_recipes.files import read_jsonl, write_jsonl
from tests.e2e.workshop import Workshop, read_csv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MODEL = "gpt-6.1-terra"
TABLE = "results/loaded/tables/table2.csv"
OVERLAY = """
name: loaded
ledger: results/loaded/ledger
benchmarks:
  multifaceted:
    published:
      path: published.jsonl
      licence: Apache-2.0
      instances: {count}
      columns: {{self-instruct: mf-Self-Instruct, koala: mf-Koala, mt-bench: mf-MT-Bench, alpacaeval: mf-AlpacaEval}}
      other_column: mf-FLASK
    excluded: excluded.jsonl
tables: {{table2: {{models: [gpt-6.1-terra]}}}}
"""


def as_published(instance: dict[str, Any]) -> dict[str, Any]:
    """An instance of ours in the form of the authors' release."""
    rubrics = [
        {"criteria": one["criteria"], "score_descriptions": {str(n): text for n, text in enumerate(one["scores"], 1)}}
        for one in instance["rubrics"]
    ]
    return {
        "source": instance["benchmark"].removeprefix("mf-").lower(),
        "preference_set": instance["preferences"],
        "system": instance["system_message"],
        "prompt": instance["instruction"],
        "reference_answer": instance["reference_answer"],
        "rubrics": rubrics,
    }


def is_score(row: dict[str, str]) -> bool:
    return row["metric"] == "rubric_score"


def test_a_published_bench_without_what_people_excluded_makes_a_table_of_the_rest(copy: Workshop) -> None:
    made = list(read_jsonl(copy.folder / "results/rehearsal/bench/multifaceted/bench.jsonl"))
    bad = [one for one in made if one["instruction_id"] == made[0]["instruction_id"]]
    write_jsonl(copy.folder / "published.jsonl", [as_published(one) for one in made])
    write_jsonl(copy.folder / "excluded.jsonl", [{"id": one["id"], "reason": "bad reference"} for one in bad])
    overlays = (copy.write("loaded.yaml", OVERLAY.format(count=len(made))),)

    printed = copy.run(TABLE, overlays=overlays)
    assert "load_published_bench" in printed and "write_rubrics" not in printed, "nothing is asked for a bench"

    rows = {row["benchmark"]: row for row in read_csv(copy.folder / TABLE) if row["model"] == MODEL and is_score(row)}
    rest = Counter(one["benchmark"] for one in made if one not in bad)
    assert len(rest) == 5 and rest.total() == len(made) - len(bad)
    expected = {**rest, "Average": rest.total()}
    assert {column: int(row["n_expected"]) for column, row in rows.items()} == expected
    assert {column: int(row["n_used"]) for column, row in rows.items()} == expected
    assert float(rows["Average"]["value"]) > 4.8
