"""`janus plan`: dollars and hours derived by hand for a tiny recipe, and what it says of what is done already."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import yaml
from rich.console import Console

from janus_recipes.files import write_jsonl
from janus_recipes.llm.chat import Reply, address_of, nth_attempt
from janus_recipes.llm.ledger import Ledger
from janus_recipes.planning.asking import asking_line, batch_hours, live_hours
from janus_recipes.planning.count import Count, Seen, counted
from janus_recipes.planning.line import Line
from janus_recipes.planning.nodes import AskingNode, asking_nodes
from janus_recipes.planning.plan import Plan, note_on_re_asks, plan_of
from janus_recipes.planning.show import money, print_plan, quantity, short
from janus_recipes.planning.tokens import TokenCounter, token_counter
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.provider import Provider
from janus_recipes.recipe.schema import Recipe
from janus_recipes.workflow.specs import asking_spec, generation_spec, judging_spec, table_spec, training_spec

pytestmark = pytest.mark.usefixtures("workplace")

ROOT = Path(__file__).parents[2]
JANUS = Path(sys.executable).with_name("janus")
PAPER, REHEARSAL = "recipes/janus.yaml", "recipes/rehearsal.yaml"


def tiny(*overlays: Mapping[str, Any], under: tuple[str, ...] = (PAPER,)) -> Recipe:
    """The paper's recipe, called tiny, with overlays."""
    return load_recipe([*map(Path, under), *files(*overlays)])


def files(*overlays: Mapping[str, Any]) -> list[Path]:
    paths = []
    for number, overlay in enumerate([{"name": "tiny", "ledger": "ledger"}, *overlays]):
        paths.append(Path(f"{number}.yaml"))
        paths[-1].write_text(yaml.safe_dump(overlay))
    return paths


def lines_of(plan: Plan) -> dict[str, Line]:
    return {line.step: line for line in plan.lines}


def node_of(recipe: Recipe, name: str) -> AskingNode:
    return next(node for node in asking_nodes(recipe) if node.name == name)


def instructions(count: int) -> Path:
    path = Path("results/tiny/collection/instructions.jsonl")
    rows = ({"id": f"i-{n}", "text": f"Why {n}?", "source": "pool", "origin": ""} for n in range(count))
    write_jsonl(path, rows)
    return path


TEACHER = {"providers": {"teacher": {"prices": {"input": 2.0, "output": 10.0}, "concurrency": 10}}}


def test_dollars_and_hours_are_those_of_what_is_left_to_ask() -> None:
    recipe = tiny(TEACHER)
    # Of 1,000 requests 400 are in the ledger: 600 x 500 tokens at $2 and 600 x 300 expected at $10 per million.
    line = asking_line(node_of(recipe, "collection.preference_sets"), Count(1000, 400, 600, 500.0), recipe, {})
    assert (line.tokens_in, line.tokens_out) == (300_000, 180_000)
    assert (line.usd, line.usd_in_batch, line.usd_to_spend) == pytest.approx((2.4, 1.2, 2.4))
    # 300 tokens at 60 a second take 5 s; 600 answers, 10 at a time: 300 s.
    assert line.hours == pytest.approx(300 / 3600)


def test_the_tightest_limit_decides_the_hours() -> None:
    teacher = Provider(kind="openai", model="m", concurrency=10, requests_per_minute=60, tokens_per_minute=42_000)
    # 600 requests: 600 s at 60 a minute. Of 500 + 300 tokens: 480,000 / 42,000 = 11.43 minutes. Side by side: 300 s.
    assert live_hours(teacher, 600, 500, 300, 60.0) == pytest.approx(480_000 / 42_000 / 60)
    assert live_hours(teacher.model_copy(update={"tokens_per_minute": None}), 600, 500, 300, 60.0) == pytest.approx(
        1 / 6
    )


def test_a_recipe_that_asks_in_batches_spends_the_batch_price_and_takes_their_windows() -> None:
    recipe = tiny(TEACHER, {"providers": {"teacher": {"kind": "openai-batch", "batch": {"tokens_queued": 500_000}}}})
    line = asking_line(node_of(recipe, "collection.preference_sets"), Count(600, 0, 600, 500.0), recipe, {})
    assert (line.usd, line.usd_in_batch, line.usd_to_spend) == pytest.approx((2.4, 1.2, 1.2))
    # Queued are prompts and answers at their limit: 600 x (500 + 1,024) = 914,400 tokens: two windows of 24 hours. What
    # does not parse then is asked again twice, each time in a window of its own.
    assert line.hours == (2 + 2) * 24.0
    assert (batch_hours(teacher := recipe.providers["teacher"], 500_000, 0), teacher.batch.window) == (24.0, "24h")


def test_the_hours_of_batches_have_a_window_for_each_time_that_an_answer_may_be_asked_for_again() -> None:
    for re_asks in range(4):
        batch: Mapping[str, Any] = {"collection": {"preference_sets": {"re_asks": re_asks}}}
        recipe = tiny(TEACHER, {"providers": {"teacher": {"kind": "openai-batch"}}}, batch)
        node = node_of(recipe, "collection.preference_sets")
        assert asking_line(node, Count(600, 0, 600, 500.0), recipe, {}).hours == 24.0 * (1 + re_asks)
        assert asking_line(node, Count(600, 600, 0, 500.0), recipe, {}).hours == 0.0
    assert any("one more for each of the `re_asks`" in note for note in plan_of(tiny()).notes)


def test_a_budget_that_batches_share_is_said_to_be_taken_up_by_what_they_cost_at_most() -> None:
    batches = {"providers": {"teacher": {"kind": "openai-batch"}}}

    def says(*overlays: Mapping[str, Any]) -> bool:
        return any(
            "what it costs at most, with answers of `max_tokens`" in note for note in plan_of(tiny(*overlays)).notes
        )

    assert says(batches, {"budget_usd": 5.0})
    assert not says(batches, {"budget_usd": None}) and not says({"budget_usd": 5.0})


def test_answers_are_as_long_as_the_ledgers_else_as_another_steps_of_that_kind() -> None:
    recipe = tiny(TEACHER)
    node = node_of(recipe, "collection.preference_sets")
    seen = {("preference_set", "gpt-6.1-terra"): Seen(200.0)}
    assert asking_line(node, Count(10, 0, 10, 500.0, Seen(50.0)), recipe, seen).tokens_out == 500
    assert asking_line(node, Count(10, 0, 10, 500.0), recipe, seen).tokens_out == 2000
    assert asking_line(node, Count(10, 0, 10, 500.0), recipe, {}).tokens_out == 3000  # as the recipe expects


def test_what_is_asked_again_is_planned_for_at_the_rate_that_the_ledger_has_seen() -> None:
    recipe = tiny(TEACHER)
    node = node_of(recipe, "collection.preference_sets")
    # 600 rows of 1.25 answers: 750 x 500 tokens at $2 and 750 x 100 at $10 per million; 75 rounds of 100 / 60 s.
    line = asking_line(node, Count(1000, 400, 600, 500.0, Seen(100.0, 1.25)), recipe, {})
    assert (line.to_ask, line.tokens_in, line.tokens_out) == (600, 375_000, 75_000)
    assert (line.usd, line.hours) == pytest.approx((0.75 + 0.75, 125 / 3600))
    # Another step of the kind goes by it too; nothing is known of others.
    assert asking_line(node, Count(8, 0, 8, 500.0), recipe, {("preference_set", "gpt-6.1-terra"): Seen(9.0, 1.5)}).hours
    assert asking_line(node, Count(8, 0, 8, 500.0), recipe, {}).answers_a_row == 1.0
    assert note_on_re_asks([line]).endswith(
        "1.00, but 1.25 (collection.preference_sets), as the rows in the ledger took."
    )
    assert note_on_re_asks([]).endswith("asked for again: 1.00.")


def test_the_ledger_tells_how_many_answers_a_row_takes() -> None:
    recipe = tiny(TEACHER)
    instructions(2)
    step, teacher = node_of(recipe, "collection.preference_sets").step(), recipe.providers["teacher"]
    with Ledger.open(Path("ledger"), teacher.model) as ledger:
        first = next(iter(step.requests()))
        for number in range(step.asking.re_asks + 1):
            bad = Reply("no JSON", "stop", completion_tokens=7)
            ledger.put(address_of(nth_attempt(first, number), teacher), bad)
        count = counted(step, teacher, ledger, TokenCounter(None))
    assert (count.requests, count.to_ask, count.seen) == (6, 5, Seen(7.0, step.asking.re_asks + 1.0))


def test_an_open_judge_costs_gpu_hours_and_no_dollars() -> None:
    served = {"kind": "vllm", "model": "org/judge-7b", "key_env": None, "served": {"gpus": 2, "revision": "0" * 40}}
    recipe = tiny({"providers": {"judge": served}})
    node = next(node for node in asking_nodes(recipe) if node.kind == "verdict")
    line = asking_line(node, Count(9000, 0, 9000, 1000.0), recipe, {})
    # 9,000 x 1,000 tokens read at 10,000/s = 900 s; 9,000 x 250 written at 2,500/s = 900 s: half a GPU-hour, on two.
    assert (line.usd, line.usd_in_batch) == (0.0, 0.0)
    assert (line.gpu_hours, line.hours) == pytest.approx((0.5, 0.25))


def test_requests_are_exact_where_inputs_are_there_and_at_most_elsewhere() -> None:
    instructions(7)
    lines = lines_of(plan_of(tiny()))
    sets, messages = lines["collection.preference_sets"], lines["collection.system_messages"]
    assert (sets.requests, sets.basis) == (21, "exact")  # 7 x 3
    assert (messages.requests, messages.basis) == (21, "estimate")
    assert lines["multifaceted: judge janus-7b (multifaceted)"].requests == 11_340  # 945 x 4 x 3


def test_a_price_nobody_knows_is_shown_and_makes_the_total_unknown() -> None:
    plan = plan_of(tiny({"providers": {"judge": {"model": "nobody/nothing", "reasoning_effort": None}}}))
    assert plan.total.usd is None and plan.usd_to_spend is None
    assert any("judge: nobody/nothing: give it `prices`" in note for note in plan.notes)


UNPRICED = {"budget_usd": 5.0, "providers": {"judge": {"model": "nobody/nothing", "reasoning_effort": None}}}


def test_a_budget_without_a_price_is_said_to_stop_the_steps_that_ask_there() -> None:
    said = money(plan_of(tiny(UNPRICED)))
    assert said == (
        "As it is, tiny would not finish: the price of judge: nobody/nothing is not known, so its budget of $5.00 "
        "cannot be kept, and every step that asks there will refuse to start. Give `prices` (dollars per million "
        "tokens), or set `budget_usd: null`."
    )
    assert "would spend ?" in money(plan_of(tiny(UNPRICED, {"budget_usd": None})))


def test_validate_warns_of_a_budget_without_a_price_and_of_no_other() -> None:
    warned = command("validate", PAPER, *files(UNPRICED))
    assert warned.returncode == 0
    assert "warning: providers.judge.prices: the price of nobody/nothing is not known" in warned.stderr
    assert "refuse to start. Give its `prices`" in warned.stderr and "providers.teacher" not in warned.stderr
    for fine in ({"budget_usd": None}, {"providers": {"judge": {"prices": {"input": 1.0, "output": 1.0}}}}):
        assert "warning" not in command("validate", PAPER, *files(UNPRICED, fine)).stderr


def test_a_finished_step_of_unknown_price_leaves_nothing_to_spend() -> None:
    made = Line("judge", "judge: nobody/nothing", "made", requests=5, in_ledger=5, usd=None, usd_in_batch=None)
    assert made.usd_to_spend == 0.0
    assert "would spend $0.00" in money(Plan("tiny", [made], [], 5.0, 0.0))


def test_a_budget_that_is_not_enough_is_said_before_anything_runs() -> None:
    assert "NOT ENOUGH" in money(plan_of(tiny({"budget_usd": 5.0})))
    assert "NOT ENOUGH" not in money(plan_of(tiny({"budget_usd": 50_000.0})))


def test_planning_waits_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: time.sleep(30))
    began = time.monotonic()
    counter = token_counter()
    assert time.monotonic() - began < 5 and counter.count("eight ch") == 2.0
    assert "4 characters a token" in counter.method


def test_tokens_are_counted_by_the_encoding_where_there_is_one() -> None:
    # Bytes as tokens, without any merge: an encoding that needs no file.
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=r".+", mergeable_ranks=ranks, special_tokens={"<|end|>": 256})
    assert TokenCounter(encoding).count("nine <|end|>") == 12


def test_a_narrow_terminal_still_names_every_step_and_figure() -> None:
    plan = plan_of(tiny())
    for width in (80, 110, 200):
        out = io.StringIO()
        print_plan(plan, Console(file=out, width=width, force_terminal=True, no_color=True))
        text = " ".join(out.getvalue().split())
        assert "…" not in text
        for shown in ("collection.preference_sets", "gpt-6.1-terra", "300,000", "estimate", "batch $"):
            assert shown in text, (width, shown)


def test_figures_are_short() -> None:
    assert [short(number) for number in (0, 7, 1260, 999_600, 1_260_000, 2.5e9)] == [
        "",
        "7",
        "1.26k",
        "1M",
        "1.26M",
        "2.5G",
    ]
    assert [quantity(hours) for hours in (0, 0.001, 0.25, 1234.56)] == ["", "<0.01", "0.25", "1,234.6"]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key not in ("OPENAI_API_KEY", "JANUS_RECIPE")}
    return subprocess.run([JANUS, *arguments], env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_the_papers_plan_is_there_in_seconds_and_writes_nothing(workplace: Path) -> None:
    before = sorted(workplace.iterdir())
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command("plan", PAPER, "--json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime - spent.ru_utime < 4
    assert json.loads(done.stdout)["total"]["requests"] > 900_000
    assert sorted(workplace.iterdir()) == before


def test_after_a_finished_step_all_is_in_the_ledger_and_costs_nothing_more() -> None:
    priced = {"providers": {"teacher": {"prices": {"input": 1.0, "output": 1.0}}}}
    recipe = [PAPER, REHEARSAL, *files(priced)]
    out = Path("results/tiny/collection/preferences.jsonl")
    options = [part for one in recipe for part in ("--recipe", str(one))]
    before = json.loads(command("plan", *recipe, "--json").stdout)
    asked = command("collect", "preferences", *options, "--instructions", instructions(5), "--out", out)
    assert asked.returncode == 0, asked.stderr
    after = json.loads(command("plan", *recipe, "--json").stdout)
    sets, messages = after["nodes"][:2]
    assert (sets["requests"], sets["in_ledger"], sets["to_ask"], sets["usd"], sets["basis"]) == (15, 15, 0, 0.0, "made")
    assert (messages["requests"], messages["basis"]) == (15, "exact")
    assert after["total"]["usd"] < before["total"]["usd"] and after["spent_usd"] > 0


def test_a_half_done_step_counts_what_is_missing_and_another_seed_makes_it_new() -> None:
    recipe = [PAPER, REHEARSAL, *files({})]
    out, some = Path("results/tiny/collection/preferences.jsonl"), instructions(5)
    options = [part for one in recipe for part in ("--recipe", str(one))]
    assert command("collect", "preferences", *options, "--instructions", some, "--out", out).returncode == 0
    instructions(8)  # three more: the file is not the one that the step was made from
    sets = lines_of(plan_of(load_recipe([Path(one) for one in recipe])))["collection.preference_sets"]
    assert (sets.requests, sets.in_ledger, sets.to_ask, sets.basis) == (24, 15, 9, "exact")
    instructions(5)
    seeded = tiny({"seed": 7}, under=(PAPER, REHEARSAL))
    sets = lines_of(plan_of(seeded))["collection.preference_sets"]
    assert sets.basis == "exact" and sets.to_ask > 0


def test_what_only_the_plan_and_the_purse_need_re_runs_nothing() -> None:
    teacher = {"prices": {"input": 1.0, "output": 1.0}, "requests_per_minute": 7}
    sets = {"expected_tokens": 7}
    money_and_speed = {
        "budget_usd": 1.0,
        "throughput": {"answer_tokens_per_second": 1.0},
        "providers": {"teacher": teacher, "judge": teacher},
        "collection": {"preference_sets": sets},
        "judging": sets,
    }
    before, after = tiny(), tiny(money_and_speed)
    assert asking_spec(before, before.collection.preference_sets) == asking_spec(
        after, after.collection.preference_sets
    )
    assert judging_spec(before) == judging_spec(after)
    for decides in (table_spec, training_spec):
        name = "table2" if decides is table_spec else "janus-7b"
        assert decides(before, name) == decides(after, name)
    assert generation_spec(before, "janus-7b", "none") == generation_spec(after, "janus-7b", "none")
