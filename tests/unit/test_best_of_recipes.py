"""What a recipe may say of best-of-n, what it makes, and what `janus plan` says of it before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.planning.best_of import reward_lines, sample_lines
from janus_recipes.planning.nodes import best_of_nodes
from janus_recipes.planning.sampling import typical_answer
from janus_recipes.recipe.best_of import selected
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.workflow import files, jobs, specs

ROOT = Path(__file__).parents[2]
BEST = "best-of-64"


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def recipe_with(tmp_path: Path, text: str) -> Recipe:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return load_recipe([Path("recipes/janus.yaml"), file])


def rewarding(recipe: Recipe, condition: str = "multifaceted") -> str:
    return specs.rewarding_spec(recipe, BEST, condition)


def unmade(recipe: Recipe) -> Recipe:
    """The same under a name of which no results lie here."""
    return recipe.model_copy(update={"name": "never-made"})


def test_everything_wrong_with_best_of_n_is_told_at_once(tmp_path: Path) -> None:
    overlay = """\
best_of:
  best-of-64: {samples: 32, reward_model: janus-7b}
  single: {samples: 2, reward_model: janus-rm-7}
tables:
  table11:
    selections: [single, best-of-46, single]
    models: [gpt-6.1-terra, janus-dpo-7b]
    conditions: [multifaceted, multifaceted]
  table2: {models: [janus-7b, mistral-7b-v0.2, mistral-7b-instruct-v0.2, janus-7b]}
"""
    with pytest.raises(RecipeError) as caught:
        recipe_with(tmp_path, overlay)
    assert sorted(problem.rpartition("mine.yaml:")[2] for problem in caught.value.problems) == [
        "2: best_of.best-of-64.reward_model: janus-7b is no reward model: name one that is trained with `method: "
        "reward`",
        "2: best_of.best-of-64.samples: 32, but best-of-64 says 64: change either",
        "3: best_of.single.reward_model: janus-rm-7 is not under models (did you mean janus-rm-7b?)",
        "3: best_of.single: single is what plain sampling is called: give it another name",
        "6: tables.table11.selections.1: best-of-46 is not under best_of (did you mean best-of-64?)",
        "6: tables.table11.selections.2: single stands there twice: leave one out",
        "7: tables.table11.models.0: gpt-6.1-terra is answered by a provider, which is not sampled for best-of-n: show "
        "it in another table",
        "8: tables.table11.conditions.1: multifaceted stands there twice: leave one out",
        "9: tables.table2.models.3: janus-7b stands there twice: leave one out",
    ]


def test_table_11_needs_samples_rewards_and_the_verdicts_on_the_best(tmp_path: Path) -> None:
    recipe = recipe_with(tmp_path, "{}")
    verdicts = files.verdict_files(recipe, "table11")
    assert verdicts == [
        f"<results>/verdicts/multifaceted/{model}/multifaceted{best}.own.jsonl"
        for model in ("janus-star-7b", "janus-dpo-7b")
        for best in ("", ".best-of-64")
    ]
    wildcards = SimpleNamespace(bench="multifaceted", model="janus-dpo-7b", condition="multifaceted", selection=BEST)
    samples = "<results>/samples/multifaceted/janus-dpo-7b/multifaceted.64.jsonl"
    assert files.sample_file(recipe, wildcards) == samples
    assert files.curve_files(recipe) == ["<results>/best_of/multifaceted/best-of-64.csv"]
    rewards = files.curve_inputs(recipe, "multifaceted", BEST, verdicts=False)
    assert rewards[0] == "<results>/rewards/multifaceted/janus-star-7b/multifaceted.best-of-64.jsonl"
    assert files.curve_inputs(recipe, "multifaceted", BEST, verdicts=True) == []


def test_all_samples_are_judged_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe = recipe_with(tmp_path, "best_of: {best-of-64: {judge_samples: true}}")
    verdicts = files.curve_inputs(recipe, "multifaceted", BEST, verdicts=True)
    assert verdicts[0] == "<results>/verdicts/multifaceted/janus-star-7b/multifaceted.best-of-64.samples.jsonl"
    assert len(verdicts) == 2


def test_another_reward_model_rewards_anew_and_samples_nothing_anew(tmp_path: Path) -> None:
    before = recipe_with(tmp_path, "{}")
    after = recipe_with(tmp_path, "best_of: {best-of-64: {reward_model: janus-rm-stage1-7b}}")
    assert rewarding(before) != rewarding(after)
    answers = {specs.generation_spec(one, "janus-dpo-7b", "multifaceted") for one in (before, after)}
    assert len(answers) == 1 and len({specs.table_spec(one, "table11") for one in (before, after)}) == 1


def test_another_general_message_rewards_anew_only_what_was_answered_under_it(tmp_path: Path) -> None:
    before, after = (recipe_with(tmp_path, text) for text in ("{}", "default_system_message: Be kind."))
    assert [rewarding(before, one) == rewarding(after, one) for one in ("none", "default", "multifaceted")] == [
        True,
        False,
        True,
    ]


def test_more_hours_for_the_cluster_re_run_nothing(tmp_path: Path) -> None:
    before, after = recipe_with(tmp_path, "{}"), recipe_with(tmp_path, "best_of: {best-of-64: {hours: 48.0}}")
    assert specs.curve_spec(before, BEST) == specs.curve_spec(after, BEST)
    assert rewarding(before) == rewarding(after)
    assert (jobs.sampling_hours(before, 64), jobs.sampling_hours(after, 64)) == (24.0, 48.0)


def test_the_plan_counts_the_samples_their_rewards_and_the_verdicts(tmp_path: Path) -> None:
    recipe = unmade(recipe_with(tmp_path, "best_of: {best-of-64: {judge_samples: true}}"))
    tokens, gpu_s = typical_answer(recipe)
    samples, rewards = list(sample_lines(recipe)), list(reward_lines(recipe))
    assert [line.step for line in samples] == [
        f"multifaceted: sample {model} 64 times (multifaceted)" for model in ("janus-star-7b", "janus-dpo-7b")
    ]
    # 945 instances x 64, each as long as a single answer; the prompt has 160 + 100 tokens, read at 10,000 a second.
    assert samples[0].gpu_hours == pytest.approx(945 * 64 * gpu_s / 3600)
    assert rewards[0].gpu_hours == pytest.approx(945 * 64 * (260 + tokens) / 10000 / 3600)
    assert rewards[0].step.endswith("by janus-rm-7b") and len(rewards) == 2
    nodes = [node for one in selected(recipe) for node in best_of_nodes(recipe, one)]
    # Of each model the best by four rubrics in three runs, and every sample so.
    assert [node.at_most for node in nodes] == [945 * 12, 945 * 12 * 64] * 2
