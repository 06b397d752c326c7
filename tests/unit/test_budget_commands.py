"""A budget through the real commands: exit code 5, at most what is in flight over, and the same command continues."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from janus_recipes.errors import BudgetReached
from janus_recipes.files import read_jsonl, write_jsonl
from janus_recipes.llm.budget import spent_by
from janus_recipes.llm.chat import reply_from

pytestmark = pytest.mark.usefixtures("workplace")

ROOT = Path(__file__).parents[2]
JANUS = Path(sys.executable).with_name("janus")
IN_FLIGHT = 4
USD_PER_TOKEN = 1e-3


def recipe(budget: float | None, **provider: Any) -> list[str]:
    """The rehearsal's recipe with a teacher that has prices, as options."""
    own = Path(f"budget-{budget}.yaml")
    slow = {"faults": {"latency_s": 0.02}} if "kind" not in provider else {}
    teacher = {"concurrency": IN_FLIGHT, **slow, "prices": {"input": 0.0, "output": USD_PER_TOKEN * 1e6}, **provider}
    overlay = {"name": "tiny", "ledger": "ledger", "budget_usd": budget, "providers": {"teacher": teacher}}
    own.write_text(yaml.safe_dump(overlay))
    files = ("recipes/janus.yaml", "recipes/rehearsal.yaml", str(own))
    return [part for file in files for part in ("--recipe", file)]


def start(options: list[str], name: str = "a", count: int = 40) -> subprocess.Popen[str]:
    """Ask for the preference sets of `count` instructions: 3 requests each."""
    instructions = Path(f"{name}.jsonl")
    write_jsonl(
        instructions,
        ({"id": f"i-{name}{n}", "text": f"Why {name} {n}?", "source": "p", "origin": ""} for n in range(count)),
    )
    environ = {key: value for key, value in os.environ.items() if key != "JANUS_RECIPE"}
    command = [JANUS, "collect", "preferences", *options, "--instructions", instructions, "--out", f"out-{name}.jsonl"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    err = process.communicate(timeout=120)[1]
    return process.returncode, err


def answers() -> list[int]:
    """The tokens of each answer in the ledger."""
    return [
        reply_from(row["response"]["body"]).completion_tokens
        for segment in Path("ledger").glob("*/*.jsonl")
        for row in read_jsonl(segment)
    ]


def usd_of(tokens: list[int]) -> float:
    return sum(tokens) * USD_PER_TOKEN


def test_a_run_stops_cleanly_at_its_budget_and_a_raised_one_continues() -> None:
    code, said = finished(start(recipe(2.0)))
    assert code == BudgetReached.exit_code == 5, said
    assert "the budget of the recipe tiny is reached" in said and "Raise `budget_usd`" in said
    paid = answers()
    assert f"{len(paid)} answers of this run are kept" in said
    assert spent_by(Path("ledger"), "tiny") == pytest.approx(usd_of(paid))
    # The last request began below $2, with at most so many others in flight.
    assert 2.0 <= usd_of(paid) < 2.0 + IN_FLIGHT * max(paid) * USD_PER_TOKEN
    assert not Path("out-a.jsonl").exists()

    code, said = finished(start(recipe(2.0)))
    assert (code, len(answers())) == (5, len(paid)), said  # nothing more is asked

    code, said = finished(start(recipe(None)))
    assert code == 0, said
    assert f"{len(paid)} from the ledger" in said and len(answers()) == 120
    assert spent_by(Path("ledger"), "tiny") == pytest.approx(usd_of(answers()))


def test_two_steps_side_by_side_share_the_budget() -> None:
    running = [start(recipe(3.0), name) for name in "ab"]
    results = [finished(one) for one in running]
    assert {code for code, _ in results} == {5}, results
    paid = answers()
    # Each of the two has at most so many in flight when the sum is reached.
    assert 3.0 <= usd_of(paid) <= 3.0 + 2 * IN_FLIGHT * max(paid) * USD_PER_TOKEN


def test_what_the_run_cost_stands_in_the_manifest() -> None:
    code, said = finished(start(recipe(None), count=5))
    assert code == 0, said
    asked = yaml.safe_load(Path("out-a.jsonl.manifest.json").read_text())["asked"]
    assert asked["usd"] == pytest.approx(usd_of(answers()))


def test_the_manifest_says_what_the_rows_cost_in_all_whichever_run_asked_for_them() -> None:
    # Every second answer does not parse, so that some questions are paid for twice or thrice.
    faults = {"faults": {"malformed": 0.5}}
    assert finished(start(recipe(0.5, **faults), count=5))[0] == 5
    before = usd_of(answers())
    code, said = finished(start(recipe(None, **faults), count=5))
    assert code == 0, said
    asked = yaml.safe_load(Path("out-a.jsonl.manifest.json").read_text())["asked"]
    assert 0 < asked["usd"] == pytest.approx(usd_of(answers()) - before)
    assert asked["usd_of_rows"] == pytest.approx(usd_of(answers())) and len(answers()) > 15

    Path("out-a.jsonl.manifest.json").unlink()
    assert finished(start(recipe(None, **faults), count=5))[0] == 0
    again = yaml.safe_load(Path("out-a.jsonl.manifest.json").read_text())["asked"]
    assert (again["usd"], again["usd_of_rows"]) == (0.0, asked["usd_of_rows"])


def test_a_budget_without_a_price_is_refused_before_asking() -> None:
    options = recipe(2.0, kind="openai", model="nobody/nothing", prices=None, base_url="http://127.0.0.1:9/v1")
    code, said = finished(start(options, count=1))
    assert code == 3 and "Give its provider `prices`" in said, said
