"""A data set's card tells what its manifests say, and the hub's own library can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from janus_recipes.datasets.cards import card_of, flat
from janus_recipes.datasets.lineage import lineage
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making, manifest_of
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe

ROOT = Path(__file__).parents[2]
MESSAGES = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.chdir(ROOT)
    return load_recipe([Path("recipes/janus.yaml")])


def make(file: Path, inputs: dict[str, Path], rows: int = 3, **extra: Any) -> Path:
    """An artefact with its manifest, as a step leaves them."""
    section = {"sampling": {"temperature": 1.0, "top_p": None, "max_tokens": 64}}
    with making(file, recipe="janus", section=section, inputs=inputs) as made:
        write_jsonl(file, ({"id": f"i-{n}", "messages": MESSAGES} for n in range(rows)))
        made.counts, made.asked = extra.get("counts", {}), extra.get("asked", {})
    return file


def asked(**statuses: int) -> dict[str, Any]:
    return {"model": "gpt-6.1-terra", "kind": "openai", "rows": sum(statuses.values()), "statuses": statuses}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An sft data set of three rows and everything that it goes back to."""
    prompt = ROOT / "prompts/response.j2"
    reading = {"dsp": {"records": 13000, "bad": 7, "examples": ["line 3"]}}
    counts = {"funnel": {"kept": {"(all)": 2, "dsp": 2}}, "sources": reading}
    instructions = make(tmp_path / "instructions.jsonl", {}, counts=counts)
    messages = make(tmp_path / "system_messages.jsonl", {"instructions": instructions}, asked=asked(ok=6))
    inputs = {"instructions": instructions, "system_messages": messages, "prompt": prompt}
    responses = make(tmp_path / "responses.jsonl", inputs, asked=asked(ok=3, truncated=1, refused=2))
    parts = {"instructions": instructions, "system_messages": messages, "responses": responses}
    left_out = {"left_out_responses": {"truncated": 1, "refused": 2}}
    return make(tmp_path / "sft-196k.jsonl", parts, counts={"rows": 3, **left_out})


def told(card: str, *words: str) -> bool:
    """Whether one line of the card has all the words."""
    return any(all(word in line for word in words) for line in card.split("\n"))


def test_a_card_tells_rows_statuses_teacher_prompts_licences_seed_and_faults(recipe: Recipe, made: Path) -> None:
    card = card_of("sft-196k", recipe, lineage(made))
    assert told(card, "| rows", " 3 |")
    assert told(card, "left out responses: refused", " 2 |")
    assert told(
        card, "`responses.jsonl`", "`gpt-6.1-terra`", "max_tokens 64, temperature 1.0", "2 refused, 1 truncated"
    )
    digest = json.loads(manifest_of(made.with_name("responses.jsonl")).read_text())["inputs"]["prompt"]["sha256"]
    assert told(card, "response.j2", digest[:12])
    assert told(card, "dsp", "CC-BY-NC-4.0", "13,000", " 7 |")
    assert told(card, "openhermes", "dc1bd9d547c5207ac499ba2c3cd38cbc77ba361d", "other")
    assert "The recipe's seed is 42." in card
    assert told(card, "`gpt-6.1-terra`, not the paper's `gpt-4-0125-preview`, which was shut down on 2026-03-26")
    assert told(card, "Its counts are not the paper's: 2 instructions for 65,653, 6 system messages for 196,956.")
    assert told(card, "Of 6 responses some are not `ok`: 2 refused, 1 truncated.")
    assert "REHEARSAL" not in card


def test_the_hubs_library_reads_the_cards_front_matter(recipe: Recipe, made: Path) -> None:
    data = DatasetCard(card_of("sft-196k", recipe, lineage(made))).data
    # The five pools' licences, each once: CC-BY-4.0, CC-BY-NC-4.0, MIT, Apache-2.0, other.
    assert data.license == ["apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", "mit", "other"]
    assert data.size_categories == "n<1K"
    assert data.task_categories == ["text-generation"]
    assert data.configs[0]["data_files"] == [{"split": "train", "path": "data/train-00000-of-00001.parquet"}]


def test_a_rehearsals_card_says_so_at_its_top_and_among_its_faults(recipe: Recipe, made: Path) -> None:
    rehearsed = load_recipe([Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")])
    card = card_of("sft-196k", rehearsed, lineage(made))
    notice = rehearsed.rehearsal.notice if rehearsed.rehearsal else ""
    assert card.index(notice) < card.index("## Rows")
    assert f"- {notice}" in card
    assert "rehearsal" in DatasetCard(card).data.tags


def test_a_source_without_a_licence_is_called_unknown(recipe: Recipe, tmp_path: Path) -> None:
    pools = {name: {"records": 5, "bad": 0, "left_out": {"tie": 1}} for name in ("hh-rlhf", "webgpt")}
    mix = make(tmp_path / "helpful-mix.jsonl", {}, counts={"rows": 3, "pools": pools})
    card = card_of("helpful-mix", recipe, lineage(mix))
    assert told(card, "webgpt", "openai/webgpt_comparisons at 8193c7bffcb63ae55b88bd85647be4b77ca8cab2", "unknown")
    assert told(card, "The licence of webgpt is not known")
    assert DatasetCard(card).data.license == ["apache-2.0", "mit", "unknown"]
    assert "Written by models" not in card


def test_a_card_says_when_something_was_made_anew_since(recipe: Recipe, made: Path) -> None:
    make(made.with_name("system_messages.jsonl"), {}, rows=2, asked=asked(ok=2))
    card = card_of("sft-196k", recipe, lineage(made))
    assert "- `system_messages.jsonl` was made anew after `responses.jsonl` was made from it." in card


def test_no_machines_path_and_no_secret_stands_in_a_card(recipe: Recipe, made: Path, tmp_path: Path) -> None:
    dsp = recipe.collection.sources["dsp"].model_copy(update={"url": "https://me:secret-word@host/dsp.json"})
    arena = recipe.collection.sources["chatbot-arena"].model_copy(
        update={"dataset": None, "path": str(tmp_path / "arena.jsonl")}
    )
    sources = {**recipe.collection.sources, "dsp": dsp, "chatbot-arena": arena}
    collection = recipe.collection.model_copy(update={"sources": sources})
    card = card_of("sft-196k", recipe.model_copy(update={"collection": collection}), lineage(made))
    assert "`arena.jsonl`" in card
    assert str(tmp_path) not in card
    assert str(ROOT) not in card
    assert "secret-word" not in card


def test_counts_within_counts_are_named_by_their_path() -> None:
    counts = {"rows": 3, "left_out": {"tie": 1, "per_pool": {"a": 2}}, "examples": ["x"]}
    assert list(flat(counts)) == [("rows", 3), ("left out: tie", 1), ("left out: per pool: a", 2)]


def test_a_data_set_without_its_manifest_gets_no_card(tmp_path: Path) -> None:
    file = tmp_path / "sft.jsonl"
    write_jsonl(file, [{"id": "1"}])
    with pytest.raises(StepError, match="no manifest beside it"):
        lineage(file)
    manifest_of(file).write_text("{}")
    with pytest.raises(StepError, match="not a manifest"):
        lineage(file)
