"""`janus push` of a model: its weights, card and curve, shown first, uploaded when told to, and never a rehearsal's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from janus_recipes.commands.publish import model_card, push
from janus_recipes.errors import StepError, UsageError
from janus_recipes.recipe.load import load_recipe
from tests.hub import TOKEN, Hub, played_hub
from tests.models import make_dataset, make_model

JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")
FILES = ["README.md", "config.json", "model.safetensors", "training.csv", "training.svg"]


@pytest.fixture
def hub(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with played_hub() as played:
        monkeypatch.setenv("HF_ENDPOINT", played.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield played


def make(*recipes: Path, name: str = "janus-7b") -> Path:
    """A finished model with its card, in its folder."""
    recipe = load_recipe(recipes)
    folder = make_model(recipe, name, make_dataset(recipe, "sft-196k"))
    model_card(name, list(recipes), folder / "card.md", [])
    return folder


def pushed(*recipes: Path, private: bool = False, for_real: bool = False) -> None:
    """`janus push janus-7b`, by its function."""
    push("janus-7b", list(recipes), "me/mix", private, for_real)


def test_without_for_real_the_files_of_a_model_are_shown_and_nothing_is_sent(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(JANUS)
    monkeypatch.setattr(sys, "argv", ["janus", "push", "janus-7b", "--to", "me/mix"])
    pushed(JANUS)
    shown = capsys.readouterr().out
    assert not hub.asked
    assert "me/mix, a public model on the hub, of 2 files of weights:" in shown
    listed = [line.split()[2] for line in shown.split("\n") if " bytes  " in line]
    assert listed == FILES
    assert "19 bytes  model.safetensors" in shown  # "weights of janus-7b"
    assert "library_name: transformers" in shown
    assert shown.endswith("  janus push janus-7b --to me/mix --for-real\n")


def test_for_real_weights_card_and_curve_are_uploaded_in_one_commit(hub: Hub) -> None:
    folder = make(JANUS)
    hub.private = True
    arguments = ["push", "janus-7b", "--recipe", str(JANUS), "--to", "me/mix", "--private", "--for-real"]
    done = subprocess.run([sys.executable, "-m", "janus_recipes.cli", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"uploaded: {hub.address}/me/mix/commit/1\n")
    created = next(json.loads(body) for path, body in hub.asked if path == "/api/repos/create")
    assert (created["name"], created["organization"], created["visibility"]) == ("mix", "me", "private")
    assert created.get("type", "model") == "model"
    assert sorted(hub.files) == FILES
    assert hub.files["README.md"] == (folder / "card.md").read_bytes()
    assert hub.files["model.safetensors"] == b"weights of janus-7b"
    assert hub.files["training.svg"] == (folder / "training.svg").read_bytes()
    assert TOKEN not in done.stdout + done.stderr


def test_a_private_model_does_not_go_into_a_public_repository(hub: Hub) -> None:
    make(JANUS)
    with pytest.raises(StepError, match="me/mix is there already and is public: nothing was uploaded"):
        pushed(JANUS, private=True, for_real=True)
    assert not hub.files


def test_a_rehearsals_model_is_shown_and_never_uploaded(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    make(JANUS, REHEARSAL)
    pushed(JANUS, REHEARSAL)
    shown = capsys.readouterr().out
    assert "REHEARSAL" in shown and "--for-real" not in shown
    with pytest.raises(UsageError, match="a rehearsal's data and models are made up and are not uploaded"):
        pushed(JANUS, REHEARSAL, for_real=True)
    assert not hub.asked


def test_a_model_of_a_rehearsals_data_is_not_uploaded_under_another_recipes_name(hub: Hub) -> None:
    make(JANUS)
    make_dataset(load_recipe([JANUS]), "sft-196k", kind="rehearsal", model="microworld-teacher")
    with pytest.raises(UsageError, match="a rehearsal's data and models are made up"):
        pushed(JANUS, for_real=True)
    assert not hub.asked


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("weights/model.safetensors", r"weights is not what its manifest describes: it was changed by hand"),
        ("weights/more.safetensors", r"weights is not what its manifest describes"),
        ("training.csv", r"training\.csv is not what its manifest describes"),
        ("manifest.json", r"card\.md describes another model than .*manifest\.json: make it again with"),
    ],
)
def test_what_was_changed_since_is_not_uploaded(hub: Hub, changed: str, told: str) -> None:
    folder = make(JANUS)
    with (folder / changed).open("a") as file:
        file.write("\n")
    with pytest.raises(StepError, match=told):
        pushed(JANUS, for_real=True)
    assert not hub.asked


def test_a_model_without_its_card_or_without_an_end_is_not_uploaded(hub: Hub) -> None:
    folder = make(JANUS)
    (folder / "card.md.manifest.json").unlink()
    with pytest.raises(StepError, match=r"card\.md\.manifest\.json is not there, or not finished: make it with"):
        pushed(JANUS, for_real=True)
    (folder / "manifest.json").unlink()
    with pytest.raises(StepError, match=r"manifest\.json is not there: train it with"):
        pushed(JANUS, for_real=True)
    assert not hub.asked


def test_a_readme_among_the_weights_is_neither_uploaded_nor_written_over(hub: Hub) -> None:
    recipe = load_recipe([JANUS])
    folder = make_model(recipe, "janus-7b", make_dataset(recipe, "sft-196k"))
    readme = folder / "weights" / "README.md"
    readme.write_text("the engine's own")
    make_model(recipe, "janus-7b", make_dataset(recipe, "sft-196k"))
    model_card("janus-7b", [JANUS], folder / "card.md", [])
    pushed(JANUS, for_real=True)
    assert hub.files["README.md"] == (folder / "card.md").read_bytes()
    assert readme.read_text() == "the engine's own"


def refused(names: Sequence[str], overlay: dict[str, object]) -> list[str]:
    Path("mine.yaml").write_text(yaml.safe_dump(overlay))
    found = []
    for name in names:
        with pytest.raises(UsageError) as caught:
            push(name, [JANUS, Path("mine.yaml")], "me/mix", False, False)
        found.append(str(caught.value))
    return found


def test_a_name_of_a_data_set_and_a_model_is_refused_and_so_is_one_of_neither(hub: Hub) -> None:
    both, neither = refused(["orpo", "janus-7"], {"models": {"orpo": {"extends": "janus-7b"}}})
    assert both == "orpo is a data set and a model of the recipe: give one of them another name"
    assert neither == "the recipe has no data set or model janus-7 (did you mean janus-7b?)"
