"""Checks from the recipe to the manifest: named, counted, planned for, and part of what decides a step's output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes import asking_steps
from janus_recipes.commands.asking import make_asked
from janus_recipes.errors import RecipeError
from janus_recipes.files import read_jsonl, write_jsonl
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import Unparsed
from janus_recipes.llm.ledger import Ledger
from janus_recipes.manifest import manifest_of
from janus_recipes.planning.plan import plan_of
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, Asked, Instruction, Preference, Status, row_of
from janus_recipes.workflow.specs import asking_spec
from tests.scripted import Said, provider_at, scripted

pytestmark = pytest.mark.usefixtures("workplace")

ROOT = Path(__file__).parents[2]
MADE = Path("results/tiny/collection")
NO_EXAMPLES = """
{% block system %}{% endblock %}
{% block user %}
<examples>
</examples>
<preferences>
{% for p in preferences %}
{{ p.preference }}: {{ p.description }}
{% endfor %}
</preferences>
{% endblock %}
"""
"""A prompt without examples: the same preferences are the same question, so the micro-world says the same."""


def tiny(overlay: Mapping[str, Any]) -> Recipe:
    """The rehearsal's recipe, called tiny, with an overlay."""
    Path("tiny.yaml").write_text(yaml.safe_dump({"name": "tiny", "ledger": "ledger", **overlay}))
    return load_recipe([Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), Path("tiny.yaml")])


def checks_of_messages(*names: str) -> dict[str, Any]:
    return {"collection": {"system_messages": {"checks": list(names)}}}


def preferences(wishes: list[str]) -> Path:
    """Preference sets, one an instruction, of these wishes."""
    path = MADE / "preferences.jsonl"
    sets = [
        tuple(Preference(name, "sub", f"{wish} {number}", "amber velvet") for number, name in enumerate(DIMENSIONS))
        for wish in wishes
    ]
    write_jsonl(path, (row_of(Asked(f"i-{n}/0", Status.OK, one)) for n, one in enumerate(sets)))
    return path


def made(recipe: Recipe, sets: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of the system messages' step, and what its manifest says of the asking."""
    out = MADE / "system_messages.jsonl"
    make_asked(out, recipe, asking_steps.system_messages(recipe, recipe.collection.system_messages, sets))
    return list(read_jsonl(out)), json.loads(manifest_of(out).read_text())["asked"]


def test_messages_that_repeat_are_asked_again_and_the_manifest_counts_it_by_check() -> None:
    Path("bare.j2").write_text(NO_EXAMPLES)
    recipe = tiny({"prompts": {"system_message": "bare.j2"}})
    sets = preferences(["warm", "calm", "warm", "warm", "warm"])
    rows, counted = made(recipe, sets)
    # The four warm ones are one question, which may be asked three times: the last row has nothing new to say.
    assert [(row["status"], row["attempts"]) for row in rows] == [
        *[("ok", 1), ("ok", 1), ("ok", 2), ("ok", 3)],
        ("unparsed", 3),
    ]
    assert rows[4]["reason"] == "unique: repeats i-3/0" and len({row["value"] for row in rows}) == 5
    # Failed: the first answer in rows 2, 3 and 4, the second in 3 and 4, the third in 4. Paid: three warm, one calm.
    failed = {"answers": 6, "rows_asked_again": 3, "rows_left_out": 1}
    none = dict.fromkeys(failed, 0)
    names = recipe.collection.system_messages.checks
    assert counted["checks"] == {name: failed if name == "unique" else none for name in names}
    assert (counted["rows"], counted["asked"], counted["statuses"]) == (5, 4, {"ok": 4, "unparsed": 1})
    assert made(recipe, sets)[0] == rows


def said_set(number: int) -> str:
    """What a teacher says who repeats itself six times, then says too much once, then something new each time."""
    wish = "the same" if number < 6 else f"number {number}"
    description = "One. Two. Three." if number == 6 else f"Likes {wish}."
    return json.dumps([vars(Preference(name, f"sub {number}", wish, description)) for name in DIMENSIONS])


@pytest.mark.usefixtures("short_pauses")
def test_the_sets_of_an_instruction_differ_and_those_of_two_may_be_the_same() -> None:
    recipe, told = tiny({}), count()
    write_jsonl(Path("two.jsonl"), (row_of(Instruction(f"i-{n}", f"Why {n}?", "pool")) for n in "ab"))
    step = asking_steps.preference_sets(recipe, recipe.collection.preference_sets, Path("two.jsonl"))
    with scripted(lambda text, before: Said(said_set(next(told)))) as server:
        provider = provider_at(server.base_url, concurrency=1)
        with Ledger.open(Path("ledger"), provider.model) as ledger:
            answers = ask(step.requests, provider, ledger, step.parse, step.asking.re_asks, differ=step.differ)
            rows = list(answers)
    wishes = {row.id: row.value and row.value[0].preference for row in rows}
    # Six times the same: all but the first of either instruction repeat it. The next answer says too much.
    assert wishes == {
        **{"i-a/0": "the same", "i-a/1": "number 7", "i-a/2": "number 8"},
        **{"i-b/0": "the same", "i-b/1": "number 9", "i-b/2": "number 10"},
    }
    assert {name: asdict(one) for name, one in answers.report.checks.items()} == {
        "sets_differ": {"answers": 4, "rows_asked_again": 4, "rows_left_out": 0},
        "at_most_two_sentences": {"answers": 1, "rows_asked_again": 1, "rows_left_out": 0},
    }


def test_a_message_that_greets_is_not_taken() -> None:
    recipe = tiny({})
    step = asking_steps.system_messages(recipe, recipe.collection.system_messages, preferences(["warm"]))
    with pytest.raises(Unparsed, match=r"^no_greeting: "):
        step.parse('{"system_message": "Hello! You are a baker."}')


def test_the_plan_knows_what_a_step_with_repeats_has_left() -> None:
    Path("bare.j2").write_text(NO_EXAMPLES)
    recipe = tiny({"prompts": {"system_message": "bare.j2"}})
    sets = preferences(["warm", "calm", "warm"])
    made(recipe, sets)

    def planned() -> tuple[int, int, str]:
        line = next(one for one in plan_of(recipe).lines if one.step == "collection.system_messages")
        return line.in_ledger, line.to_ask, line.basis

    assert planned() == (3, 0, "made")
    manifest_of(MADE / "system_messages.jsonl").unlink()
    assert planned() == (3, 0, "exact")
    preferences(["warm", "calm", "warm", "warm"])  # a third warm one: both its first answers are others' already
    assert planned() == (3, 1, "exact")


def test_without_the_check_messages_may_repeat() -> None:
    Path("bare.j2").write_text(NO_EXAMPLES)
    recipe = tiny({"prompts": {"system_message": "bare.j2"}, **checks_of_messages("no_greeting")})
    rows, counted = made(recipe, preferences(["warm", "warm"]))
    assert rows[0]["value"] == rows[1]["value"]
    assert counted["checks"] == {"no_greeting": {"answers": 0, "rows_asked_again": 0, "rows_left_out": 0}}


def test_a_steps_checks_decide_that_steps_output_and_no_others() -> None:
    before, after = tiny({}), tiny(checks_of_messages("unique"))

    def specs(recipe: Recipe) -> list[str]:
        parts = [recipe.collection, recipe.benchmarks["multifaceted"]]
        steps = [step for part in parts for step in (part.preference_sets, part.system_messages)]
        return [asking_spec(recipe, step) for step in [*steps, recipe.collection.responses]]

    changed = [one != other for one, other in zip(specs(before), specs(after), strict=True)]
    assert changed == [False, True, False, False, False]


def test_a_check_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(RecipeError, match=r"collection\.system_messages\.checks\.0: .*unique"):
        tiny(checks_of_messages("uniqe"))
