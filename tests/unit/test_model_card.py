"""A model's card tells how it was made from its manifests alone, and names all that differs from the paper."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from janus_recipes.errors import RecipeError, StepError
from janus_recipes.hub.cards import hub_licences
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.training.beside_paper import differences, read_published_trainings, settings
from janus_recipes.training.model_card import is_on_hub, model_card
from janus_recipes.training.trained import read_model
from tests.models import make_dataset, make_model

pytestmark = pytest.mark.usefixtures("workplace")

PUBLISHED = Path("recipes/published.yaml")
TABLE = """\
model,condition,selection,benchmark,metric,judge,value,ci_low,ci_high,n_expected,n_used,n_left_out,published,difference
mistral-7b-v0.2,multifaceted,single,Average,rubric_score,gpt-6.1-terra,2.1000,2.0000,2.2000,945,945,0,2.2300,
janus-7b,multifaceted,single,Average,rubric_score,gpt-6.1-terra,4.0500,4.0100,4.0900,945,940,5,4.1700,
"""


def recipe_with(*overlays: Mapping[str, Any], under: tuple[str, ...] = ()) -> Recipe:
    """The paper's recipe with overlays."""
    files = [Path("recipes/janus.yaml"), *map(Path, under)]
    for number, overlay in enumerate(overlays):
        files.append(Path(f"{number}.yaml"))
        files[-1].write_text(yaml.safe_dump(overlay))
    return load_recipe(files)


def made(recipe: Recipe, name: str, **asked: Any) -> Path:
    """A finished model and what it was made from."""
    train = recipe.models[name].train
    assert train is not None
    return make_model(recipe, name, make_dataset(recipe, train.dataset, **asked))


def card(recipe: Recipe, name: str, *tables: Path) -> str:
    folder = Path("results", recipe.name, "models", name)
    return model_card(read_model(name, recipe, folder), recipe, read_published_trainings(PUBLISHED), tables)


def told(text: str, *words: str) -> bool:
    """Whether one line has all the words."""
    return any(all(word in line for word in words) for line in text.split("\n"))


def test_a_card_tells_data_settings_prompt_figures_and_environment() -> None:
    recipe = recipe_with()
    made(recipe, "janus-7b")
    text = card(recipe, "janus-7b")
    assert "Trained on `sft-196k`, 3 rows.\nEach instruction has up to 3 rows" in text
    assert told(text, "| learning_rate", "5e-06", "| 5e-06")
    assert told(text, "| sample_packing", "true", "| not stated")
    assert told(text, "| precision", "bf16", "| mixed")
    assert "[INST] SYSTEM MESSAGE\nINSTRUCTION [/INST]\n```" in text
    assert "do_sample=True, temperature=1.0, top_p=0.9," in text
    assert told(text, "| optimizer steps", "| 2 ")
    assert told(text, "mean loss of the first tenth", "| 2.25")
    assert told(text, "| seconds", "| 61.5")
    assert told(text, "longer than `sequence_len`", "| 7")
    assert "![Training curve](training.svg)" in text
    assert "Environment: `axolotl-cuda` (lock 0123456789ab, Python 3.11.7)" in text
    assert "No setting that the paper states." in text
    assert "No table or ranking of the recipe shows this model." in text
    assert told(text, "dsp", "CC-BY-NC-4.0")
    assert "The base model's licence is Apache-2.0." in text
    assert text.count("Nothing was compared with the benchmarks' prompts") == 1
    assert "REHEARSAL" not in text


def test_the_recipes_models_are_set_as_the_paper_says_wherever_it_says_something() -> None:
    recipe, published = recipe_with(), read_published_trainings(PUBLISHED)
    assert set(published.models) == {name for name, model in recipe.models.items() if model.train}
    for name in published.models:
        assert not list(differences(name, recipe, published)), name
        unread = published.of(name, recipe.models[name].train.method).keys()  # type: ignore[union-attr]
        assert unread <= {one.name for one in settings(name, recipe, published)}, name


def test_what_differs_from_the_paper_is_named_with_both_values() -> None:
    trains = {
        "janus-7b": {"learning_rate": 1.0e-5, "batch_size": 64, "adapter": {"kind": "lora", "rank": 8}},
        "janus-orpo-7b": {"epochs": 2, "micro_batch_size": 1, "batch_size": 16},
    }
    changed = {name: {"train": train} for name, train in trains.items()}
    mine = {"extends": "janus-7b", "train": {"learning_rate": 5.0e-6, "batch_size": 32, "adapter": None}}
    recipe = recipe_with({"models": {**changed, "mine": mine}})
    published = read_published_trainings(PUBLISHED)
    assert list(differences("janus-7b", recipe, published)) == [
        "Of its weights only those of a LoRA adapter of rank 8 learned, which is merged into them; in the paper all "
        "weights learn.",
        "`batch_size` is 64; the paper has 32.",
        "`learning_rate` is 1e-05; the paper has 5e-06.",
    ]
    assert list(differences("janus-orpo-7b", recipe, published)) == [
        "`batch_size` is 16; the paper has 32.",
        "`micro_batch_size` is 1; the paper has 2.",
        "`epochs` is 2; the paper has 1.",
    ]
    assert list(differences("mine", recipe, published)) == [
        "The paper names no such model; its settings stand beside those of the paper's models of this method."
    ]


def test_another_base_and_another_start_are_differences() -> None:
    mine = {"extends": "janus-7b", "base": "other"}
    other = recipe_with({"base_models": {"other": {"path": "me/other-7b"}}, "models": {"mine": mine}})
    found = list(differences("mine", other, read_published_trainings(PUBLISHED)))
    assert found[1:] == ["`base` is other; the paper has mistral-7b-v0.2."]
    started = recipe_with({"models": {"janus-dpo-7b": {"train": {"start": "janus-7b"}}}})
    found = list(differences("janus-dpo-7b", started, read_published_trainings(PUBLISHED)))
    assert found == ["`start` is janus-7b; the paper has janus-star-7b."]


def test_bf16_is_a_mixed_precision_and_fp32_is_none() -> None:
    trained = {"models": {"janus-7b": {"train": {"precision": "fp32", "attention": "sdpa"}}}}
    found = list(differences("janus-7b", recipe_with(trained), read_published_trainings(PUBLISHED)))
    assert "`precision` is fp32; the paper has mixed." in found  # bf16: the test above finds no difference


def test_the_hubs_library_reads_the_front_matter() -> None:
    recipe = recipe_with()
    made(recipe, "janus-7b")
    made(recipe, "janus-rm-stage1-7b")
    data = ModelCard(card(recipe, "janus-7b")).data
    assert (data.base_model, data.library_name) == ("mistral-community/Mistral-7B-v0.2", "transformers")
    assert (data.pipeline_tag, data.tags) == ("text-generation", ["janus", "sft"])
    assert "allenai/ultrafeedback_binarized_cleaned" in data.datasets
    # The base's is Apache-2.0, the five pools' are five: the hub takes one of a model.
    assert data.license == "other"
    text = card(recipe, "janus-rm-stage1-7b")
    reward = ModelCard(text).data
    assert (reward.pipeline_tag, reward.tags) == ("text-classification", ["janus", "reward-model"])
    assert "AutoModelForSequenceClassification" in text and "not whether it is true" in text


def test_its_figures_stand_in_the_card_with_interval_number_and_judge(workplace: Path) -> None:
    recipe = recipe_with()
    made(recipe, "janus-7b")
    table, ranking = workplace / "table2.csv", workplace / "held-out.csv"
    table.write_text(TABLE)
    ranking.write_text(
        TABLE.replace("single,Average,rubric_score,gpt-6.1-terra,4.0500", "pair,Average,margin,log-probability,9.5000")
    )
    text = card(recipe, "janus-7b", table, ranking)
    words = ("table2 (multifaceted)", "rubric_score", "4.0500", "4.0100 to 4.0900", "940 of 945", "gpt-6.1-terra")
    assert told(text, *words, "4.1700")
    assert told(text, "held-out (multifaceted)", "margin", "9.5000", "log-probability")
    assert "2.1000" not in text  # the base's row


@pytest.mark.parametrize("content", [b"kind,model,against\ncompared,janus-7b,x\n", b"", b"\xff\xfe,\x00\n", b"{}"])
def test_a_file_that_is_no_table_is_told_by_its_name(workplace: Path, content: bytes) -> None:
    recipe = recipe_with()
    made(recipe, "janus-7b")
    wrong = workplace / "table2.comparisons.csv"
    wrong.write_bytes(content)
    with pytest.raises(StepError, match=r"table2\.comparisons\.csv: is no CSV of a table or a ranking"):
        card(recipe, "janus-7b", wrong)


def test_a_card_says_how_the_gpus_shared_the_model_and_how_its_weights_were_updated() -> None:
    trains = {"janus-7b": {"sharding": "zero3"}, "janus-dpo-7b": {"sharding": "fsdp", "optimizer": "adamw_torch_fused"}}
    recipe = recipe_with({"models": {name: {"train": train} for name, train in trains.items()}})
    published = read_published_trainings(PUBLISHED)
    assert list(differences("janus-7b", recipe, published)) == [
        "DeepSpeed updated the weights in 32 bits; under plain data parallelism, as in the paper's authors' "
        "configuration, they are updated in 16 bits."
    ]
    assert not any("DeepSpeed" in one for one in differences("janus-dpo-7b", recipe, published))
    found = {name: settings(name, recipe, published) for name in ("janus-7b", "janus-dpo-7b", "janus-orpo-7b")}
    told = [next(one.here for one in each if one.name == "sharding") for each in found.values()]
    assert told == ["zero3", "fsdp", "none"]


def test_the_hub_is_told_metas_licences_by_its_own_names() -> None:
    for base, licence in (("llama-2-7b", "llama2"), ("llama-2-13b", "llama2"), ("llama-3-8b", "llama3")):
        recipe = recipe_with(under=(f"recipes/ablations/base-{base}.yaml",))
        assert hub_licences([recipe.base_models[base].licence]) == licence


def test_a_rehearsals_card_says_so_at_its_top_among_the_differences_and_the_faults() -> None:
    recipe = recipe_with(under=("recipes/rehearsal.yaml",))
    made(recipe, "janus-7b", model="microworld-teacher", kind="rehearsal", statuses={"ok": 3}, rows=3)
    text = card(recipe, "janus-7b")
    assert recipe.rehearsal is not None
    assert text.index(recipe.rehearsal.notice) < text.index("## How to use it")
    assert f"- {recipe.rehearsal.notice}" in text
    assert "its base is a tiny random model" in text and "The base model is a tiny random model" in text
    data = ModelCard(text).data
    assert data.base_model is None and "rehearsal" in data.tags


def test_a_card_tells_what_the_model_started_from_and_whose_data_went_into_that() -> None:
    recipe = recipe_with()
    make_dataset(recipe, "sft-196k", rows=5, model="old-teacher", kind="openai", statuses={"ok": 5})
    made(recipe, "janus-rm-7b")  # from stage 1, on `orpo`, from the model after one epoch of `sft-196k`
    text = card(recipe, "janus-rm-7b")
    assert text.index("Before, as `janus-rm-stage1-7b`, on `orpo`.") < text.index(
        "Before, as `janus-sft-epoch1-7b`, on"
    )
    assert "`sft-196k.jsonl`" in text and "Its teacher is `old-teacher`" in text
    assert told(text, "| hh-rlhf", "MIT") and told(text, "| dsp", "CC-BY-NC-4.0")
    assert "The base model is `mistral-community/Mistral-7B-v0.2` at 2c3e624962b1a3f3fbf52e15969565caa7bc064a." in text
    made(recipe, "janus-orpo-7b")
    assert "Before, as" not in card(recipe, "janus-orpo-7b")


def test_a_local_bases_folder_is_not_told_and_an_open_revision_is() -> None:
    def base(path: str, **more: str) -> str:
        other = {"base_models": {"other": {"path": path, **more}}, "models": {"mine": {"extends": "janus-7b"}}}
        recipe = recipe_with(other, {"models": {"mine": {"base": "other"}}})
        made(recipe, "mine")
        text = card(recipe, "mine")
        assert "The recipe does not tell the base model's licence." in text
        return next(line for line in text.split("\n") if line.startswith("The base model is "))

    assert base("/home/me/llama") == "The base model is `llama`."
    assert base("me/llama") == "The base model is `me/llama`, of a revision that the recipe leaves open."
    assert base("me/llama", revision="abc") == "The base model is `me/llama` at abc."


def test_a_card_says_when_data_or_start_were_made_anew_since() -> None:
    recipe = recipe_with()
    made(recipe, "janus-star-7b")
    start = Path("results/janus/models/janus-star-7b/manifest.json")
    make_model(recipe, "janus-dpo-7b", make_dataset(recipe, "dpo"), start=start)
    assert "anew" not in card(recipe, "janus-dpo-7b")
    make_dataset(recipe, "dpo", rows=4)
    start.write_text(start.read_text() + "\n")
    text = card(recipe, "janus-dpo-7b")
    assert "- `dpo.jsonl` was made anew after `janus-dpo-7b` was made from it." in text
    assert "- `janus-star-7b`, which it started from, was made anew after it was trained." in text


def test_a_model_that_is_not_the_recipes_gets_no_card() -> None:
    recipe = recipe_with()
    with pytest.raises(StepError, match=r"manifest\.json is not there: train it with"):
        card(recipe, "janus-7b")
    made(recipe, "janus-7b")
    other = recipe_with({"models": {"janus-7b": {"train": {"learning_rate": 1.0e-5, "hours": 1.0}}}})
    with pytest.raises(StepError, match=r"trained with another learning_rate than models\.janus-7b has in this recipe"):
        card(other, "janus-7b")
    folder = Path("results/janus/models/janus-7b")
    with pytest.raises(StepError, match="of the recipe janus, and this one is mine"):
        read_model("janus-7b", recipe_with({"name": "mine"}), folder)
    with pytest.raises(StepError, match=r"models\.mistral-7b-v0\.2 is a base model as it is"):
        card(recipe, "mistral-7b-v0.2")


def test_the_command_writes_the_card_and_a_manifest_that_names_model_and_tables(workplace: Path) -> None:
    recipe = recipe_with()
    made(recipe, "janus-7b")
    Path("table2.csv").write_text(TABLE)
    out = Path("cards/mine.md")
    words = ["model-card", "janus-7b", "table2.csv", "--recipe", "recipes/janus.yaml", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "janus_recipes.cli", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| table2 (multifaceted)" in out.read_text()
    manifest = json.loads(out.with_name("mine.md.manifest.json").read_text())
    assert {"model", "published", "known_models", "table2.csv"} == set(manifest["inputs"])
    assert str(workplace) not in out.read_text() + json.dumps(manifest)


@pytest.mark.parametrize(
    ("path", "on_hub"),
    [
        ("org/name", True),
        ("/models/mine", False),
        ("./models/mine", False),
        ("models/a/b", False),
        ("made/here", False),
    ],
)
def test_a_local_base_is_not_named_as_one_of_the_hub(workplace: Path, path: str, on_hub: bool) -> None:
    (workplace / "made" / "here").mkdir(parents=True)
    assert is_on_hub(path) is on_hub


def test_a_file_of_published_figures_without_hyperparameters_is_told(workplace: Path) -> None:
    (workplace / "mine.yaml").write_text("table2: {}\n")
    with pytest.raises(RecipeError, match=r"mine\.yaml: has no `hyperparameters`"):
        read_published_trainings(workplace / "mine.yaml")
