"""Helpful responses say what they answer, and become rows only under the system messages they were written under."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from janus_recipes import asking_steps
from janus_recipes.cli import app
from janus_recipes.commands.asking import make_asked
from janus_recipes.datasets.default_messages import UNLIKE_TABLE_9, default_message, default_messages
from janus_recipes.errors import StepError
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.llm.ledger import Ledger
from janus_recipes.manifest import making, manifest_of
from janus_recipes.planning.count import finished
from janus_recipes.recipe.collection import DEFAULT_MESSAGES, HelpfulCondition
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Instruction, row_of

ROOT = Path(__file__).parents[2]
RECIPES = [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), Path("recipes/ablations/multifacetedness.yaml")]
COLLECTION = Path("results/rehearsal/collection")
INSTRUCTIONS = [Instruction(f"i-{number}", f"question {number}", "pool") for number in range(40)]


@pytest.fixture(autouse=True)
def collection(workplace: Path) -> None:
    """A Collection of 40 instructions."""
    write_jsonl(COLLECTION / "instructions.jsonl", map(row_of, INSTRUCTIONS))


def recipe_with(overlay: Json) -> tuple[Recipe, list[Path]]:
    """Table 10's recipe, rehearsed, with an overlay; and its files."""
    Path("mine.yaml").write_text(yaml.safe_dump(overlay))
    return load_recipe([*RECIPES, Path("mine.yaml")]), [*RECIPES, Path("mine.yaml")]


@pytest.fixture
def answered() -> dict[str, Path]:
    """The rehearsal's helpful responses, by condition, really asked for."""
    recipe = load_recipe(RECIPES)
    files = {}
    for condition in recipe.collection.helpful_responses:
        files[str(condition)] = COLLECTION / f"helpful.{condition}.jsonl"
        step = asking_steps.helpful_responses(recipe, condition, COLLECTION / "instructions.jsonl")
        make_asked(files[condition], recipe, step)
    return files


def cut(name: str, responses: Path, recipes: Iterable[Path] = RECIPES) -> tuple[list[Json], Json]:
    out = Path(f"{name}.jsonl")
    files = ["--instructions", str(COLLECTION / "instructions.jsonl"), "--responses", str(responses)]
    given = [part for recipe in recipes for part in ("--recipe", str(recipe))]
    done = CliRunner().invoke(app, ["dataset", name, *files, *given, "--out", str(out)])
    if done.exception is not None:
        raise done.exception
    return list(read_jsonl(out)), json.loads(manifest_of(out).read_text())


def test_the_manifest_says_under_what_helpful_responses_were_written(answered: dict[str, Path]) -> None:
    found = {name: json.loads(manifest_of(file).read_text())["section"] for name, file in answered.items()}
    assert found["none"]["condition"] == "none" and "default_messages" not in found["none"]
    default = found["default"]
    assert default["condition"] == "default" and default["seed"] == 42 and default["fschat"] == "0.2.36"
    known = default_messages(DEFAULT_MESSAGES)
    assert default["default_messages"] == [{"name": name, "text": known[name]} for name in DEFAULT_MESSAGES]
    assert default["sampling"]["max_tokens"] == 4096  # how they were asked for stands there as before


def test_a_row_has_the_default_message_that_its_response_was_written_under(answered: dict[str, Path]) -> None:
    rows, made = cut("sft-default-helpful", answered["default"])
    known = default_messages(DEFAULT_MESSAGES)
    assert len(rows) == 40
    assert all(row["messages"][0]["content"] == default_message(row["id"], known, 42) for row in rows)
    assert [one["name"] for one in made["section"]["default_messages"]] == DEFAULT_MESSAGES
    rows, _ = cut("sft-none-helpful", answered["none"])
    assert {len(row["messages"]) for row in rows} == {2}


def test_responses_of_the_other_condition_are_refused(answered: dict[str, Path]) -> None:
    with pytest.raises(StepError, match=r"condition default, and the data set has none; give helpful\.none\.jsonl"):
        cut("sft-none-helpful", answered["default"])
    with pytest.raises(StepError, match=r"condition none, and the data set has default"):
        cut("sft-default-helpful", answered["none"])
    assert not Path("sft-none-helpful.jsonl").exists()


def test_gold_responses_and_those_without_a_manifest_are_refused() -> None:
    gold = COLLECTION / "responses.jsonl"
    with making(gold, recipe="rehearsal", section={"sampling": {}}, inputs={}):
        write_jsonl(gold, [{"id": "i-1/0", "status": "ok", "value": "gold"}])
    with pytest.raises(StepError, match=r"no generally helpful responses; give helpful\.none\.jsonl"):
        cut("sft-none-helpful", gold)
    manifest_of(gold).unlink()
    with pytest.raises(StepError, match=r"responses\.jsonl has no manifest beside it"):
        cut("sft-none-helpful", gold)


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"collection": {"default_messages": ["alpaca"]}}, "another default messages than"),
        ({"collection": {"default_messages": DEFAULT_MESSAGES[::-1]}}, "another default messages than"),
        ({"seed": 7}, "another seed than"),
    ],
)
def test_responses_to_other_default_messages_are_refused(overlay: Json, told: str, answered: dict[str, Path]) -> None:
    _, files = recipe_with(overlay)
    with pytest.raises(StepError, match=told):
        cut("sft-default-helpful", answered["default"], files)
    assert len(cut("sft-none-helpful", answered["none"], files)[0]) == 40  # which has none of them


def test_the_plan_sees_that_helpful_responses_are_finished_until_their_messages_change(
    answered: dict[str, Path],
) -> None:
    def is_finished(recipe: Recipe, condition: HelpfulCondition) -> bool:
        provider = recipe.providers["teacher"]
        step = asking_steps.helpful_responses(recipe, condition, COLLECTION / "instructions.jsonl")
        with Ledger.open(Path(recipe.ledger), provider.model) as ledger:
            return finished(answered[condition], step, provider, ledger) is not None

    before = load_recipe(RECIPES)
    assert is_finished(before, "none") and is_finished(before, "default")
    changed, _ = recipe_with({"collection": {"default_messages": ["alpaca"]}})
    assert is_finished(changed, "none") and not is_finished(changed, "default")


def test_the_messages_that_are_said_to_differ_from_the_papers_do() -> None:
    # What Table 9 has in place of each of these words, read there: human, nothing, nothing, nothing, nothing.
    words = {
        "vicuna_v1.1": "curious user",
        "mpt-7b-chat": "MosaicML",
        "OpenHermes-2.5-Mistral-7B": "Hermes 2",
        "Nous-Hermes-2-Mixtral-8x7B-DPO": '"Hermes"',
        "orca-2": "Orca",
    }
    known = default_messages(DEFAULT_MESSAGES)
    assert {name for name, word in words.items() if word in known[name]} == UNLIKE_TABLE_9
