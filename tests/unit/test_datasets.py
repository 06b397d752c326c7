"""Training sets cut from the Collection: which rows there are, what stands in them, and what is counted instead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from janus_recipes.asking_steps import helpful_responses
from janus_recipes.cli import app
from janus_recipes.datasets.default_messages import default_message, default_messages
from janus_recipes.datasets.pairs import pair_rows, trained_on
from janus_recipes.datasets.sft import sft_rows
from janus_recipes.datasets.usable import usable_responses
from janus_recipes.errors import StepError
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.plan import plan_of
from janus_recipes.recipe.collection import DEFAULT_MESSAGES
from janus_recipes.recipe.dataset import SftDataset
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Instruction, Status, row_of
from janus_recipes.workflow.files import message_file, response_file
from janus_recipes.workflow.specs import dataset_spec, helpful_spec

pytestmark = pytest.mark.usefixtures("workplace")

ROOT = Path(__file__).parents[2]
PAPER, REHEARSAL, TABLE_10 = "recipes/janus.yaml", "recipes/rehearsal.yaml", "recipes/ablations/multifacetedness.yaml"

INSTRUCTIONS = [Instruction(f"i-{number}", f"question {number}", "pool") for number in range(60)]
ITEMS = [f"{one.id}/{number}" for one in INSTRUCTIONS for number in range(3)]
MESSAGES = {item: f"message of {item}" for item in ITEMS}
RESPONSES = {item: f"response to {item}" for item in ITEMS}
DEFAULTS = {"one": "Help.", "two": "Assist.", "three": "Serve."}


def sft(**keys: Any) -> SftDataset:
    return SftDataset(kind="sft", **keys)


def pairs(
    responses: dict[str, str], rejected: int = 1, among: Iterable[Instruction] = INSTRUCTIONS
) -> tuple[list[Json], Counter[str]]:
    left_out: Counter[str] = Counter()
    return list(pair_rows(among, MESSAGES, responses, rejected, 1, left_out)), left_out


def turns(messages: list[Json]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in messages]


def test_without_a_system_message_there_is_no_system_turn() -> None:
    rows = list(sft_rows(INSTRUCTIONS, MESSAGES, RESPONSES, sft(system_message="none"), 1))
    assert len(rows) == 180 and [row["id"] for row in rows] == ITEMS
    assert turns(rows[0]["messages"]) == [("user", "question 0"), ("assistant", "response to i-0/0")]


def test_a_default_message_is_the_instructions_own_whatever_else_is_in_the_set() -> None:
    spec = sft(system_message="default", response="helpful")
    helpful = {one.id: f"helpful {one.id}" for one in INSTRUCTIONS}
    rows = list(sft_rows(INSTRUCTIONS, {}, helpful, spec, 1, DEFAULTS))
    drawn = {row["id"]: row["messages"][0]["content"] for row in rows}
    assert len(rows) == 60 and set(drawn.values()) == set(DEFAULTS.values())
    assert turns(rows[3]["messages"])[1:] == [("user", "question 3"), ("assistant", "helpful i-3")]
    (alone,) = sft_rows(INSTRUCTIONS[7:8], {}, helpful, spec, 1, DEFAULTS)
    assert alone["messages"][0]["content"] == drawn["i-7"]


def test_the_default_messages_are_fastchats_by_name() -> None:
    found = default_messages(DEFAULT_MESSAGES)
    assert list(found) == DEFAULT_MESSAGES and all(text.strip() for text in found.values())
    assert found["chatgpt"] == "You are a helpful assistant."  # as Table 9 prints it
    with pytest.raises(StepError, match=r"alpacca \(did you mean alpaca\?\)"):
        default_messages(["alpacca"])
    with pytest.raises(StepError, match="llama-2 has no system message"):
        default_messages(["llama-2"])


def test_truncated_and_refused_responses_are_rows_only_where_the_recipe_keeps_them() -> None:
    rows = [
        Asked("i-1/0", Status.OK, "whole", raw="whole"),
        Asked("i-1/1", Status.TRUNCATED, None, raw="cut sho"),
        Asked("i-1/2", Status.REFUSED, None, raw="I cannot."),
        Asked("i-2/0", Status.REFUSED, None, raw=""),  # the provider's filter: there is no text
        Asked("i-2/1", Status.MISSING, None),
    ]
    kept = usable_responses(rows, ["ok"])
    assert kept.texts == {"i-1/0": "whole"} and kept.left_out == {"truncated": 1, "refused": 2, "missing": 1}
    kept = usable_responses(rows, ["ok", "truncated", "refused"])
    assert kept.texts == {"i-1/0": "whole", "i-1/1": "cut sho", "i-1/2": "I cannot."}
    assert kept.left_out == {"refused, blank": 1, "missing": 1}


def test_a_pair_has_the_chosen_ones_message_and_the_instruction_on_both_sides() -> None:
    rows, left_out = pairs(RESPONSES)
    assert len(rows) == 60 and not left_out
    for row in rows:
        instruction, chosen, rejected = row["id"].split("/")
        assert chosen != rejected
        before = [("system", MESSAGES[f"{instruction}/{chosen}"]), ("user", f"question {instruction[2:]}")]
        assert turns(row["chosen"]) == [*before, ("assistant", RESPONSES[f"{instruction}/{chosen}"])]
        assert turns(row["rejected"]) == [*before, ("assistant", RESPONSES[f"{instruction}/{rejected}"])]
    # 3 x 2 choices; that 60 seeded draws miss one of them has a probability of 6 x (5/6)^60 = 1 in 9,000.
    assert len({row["id"].partition("/")[2] for row in rows}) == 6


def test_both_other_responses_can_be_rejected() -> None:
    rows, _ = pairs(RESPONSES, rejected=2)
    assert len(rows) == 120
    first, second = rows[0], rows[1]
    assert first["chosen"] == second["chosen"] and first["rejected"] != second["rejected"]


def test_a_pairs_draw_depends_on_its_own_instruction_alone() -> None:
    shuffled = dict(reversed(RESPONSES.items()))
    some, _ = pairs(shuffled, among=INSTRUCTIONS[20:30])
    whole, _ = pairs(RESPONSES)
    assert some == whole[20:30]


def test_pairs_that_are_missing_for_want_of_responses_are_counted() -> None:
    few = {item: text for item, text in RESPONSES.items() if item not in ("i-5/0", "i-5/2")}
    rows, left_out = pairs(few)
    assert len(rows) == 59 and not any(row["id"].startswith("i-5/") for row in rows)
    assert left_out == {"pairs_for_want_of_responses": 1}
    # i-5 has one response and should give two pairs; i-6 has two, which make one of two; i-7 has none.
    for item in ("i-6/1", "i-7/0", "i-7/1", "i-7/2"):
        del few[item]
    rows, left_out = pairs(few, rejected=2)
    assert len(rows) == 120 - 5 and left_out == {"pairs_for_want_of_responses": 2 + 1 + 2}


def test_identical_responses_make_no_pair_and_another_is_rejected_in_their_place() -> None:
    same = {**RESPONSES, "i-4/0": "Yes.", "i-4/1": "Yes."}
    rows, left_out = pairs(same)
    # Whichever is chosen, another differs from it and is rejected: no pair is missing.
    assert len(rows) == 60 and not left_out
    assert all(row["chosen"] != row["rejected"] for row in rows)
    # Two pairs of i-4: one is missing, unless the third response is chosen, which differs from both.
    rows, left_out = pairs(same, rejected=2)
    third_chosen = any(row["id"].startswith("i-4/2/") for row in rows)
    assert left_out == ({} if third_chosen else {"pairs_of_identical_responses": 1})
    assert len(rows) == 120 - left_out.total()
    rows, left_out = pairs({**same, "i-4/2": "Yes."})
    assert len(rows) == 59 and left_out == {"pairs_of_identical_responses": 1}
    rows, left_out = pairs({**same, "i-4/2": "Yes."}, rejected=2)
    assert len(rows) == 118 and left_out == {"pairs_of_identical_responses": 2}


def test_what_a_model_trained_on_is_exactly_its_data_sets_rows() -> None:
    for each in (1, 2, 3):
        spec = sft(system_messages_per_instruction=each)
        rows = sft_rows(INSTRUCTIONS, MESSAGES, RESPONSES, spec, 1)
        assert trained_on(RESPONSES, spec, 1) == {row["id"] for row in rows}


def collection(statuses: dict[str, Status] | None = None) -> list[str]:
    """The Collection's files as the steps write them, and the options that name them."""
    home = Path("collection")
    write_jsonl(home / "instructions.jsonl", map(row_of, INSTRUCTIONS))
    write_jsonl(home / "messages.jsonl", (row_of(Asked(item, Status.OK, MESSAGES[item])) for item in ITEMS))
    rows = []
    for item in ITEMS:
        status = (statuses or {}).get(item, Status.OK)
        value = RESPONSES[item] if status is Status.OK else None
        rows.append(row_of(Asked(item, status, value, raw=RESPONSES[item])))
    write_jsonl(home / "responses.jsonl", rows)
    names = {"instructions": "instructions", "system-messages": "messages", "responses": "responses"}
    return [part for option, name in names.items() for part in (f"--{option}", f"collection/{name}.jsonl")]


def cut(name: str, *options: str, recipes: Iterable[str] = (PAPER, REHEARSAL)) -> tuple[list[Json], Json]:
    out = Path(f"{name}.jsonl")
    given = [part for recipe in recipes for part in ("--recipe", recipe)]
    done = CliRunner().invoke(app, ["dataset", name, *given, *options, "--out", str(out)])
    assert done.exception is None, done.exception
    return list(read_jsonl(out)), json.loads(manifest_of(out).read_text())


def test_dpo_has_only_messages_that_janus_star_has_not_seen() -> None:
    options = collection()
    star = {row["id"] for row in cut("sft-65k", *options)[0]}
    dpo, made = cut("dpo", *options)
    used = {f"{row['id'].split('/')[0]}/{number}" for row in dpo for number in row["id"].split("/")[1:]}
    # Of each instruction's three messages one is janus-star's, and the other two are a pair.
    assert (len(star), len(dpo)) == (60, 60)
    assert star.isdisjoint(used) and len(star | used) == 180
    assert made["counts"]["rows"] == made["counts"]["rows_if_complete"] == 60
    assert made["notes"]["without"]["system_messages_per_instruction"] == 1


def test_what_is_left_out_stands_in_the_manifest_by_status() -> None:
    truncated = {"i-1/0": Status.TRUNCATED, "i-1/1": Status.TRUNCATED, "i-2/0": Status.REFUSED}
    options = collection(truncated)
    rows, made = cut("orpo", *options)
    # Two pairs each of 58 instructions; i-1 has one response left, so none, and i-2 has two, so one.
    assert len(rows) == 58 * 2 + 1
    assert made["counts"]["left_out_responses"] == {"refused": 1, "truncated": 2}
    assert made["counts"]["left_out"] == {"pairs_for_want_of_responses": 3}
    assert made["counts"]["rows_if_complete"] == 117 + 3
    rows, made = cut("sft-196k", *options)
    assert len(rows) == made["counts"]["rows"] == 177 and made["counts"]["rows_if_complete"] == 180
    assert made["section"]["seed"] == 42


def test_the_four_data_sets_of_table_10_need_only_their_own_files() -> None:
    recipe = load_recipe([Path(PAPER), Path(TABLE_10)])
    gold = ["<results>/collection/system_messages.jsonl"]
    needs = {name: (message_file(recipe, name), response_file(recipe, name)) for name in recipe.datasets}
    assert needs["sft-196k"] == needs["sft-none-multifaceted"] == (gold, "<results>/collection/responses.jsonl")
    assert needs["sft-none-helpful"] == ([], "<results>/collection/helpful.none.jsonl")
    assert needs["sft-default-helpful"] == ([], "<results>/collection/helpful.default.jsonl")


def test_helpful_responses_are_asked_for_under_the_message_that_their_row_will_have() -> None:
    recipe = load_recipe([Path(PAPER), Path(TABLE_10)])
    collection()
    file = Path("collection/instructions.jsonl")
    plain = [request.messages for request in helpful_responses(recipe, "none", file).requests()]
    assert [[(one.role, one.content) for one in messages] for messages in plain[:1]] == [[("user", "question 0")]]
    asked = {one.id: one.messages[0].content for one in helpful_responses(recipe, "default", file).requests()}
    known = default_messages(recipe.collection.default_messages)
    assert asked == {one.id: default_message(one.id, known, recipe.seed) for one in INSTRUCTIONS}


def overlaid(*overlays: Any, under: tuple[str, ...] = (PAPER,)) -> Recipe:
    files = []
    for number, overlay in enumerate(overlays):
        files.append(Path(f"{number}.yaml"))
        files[-1].write_text(yaml.safe_dump(overlay))
    return load_recipe([*map(Path, under), *files])


def test_helpful_responses_are_planned_only_where_a_data_set_needs_them() -> None:
    small = {"collection": {"instructions": {"before_filter": 1000}}}
    prices = {"providers": {"teacher": {"prices": {"input": 0.0, "output": 10.0}}}}

    def planned(recipe: Recipe) -> dict[str, tuple[int, float | None]]:
        return {
            line.step.rpartition(".")[2]: (line.requests, line.usd)
            for line in plan_of(recipe).lines
            if "helpful_responses" in line.step
        }

    assert planned(overlaid(small)) == {}
    # 1,000 instructions, one response of 500 tokens each, at $10 a million.
    both = overlaid(small, prices, under=(PAPER, TABLE_10))
    assert planned(both) == {"default": (1000, 5.0), "none": (1000, 5.0)}
    without = {
        "datasets": {"sft-default-helpful": None},
        "models": {"janus-default-helpful": None},
        "tables": {"table10": None},
    }
    one = overlaid(small, prices, without, under=(PAPER, TABLE_10))
    assert planned(one) == {"none": (1000, 5.0)}


def test_only_what_decides_a_data_set_makes_it_anew() -> None:
    before = overlaid(under=(PAPER, TABLE_10))
    after = overlaid({"datasets": {"sft-65k": {"keep": ["ok", "truncated"]}}}, under=(PAPER, TABLE_10))
    changed = {name for name in before.datasets if dataset_spec(before, name) != dataset_spec(after, name)}
    assert changed == {"sft-65k", "dpo"}  # dpo leaves out what sft-65k takes
    other = overlaid({"collection": {"default_messages": ["alpaca"]}}, under=(PAPER, TABLE_10))
    changed = {name for name in before.datasets if dataset_spec(before, name) != dataset_spec(other, name)}
    assert changed == {"sft-default-helpful"}
    assert helpful_spec(before, "none") == helpful_spec(other, "none")
    assert helpful_spec(before, "default") != helpful_spec(other, "default")
