"""A data set's card tells what its manifests say, and the hub's own library can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard
from typer.testing import CliRunner

from janus_recipes.cli import app
from janus_recipes.datasets.cards import card_of
from janus_recipes.datasets.described import described, set_apart
from janus_recipes.datasets.lineage import lineage
from janus_recipes.datasets.section import section_of
from janus_recipes.errors import StepError
from janus_recipes.files import write_jsonl
from janus_recipes.hub.cards import flat
from janus_recipes.manifest import making, manifest_of
from janus_recipes.recipe.collection import Contamination
from janus_recipes.recipe.dataset import HelpfulMix
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
    section = extra.get("section", {"sampling": {"temperature": 1.0, "top_p": None, "max_tokens": 64}})
    with making(file, recipe=extra.get("recipe", "janus"), section=section, inputs=inputs) as made:
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


def section(recipe: Recipe, name: str) -> dict[str, Any]:
    return {"section": section_of(recipe, name)}


def test_a_card_says_what_sets_its_data_set_apart(recipe: Recipe, tmp_path: Path) -> None:
    wide = load_recipe([Path("recipes/janus.yaml"), Path("recipes/ablations/multifacetedness.yaml")])
    star = wide.datasets["sft-65k"].model_copy(update={"keep": ["ok", "truncated"]})
    both = wide.datasets["orpo"].model_copy(update={"rejected_per_instruction": 2})
    wide = wide.model_copy(update={"datasets": {**wide.datasets, "sft-65k": star, "orpo": both}})
    told = {name: " ".join(set_apart(one, section(wide, name))) for name, one in wide.datasets.items()}
    assert told["sft-131k"] == (
        "Each instruction has up to 2 rows, each with the response to another of its system messages."
    )
    assert told["sft-65k"] == (
        "Each instruction has one row, with the response to one of its system messages. Its responses are those with "
        "the status ok or truncated; usually they are `ok` alone."
    )
    assert "data set `sft-65k` has are left out" in told["dpo"] and "one pair" in told["dpo"]
    assert told["orpo"] == "Each instruction has up to 2 pairs, each with another response rejected."
    assert told["helpful-mix"] == "It has 66,000 pairs: 72% from hh-rlhf, 14% from oasst1, 14% from webgpt."
    assert len(set(told.values())) == len(told) - 1  # sft-none-multifaceted has sft-196k's rows, without messages
    file = make(tmp_path / "dpo.jsonl", {}, counts={"rows": 3})
    assert "data set `sft-65k` has are left out" in card_of("dpo", wide, lineage(file))


def test_the_variants_cards_name_the_papers_ablation_and_whose_the_default_messages_are(tmp_path: Path) -> None:
    recipe = load_recipe([ROOT / "recipes/janus.yaml", ROOT / "recipes/ablations/multifacetedness.yaml"])
    sections = {name: described(one)["section_of_paper"] for name, one in recipe.datasets.items()}
    assert sections["sft-196k"] == "section 3.2 and appendix E.1"
    variants = {name for name, told in sections.items() if told == "section 6.2 and Table 10"}
    assert variants == {"sft-none-helpful", "sft-default-helpful", "sft-none-multifaceted"}
    file = make(tmp_path / "rows.jsonl", {}, counts={"rows": 3}, **section(recipe, "sft-default-helpful"))
    card = card_of("sft-default-helpful", recipe, lineage(file))
    assert told(card, "(section 6.2 and Table 10)")
    assert told(card, "templates vicuna_v1.1, airoboros_v1, alpaca,", "(package `fschat` 0.2.36, Apache-2.0)")
    assert told(card, "- Of its 8 default system messages 5 are not worded as the paper's Table 9 prints", "orca-2.")
    only_mit = {"dsp": recipe.collection.sources["dsp"].model_copy(update={"licence": "MIT"})}
    collection = recipe.collection.model_copy(update={"sources": only_mit})
    card = card_of("sft-default-helpful", recipe.model_copy(update={"collection": collection}), lineage(file))
    assert DatasetCard(card).data.license == ["apache-2.0", "mit"]  # FastChat's texts are in it


def mixed(tmp_path: Path, **drawn: int) -> Path:
    pools = {name.replace("_", "-"): {"records": 9, "bad": 0, "drawn": rows} for name, rows in drawn.items()}
    return make(tmp_path / "helpful-mix.jsonl", {}, counts={"rows": sum(drawn.values()), "pools": pools})


def test_a_mixs_card_has_its_shares_beside_the_papers_and_tells_where_they_differ(
    recipe: Recipe, tmp_path: Path
) -> None:
    # 72, 14 and 14 % of 66,000.
    card = card_of("helpful-mix", recipe, lineage(mixed(tmp_path, hh_rlhf=47520, oasst1=9240, webgpt=9240)))
    assert told(card, "| pairs of hh-rlhf", "47,520 |", "47,520 |")
    assert "Its counts are not the paper's" not in card
    card = card_of("helpful-mix", recipe, lineage(mixed(tmp_path, hh_rlhf=50000, oasst1=9240, mine=10)))
    assert told(
        card,
        "Its counts are not the paper's: 59,250 pairs for 66,000, 50,000 pairs of hh-rlhf for 47,520, 10 pairs of mine "
        "for 0, 0 pairs of webgpt for 9,240.",
    )


def test_a_card_without_faults_says_so(recipe: Recipe, tmp_path: Path) -> None:
    mix = recipe.datasets["helpful-mix"]
    assert isinstance(mix, HelpfulMix)
    licensed = {name: pool.model_copy(update={"licence": "MIT"}) for name, pool in mix.pools.items()}
    compared = mix.model_copy(update={"pools": licensed, "contamination": Contamination(words=13)})
    flawless = recipe.model_copy(update={"datasets": {**recipe.datasets, "helpful-mix": compared}})
    rows = mixed(tmp_path, hh_rlhf=47520, oasst1=9240, webgpt=9240)
    faults = card_of("helpful-mix", flawless, lineage(rows)).partition("## Known faults\n\n")[2]
    assert faults.startswith("None follows from the recipe and the manifests.\n\n## To cite")


def test_a_card_is_refused_to_rows_of_another_data_set_recipe_or_kind(recipe: Recipe, tmp_path: Path) -> None:
    def command(name: str, rows: Path) -> BaseException | None:
        words = ["card", name, "--recipe", "recipes/janus.yaml", "--rows", str(rows), "--out", str(tmp_path / "c.md")]
        return CliRunner().invoke(app, words).exception

    rows = make(tmp_path / "rows.jsonl", {}, counts={"rows": 3}, **section(recipe, "sft-196k"))
    assert command("sft-196k", rows) is None
    earlier = {key: value for key, value in section_of(recipe, "sft-196k").items() if key != "seed"}
    assert command("sft-196k", make(tmp_path / "e.jsonl", {}, counts={"rows": 3}, section=earlier)) is None
    refused = {
        command("sft-65k", rows): "made with another system_messages_per_instruction than datasets.sft-65k",
        command("dpo", rows): "made with another kind, ",
        command("sft-196k", make(tmp_path / "i.jsonl", {}, asked=asked(ok=3))): "is no data set by its manifest",
    }
    other = make(tmp_path / "o.jsonl", {}, recipe="mine", counts={"rows": 3}, **section(recipe, "sft-196k"))
    refused[command("sft-196k", other)] = "of the recipe mine, and this one is janus"
    seeded = {"section": {**section_of(recipe, "sft-196k"), "seed": 7}}
    refused[command("sft-196k", make(tmp_path / "s.jsonl", {}, counts={"rows": 3}, **seeded))] = "another seed than"
    for problem, words in refused.items():
        assert isinstance(problem, StepError) and words in str(problem), problem


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
