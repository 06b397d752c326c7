"""A model that a provider answers for stands in tables as those with weights do, and is asked as everything is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from janus_recipes.cli import app
from janus_recipes.errors import RecipeError
from janus_recipes.files import Json, read_jsonl, write_jsonl
from janus_recipes.generation.run import generation_requests
from janus_recipes.planning.nodes import AskingNode, asking_nodes
from janus_recipes.planning.plan import plan_of
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, BenchInstance, Preference, Rubric, row_of
from janus_recipes.workflow.entries import asked_models, sampled_models
from janus_recipes.workflow.specs import asked_answers_spec
from tests.scripted import KEY, Said, Scripted, scripted

JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")
MODEL = "gpt-6.1-terra"
BENCH = Path("results/tiny/bench/multifaceted/bench.jsonl")
OUT = Path(f"results/tiny/answers/multifaceted/{MODEL}/multifaceted.jsonl")

PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "any", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
QUESTIONS = ("whole", "cut", "cut before a word", "declined", "blank")


@pytest.fixture(autouse=True)
def in_a_workplace(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    instances = [
        BenchInstance(f"i-{n}/0", f"i-{n}", "mf-Koala", text, "Be brief.", PREFERENCES, "!", RUBRICS)
        for n, text in enumerate(QUESTIONS)
    ]
    write_jsonl(BENCH, map(row_of, instances))


def says(question: str, before: int) -> Said:
    return {
        "whole": Said("  An answer. \n"),
        "cut": Said(" An answer that", finish_reason="length"),
        "cut before a word": Said("", finish_reason="length"),
        "declined": Said(None, refusal="No."),
        "blank": Said(" "),
    }[question]


def recipe_files(*overlays: Json) -> list[Path]:
    paths = [JANUS]
    for number, overlay in enumerate([{"name": "tiny", "ledger": "ledger"}, *overlays]):
        paths.append(Path(f"{number}.yaml"))
        paths[-1].write_text(yaml.safe_dump(overlay))
    return paths


def at(script: Scripted, **more: Any) -> Json:
    return {"providers": {MODEL: {"base_url": script.base_url, **more}}}


def generate(files: list[Path], condition: str = "multifaceted") -> list[Json]:
    out = OUT.with_stem(condition)
    words = ["generate", MODEL, "--condition", condition, "--bench", str(BENCH), "--out", str(out)]
    done = CliRunner().invoke(app, [*words, *(part for file in files for part in ("--recipe", str(file)))])
    assert done.exception is None, done.exception
    return list(read_jsonl(out))


def test_answers_are_the_rows_that_vllm_writes_also_empty_ones_and_a_refusal_stays_one() -> None:
    with scripted(says) as script:
        rows = generate(recipe_files(at(script)))
    # As vLLM's: without the space around it. One that is cut at the limit of 4,096 tokens is judged and says so, and an
    # empty one is judged as an empty one of a model with weights is.
    assert [(row["status"], row["value"]) for row in rows] == [
        ("ok", "An answer."),
        ("ok", "An answer that"),
        ("ok", ""),
        ("refused", None),
        ("ok", ""),
    ]
    assert [row["reason"] for row in rows[:3]] == ["", "cut at 4096 tokens", "cut at 4096 tokens"]
    assert rows[4]["reason"] == "the answer is blank"
    assert rows[1]["raw"] == " An answer that"


@pytest.mark.parametrize("condition", ["none", "default", "multifaceted"])
def test_it_gets_the_messages_and_the_sampling_that_the_others_get(condition: Any) -> None:
    files = recipe_files({"default_system_message": "Be kind."})
    with scripted(says) as script:
        generate([*files, *recipe_files(at(script))[2:]], condition)
    recipe = load_recipe(files)
    whole = BenchInstance("i-0/0", "i-0", "mf-Koala", "whole", "Be brief.", PREFERENCES, "!", RUBRICS)
    (to_vllm,) = generation_requests([whole], condition, recipe.default_system_message, recipe.seed)
    body = next(body for body in script.bodies if body["messages"][-1]["content"] == "whole")
    assert body["messages"] == to_vllm["messages"]
    assert (body["temperature"], body["top_p"], body["max_completion_tokens"]) == (1.0, 0.9, 4096)
    assert "repetition_penalty" not in body


@pytest.mark.parametrize(
    ("accepts", "left_out"),
    [
        (True, {"repetition_penalty": 1.03}),
        (False, {"repetition_penalty": 1.03, "temperature": 1.0, "top_p": 0.9}),
    ],
)
def test_the_manifest_says_what_was_not_sent(accepts: bool, left_out: Json) -> None:
    with scripted(says) as script:
        generate(recipe_files(at(script, accepts_sampling=accepts)))
    manifest = json.loads(OUT.with_name(f"{OUT.name}.manifest.json").read_text())
    assert manifest["notes"] == {"model": MODEL, "condition": "multifaceted", "not_sent": left_out}
    assert manifest["asked"]["model"] == MODEL


def test_an_answer_is_paid_for_once() -> None:
    with scripted(says) as script:
        first = generate(recipe_files(at(script)))
        OUT.unlink()
        assert generate(recipe_files(at(script))) == first
    assert set(script.came.values()) == {1}


def node_of(recipe: Recipe, name: str) -> AskingNode:
    return next(node for node in asking_nodes(recipe) if node.name == name)


def test_the_plan_counts_its_requests_and_not_as_vllms_and_then_knows_them_made() -> None:
    with scripted(says) as script:
        files = recipe_files(at(script))
        step = f"multifaceted: answers of {MODEL} (multifaceted)"
        before = {line.step: line for line in plan_of(load_recipe(files)).lines}
        assert (before[step].requests, before[step].to_ask) == (5, 5)
        assert before[step].usd and not before[step].gpu_hours
        assert not any(f"sample {MODEL}" in name for name in before)
        assert not node_of(load_recipe(files), f"multifaceted: judge {MODEL} (multifaceted)").current
        generate(files)
    recipe = load_recipe(files)
    assert {line.step: line for line in plan_of(recipe).lines}[step].to_ask == 0
    # Four of five are ok and are judged: by four rubrics, three times.
    judged = node_of(recipe, f"multifaceted: judge {MODEL} (multifaceted)")
    assert judged.is_exact and len(list(judged.step().requests())) == 4 * 4 * 3


def test_without_a_bench_the_plan_counts_as_many_as_there_may_be() -> None:
    BENCH.unlink()
    lines = {line.step: line for line in plan_of(load_recipe(recipe_files())).lines}
    # Table 2 and 8 share the condition multifaceted, table 8 has none, too: each 315 instructions x 3.
    assert [lines[f"multifaceted: answers of {MODEL} ({one})"].requests for one in ("none", "multifaceted")] == [
        945
    ] * 2


def test_another_model_or_sampling_asks_anew_and_the_speed_of_asking_does_not() -> None:
    def spec(*overlays: Json) -> str:
        return asked_answers_spec(load_recipe(recipe_files(*overlays)), MODEL, "none")

    assert spec() == spec({"providers": {MODEL: {"concurrency": 3}}, "generation": {"chunk": 2, "gpus": 2}})
    assert spec() != spec({"providers": {MODEL: {"model": "gpt-6-sol"}}})
    assert spec() != spec({"generation": {"sampling": {"top_p": 0.5}}})


def test_every_model_that_writes_answers_is_sampled_or_asked() -> None:
    recipe = load_recipe([JANUS])
    assert asked_models(recipe) == [MODEL]
    rest = set(recipe.models) - set(sampled_models(recipe)) - {MODEL}
    assert rest == {"janus-rm-stage1-7b", "janus-rm-7b"}  # these score answers


def test_in_a_rehearsal_it_is_played_whatever_provider_it_names() -> None:
    real = {
        "providers": {"mine": {"kind": "openai-batch", "model": "m", "key_env": "K"}},
        "models": {"m": {"provider": "mine"}},
    }
    recipe = load_recipe([*recipe_files(), REHEARSAL, *recipe_files(real)[2:]])
    played = recipe.providers["mine"]
    assert (played.kind, played.base_url, played.key_env) == ("rehearsal", None, None)


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        (
            {"models": {"m": {"train": None}}},
            "models.m.base: missing (a name under `base_models`), or give a `provider`",
        ),
        (
            {"models": {"m": {"provider": "teacheer"}}},
            "m.provider: teacheer is not under providers (did you mean teacher?)",
        ),
        ({"models": {"m": {"extends": "janus-7b", "provider": "teacher"}}}, "m.provider: has weights (`base`) already"),
        (
            {"models": {"m": {"extends": "janus-7b", "base": None, "provider": "teacher"}}},
            "m.train: a model that a provider answers for is not trained here: set it to null",
        ),
        (
            {"models": {"janus-dpo-7b": {"train": {"start": MODEL}}}},
            f"janus-dpo-7b.train.start: {MODEL} is answered by a provider, so it has no weights here to start from",
        ),
        (
            {"models": {"janus-dpo-7b": {"train": {"start": ["janus-7b"]}}}},
            "janus-dpo-7b.train.start",
        ),
        (
            {"rankings": {"held-out": {"models": ["janus-7b", MODEL]}}},
            f"rankings.held-out.models.1: {MODEL} is answered by a provider, so it has no weights here to score pairs",
        ),
    ],
)
def test_what_a_model_cannot_be_is_told_before_anything_runs(overlay: Json, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe_files(overlay))
    assert any(told in problem for problem in caught.value.problems), caught.value.problems


def test_a_model_with_weights_is_not_sampled_without_vllms_environment() -> None:
    words = ["generate", "janus-7b", "--condition", "none", "--bench", str(BENCH), "--out", "x.jsonl"]
    done = CliRunner().invoke(app, [*words, "--recipe", str(JANUS)])
    assert "--env: needed, as vLLM samples janus-7b: .envs/vllm-cuda/.ready" in str(done.exception)


@pytest.mark.parametrize(
    ("base", "generation_gpus", "gpus"),
    [("mistral-7b-v0.2", 1, 1), ("llama-3-70b", 1, 4), ("mixtral-8x7b-instruct-v0.1", 1, 2), ("llama-3-70b", 0, 0)],
)
def test_a_large_base_takes_its_gpus_and_on_the_cpu_none(base: str, generation_gpus: int, gpus: int) -> None:
    recipe = load_recipe(recipe_files({"generation": {"gpus": generation_gpus}}))
    assert recipe.base_models[base].fitted(recipe.generation).gpus == gpus


def test_a_large_models_sampling_is_planned_by_its_size() -> None:
    lines = {line.step: line for line in plan_of(load_recipe(recipe_files())).lines}
    small, large = (lines[f"multifaceted: sample {name} (multifaceted)"] for name in ("mistral-7b-v0.2", "llama-3-70b"))
    assert small.gpu_hours and large.gpu_hours and small.hours and large.hours
    # 70.6 billion parameters for 7.24, on four GPUs.
    assert large.gpu_hours / small.gpu_hours == pytest.approx(70.6 / 7.24)
    assert large.hours / small.hours == pytest.approx(70.6 / 7.24 / 4)
