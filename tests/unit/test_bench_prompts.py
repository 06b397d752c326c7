"""`janus bench prompts`: dirt in the benchmarks' files is kept, and the manifest says all that decided the choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.commands.bench import prompts
from janus_recipes.errors import StepError
from janus_recipes.files import digest_of
from janus_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The rehearsal's bench with one benchmark, of two prompts and two broken lines."""
    monkeypatch.chdir(tmp_path)
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "koala.jsonl").write_text('{"q": "one"}\n{broken\n{"q": "two"}\n{"q": 3}\n')
    (tmp_path / "instructions.jsonl").write_text("")
    koala = {"path": "koala.jsonl", "field": "q", "where": None, "quota": 2, "max_bad_share": 0.5}
    others = dict.fromkeys(("self-instruct", "mt-bench", "flask", "alpaca-eval"))
    overlay = {"benchmarks": {"multifaceted": {"sources": {**others, "koala": koala}}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(overlay))
    return [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), Path("mine.yaml")]


def rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_records_that_cannot_be_used_are_kept_beside_the_prompts(recipe: list[Path]) -> None:
    prompts("multifaceted", recipe, Path("instructions.jsonl"), Path("results/x/prompts.jsonl"))
    assert sorted(row["text"] for row in rows("results/x/prompts.jsonl")) == ["one", "two"]
    assert [(row["source"], row["record"]) for row in rows("results/x/prompts.bad.jsonl")] == [
        ("koala", 2),
        ("koala", 4),
    ]
    manifest = json.loads(Path("results/x/prompts.jsonl.manifest.json").read_text())
    assert manifest["files"] == {"results/x/prompts.bad.jsonl": digest_of(Path("results/x/prompts.bad.jsonl"))}
    spec = load_recipe(recipe)
    koala = spec.benchmarks["multifaceted"].sources["koala"].model_dump(mode="json")
    assert manifest["section"] == {"seed": spec.seed, "sources": {"koala": koala}}


def test_a_choice_that_fails_names_the_file_with_what_could_not_be_used(recipe: list[Path], tmp_path: Path) -> None:
    (tmp_path / "koala.jsonl").write_text('{"q": "one"}\n{broken\n')
    with pytest.raises(StepError, match=r"koala has 1 .* quota is 2\. All 1 records .*: work/x/prompts/bad\.jsonl"):
        prompts("multifaceted", recipe, Path("instructions.jsonl"), Path("results/x/prompts.jsonl"))
    assert [row["record"] for row in rows("work/x/prompts/bad.jsonl")] == [2]
    assert not Path("results").exists()
