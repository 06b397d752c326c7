"""What the registry of models keeps from being asked, and what a registry of one's own may say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.registry import read_registry, retirement_warnings

JANUS = Path("recipes/janus.yaml")
PAPER_2024 = Path("recipes/ablations/paper-2024.yaml")


def test_a_batch_is_not_sent_to_a_retired_model_either(tmp_path: Path) -> None:
    instructions, mine = tmp_path / "instructions.jsonl", tmp_path / "mine.yaml"
    instructions.write_text(json.dumps({"id": "i-1", "text": "Why?", "source": "pool", "origin": ""}) + "\n")
    mine.write_text(f"ledger: {tmp_path / 'ledger'}\nproviders: {{teacher: {{kind: openai-batch}}}}\n")
    recipe = [part for file in (JANUS, PAPER_2024, mine) for part in ("--recipe", str(file))]
    files = ["--instructions", str(instructions), "--out", str(tmp_path / "out.jsonl")]
    done = subprocess.run(
        [Path(sys.executable).with_name("janus"), "collect", "preferences", *recipe, *files],
        env={**os.environ, "OPENAI_API_KEY": "sk-planted-0123456789", "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert "gpt-4-0125-preview was shut down by OpenAI on 2026-03-26: nothing was asked." in said
    assert "gpt-6.1-terra" in said
    assert not (tmp_path / "out.jsonl").exists()


def test_the_proprietary_models_of_the_papers_tables_are_known_as_retired() -> None:
    # GPT-3.5-Turbo-0125, GPT-4-0613 and GPT-4-Turbo-0125 (paper, Table 2), by the names that one asks them by.
    registry = read_registry()
    for name in ("gpt-3.5-turbo-0125", "gpt-4-0613", "gpt-4-0125-preview"):
        retired = registry[name].retired
        assert retired is not None and retired < date(2026, 11, 1)


def test_a_registry_of_ones_own_warns_and_checks_in_place_of_ours(tmp_path: Path) -> None:
    known, mine = tmp_path / "known.yaml", tmp_path / "mine.yaml"
    known.write_text(
        "house-model: {provider: us, retired: 2026-12-01, takes: {structured_output: false}}\n"
        "gpt-6.1-terra: {provider: OpenAI, retired: null}\n"
    )
    mine.write_text(f"known_models: {known}\nproviders: {{judge: {{model: house-model, reasoning_effort: odd}}}}\n")
    (warning,) = retirement_warnings(load_recipe([JANUS, mine]), date(2026, 11, 22))
    # From 22 November to 1 December: 8 + 1 = 9 days. No alternative is known, so none is named.
    assert warning == "providers.judge.model: house-model is shut down on 2026-12-01, in 9 days."
    mine.write_text(mine.read_text().replace("odd}", "odd, structured_output: true}"))
    with pytest.raises(RecipeError, match="house-model takes no JSON schema"):
        load_recipe([JANUS, mine])


def test_a_misspelt_word_in_a_registry_is_told_with_its_place(tmp_path: Path) -> None:
    known, mine = tmp_path / "known.yaml", tmp_path / "mine.yaml"
    known.write_text("m: {provider: us, retired: null, takes: {samplings: never, sampling: sometimes}}\n")
    mine.write_text(f"known_models: {known}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe([JANUS, mine])
    told = "\n".join(caught.value.problems)
    assert "m.takes.samplings" in told and "m.takes.sampling: Input should be 'always'" in told
