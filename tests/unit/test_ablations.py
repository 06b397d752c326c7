"""Every overlay under recipes/ablations is a recipe, at full size and in the rehearsal, and says how it is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import BaseModelSpec, Recipe

ROOT = Path(__file__).parents[2]
JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")
OVERLAYS = sorted(file.relative_to(ROOT) for file in (ROOT / "recipes" / "ablations").glob("*.yaml"))

BASES = {"llama-2-7b": 4096, "llama-2-13b": 4096, "llama-3-8b": 8192, "qwen3-8b": 32768}
"""The base models of the overlays base-*.yaml, with the tokens that they read: `max_position_embeddings`."""

FITTED = {"mistral-7b-v0.2": 16384, "llama-2-7b": 4096, "llama-2-70b-chat": 4096, "llama-3-70b": 8192}
"""Tokens that generation gives a base: the recipe's 16,384, or what it reads where that is less."""


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=str)
def test_an_overlay_opens_with_a_command_that_names_it(overlay: Path) -> None:
    text = overlay.read_text(encoding="utf-8")
    opening = text[: re.search(r"^[^#]", text, re.MULTILINE).start()]  # type: ignore[union-attr]
    commands = re.findall(r"^#   ((?:snakemake|janus) .*)$", opening, re.MULTILINE)
    assert any(f"recipes/janus.yaml {overlay}" in command for command in commands)


@pytest.mark.parametrize("before", [[JANUS], [JANUS, REHEARSAL]], ids=["full size", "rehearsed"])
@pytest.mark.parametrize("overlay", OVERLAYS, ids=str)
def test_an_overlay_is_a_recipe(overlay: Path, before: list[Path]) -> None:
    recipe, without = load_recipe([*before, overlay]), load_recipe(before)
    assert recipe != without, "it changes nothing"
    assert (recipe.rehearsal is None) == (without.rehearsal is None), "it takes a rehearsal for the paper"


def test_all_overlays_of_base_models_can_be_laid_over_each_other() -> None:
    recipe = load_recipe([JANUS, *(overlay_of(base) for base in BASES)])
    assert {f"base-{base}" for base in BASES} <= set(recipe.tables)
    assert {base: trained_base(recipe, base).context for base in BASES} == BASES


@pytest.mark.parametrize("base", BASES)
def test_another_base_changes_nothing_about_the_data_or_the_learning(base: str) -> None:
    recipe = load_recipe([JANUS, overlay_of(base)])
    assert_learns_alike(recipe, "janus-7b", f"janus-{base}")
    # A step learns from as many tokens: 32 packed sequences of 8192, or 64 of 4096.
    train = recipe.models[f"janus-{base}"].train
    assert train is not None and train.batch_size * train.sequence_len == 32 * 8192


def assert_learns_alike(recipe: Recipe, one: str, other: str) -> None:
    same = ("dataset", "epochs", "learning_rate", "lr_scheduler", "warmup_steps", "weight_decay", "optimizer", "gpus")
    trainings = [recipe.models[name].train for name in (one, other)]
    assert len({tuple(getattr(train, key) for key in same) for train in trainings}) == 1


def test_generation_stays_within_what_a_base_reads() -> None:
    recipe = load_recipe([JANUS, overlay_of("llama-2-7b")])
    limits = {name: recipe.base_models[name].fitted(recipe.generation).max_model_len for name in FITTED}
    assert limits == FITTED


def test_a_training_on_longer_rows_than_the_base_reads_is_refused(tmp_path: Path) -> None:
    longer = tmp_path / "longer.yaml"
    longer.write_text("models: {janus-llama-2-7b: {train: {sequence_len: 8192}}}")
    with pytest.raises(RecipeError) as error:
        load_recipe([JANUS, overlay_of("llama-2-7b"), longer])
    (problem,) = error.value.problems
    assert "models.janus-llama-2-7b.train.sequence_len" in problem and "4096 tokens at most, not 8192" in problem


def test_the_base_of_a_training_has_the_weights_of_its_row_in_another_format() -> None:
    recipe = load_recipe([JANUS, overlay_of("llama-3-8b")])
    row, trained = recipe.base_models["llama-3-8b"], trained_base(recipe, "llama-3-8b")
    assert (row.path, row.revision) == (trained.path, trained.revision)
    assert (row.chat_template, trained.chat_template) == ("prompts/chat/chatml.jinja", "prompts/chat/llama3.jinja")


def trained_base(recipe: Recipe, base: str) -> BaseModelSpec:
    return recipe.base_models[recipe.base_of(f"janus-{base}")]


def overlay_of(base: str) -> Path:
    return Path(f"recipes/ablations/base-{base}.yaml")
