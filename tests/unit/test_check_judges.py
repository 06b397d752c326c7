"""Mistakes about judges and calibrations are told all at once, before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.planning.nodes import asking_nodes, judged
from janus_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]
STACK = [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def problems(folder: Path, overlay: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(overlay)
    with pytest.raises(RecipeError) as error:
        load_recipe([*STACK, file])
    return "\n".join(error.value.problems)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
judges:
  judging: {provider: mild-judge, sampling: {max_tokens: 64}}
  lost: {provider: mildjudge, prompt: prompts/juge.j2, sampling: {max_tokens: 64}}
calibrations:
  mild: {judges: [judging, milt], models: [janus-7b, janus-rm-7b], family: {mild: [janus-7b]}}
""",
    )
    for wanted in (
        "judges.judging: judging is the recipe's own judge: give this one another name",
        "judges.lost.provider: mildjudge is not under providers (did you mean mild-judge?)",
        "judges.lost.prompt: there is no file prompts/juge.j2 (did you mean prompts/judge.j2?)",
        "calibrations.mild.judges.1: milt is not under judges (did you mean mild?)",
        "calibrations.mild.models.1: janus-rm-7b is a reward model, which writes no answers",
        "calibrations.mild.family.mild: mild is not among this calibration's judges",
    ):
        assert wanted in told, told


def test_one_judge_under_two_names_is_no_second_judge(tmp_path: Path) -> None:
    same = "judges: {again: {provider: judge, sampling: {temperature: 1.0, top_p: 1.0, max_tokens: 1024}}}"
    told = problems(tmp_path, f"{same}\ncalibrations: {{mild: {{judges: [judging, again]}}}}")
    assert "again asks the same model the same questions as judging: their verdicts would be the same rows" in told
    assert "there twice" in problems(tmp_path, "calibrations: {mild: {judges: [mild, mild]}}")


def test_what_makes_two_judges_one_is_the_address_of_what_they_are_asked(tmp_path: Path) -> None:
    def told(provider: str, judge: str = "") -> str:
        two = "".join(
            f"  {name}: {{provider: {name}, sampling: {{temperature: {heat}, max_tokens: 9}}{judge if heat else ''}}}\n"
            for name, heat in (("cold", 0.0), ("hot", 1.0))
        )
        providers = "".join(f"  {name}: {{model: m, {provider.replace('NAME', name)}}}\n" for name in ("cold", "hot"))
        return problems(
            tmp_path, f"providers:\n{providers}judges:\n{two}calibrations:\n  mild: {{judges: [cold, hot]}}\n"
        )

    same = "hot asks the same model the same questions as cold"
    # A temperature that is not sent makes no second judge, however its template's path is spelt.
    assert same in told("kind: openai, accepts_sampling: false")
    assert same in told("kind: openai, accepts_sampling: false", ", prompt: ./prompts/judge.j2")
    assert same not in told("kind: openai")
    assert same not in told("kind: openai, accepts_sampling: false", ", prompt: prompts/judge_prometheus.j2")


def test_two_revisions_of_served_weights_are_two_judges(tmp_path: Path) -> None:
    def overlay(first: str, second: str) -> str:
        served = "".join(
            f"  {name}: {{kind: vllm, model: m, concurrency: {n}, served: {{revision: '{revision}'}}}}\n"
            for n, (name, revision) in enumerate((("one", first), ("two", second)), start=1)
        )
        judges = "".join(f"  {name}: {{provider: {name}, sampling: {{max_tokens: 64}}}}\n" for name in ("one", "two"))
        # A wrong family, so that there is a problem to tell in any case.
        wanted = "  mild: {judges: [one, two], family: {mild: null, nobody: [janus-7b]}}\n"
        return f"providers:\n{served}judges:\n{judges}calibrations:\n{wanted}"

    same = "two asks the same model the same questions as one"
    assert same in problems(tmp_path, overlay("1", "1"))
    assert same not in problems(tmp_path, overlay("1", "2"))


def test_what_is_compared_twice_would_count_twice(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        "calibrations: {mild: {models: [janus-7b, janus-star-7b, janus-7b], conditions: [multifaceted, multifaceted]}}",
    )
    assert "calibrations.mild.models.2: janus-7b is there twice" in told
    assert "calibrations.mild.conditions.1: multifaceted is there twice" in told


def test_a_family_of_all_models_leaves_nothing_to_compare_with(tmp_path: Path) -> None:
    told = problems(tmp_path, "calibrations: {mild: {models: [janus-7b], family: {mild: [janus-7b]}}}")
    assert "calibrations.mild.family.mild: are all of the models" in told


def test_the_plan_counts_the_further_judges_verdicts(tmp_path: Path) -> None:
    file = tmp_path / "nothing-made.yaml"
    file.write_text("name: nothing-made")  # the bench of a finished rehearsal may have fewer instances
    recipe = load_recipe([*STACK, file])
    nodes = {node.name: node for node in asking_nodes(recipe) if "by mild" in node.name}
    assert len(nodes) == 3
    node = nodes["multifaceted: judge janus-7b (multifaceted, by mild)"]
    # At most 120 instances, 4 rubrics each, 2 runs.
    assert node.at_most == 120 * 4 * 2
    assert node.out.name == "multifaceted.own@mild.jsonl" and node.asking is recipe.judges["mild"]
    assert next(iter(node.typical())).sampling == recipe.judges["mild"].sampling


def test_answers_that_only_another_judge_sees_are_not_counted_for_the_recipes_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("calibrations: {mild: {judges: [mild], models: [janus-7b], conditions: [default], family: null}}")
    recipe = load_recipe([*STACK, file])
    assert ("multifaceted", "janus-7b", "default") not in judged(recipe)
    assert any(node.name.endswith("janus-7b (default, by mild)") for node in asking_nodes(recipe))


def test_the_registry_of_judges_is_a_recipe_and_each_judge_is_asked_in_its_own_form() -> None:
    recipe = load_recipe([Path("recipes/janus.yaml"), Path("recipes/judges.yaml")])
    assert set(recipe.judges) == {"sol", "prometheus-2", "paper-2024"}
    nodes = {node.name: node for node in asking_nodes(recipe) if ", by " in node.name}
    asked = {
        judge: nodes[f"multifaceted: judge janus-7b (multifaceted, by {judge})"] for judge in ("sol", "prometheus-2")
    }
    texts = {judge: next(iter(node.typical())).messages[-1].content for judge, node in asked.items()}
    assert "<rubric>" in texts["sol"] and "###Score Rubrics:\n[" in texts["prometheus-2"]
    assert "\nScore 5: " in texts["prometheus-2"] and texts["prometheus-2"].endswith("###Feedback:")
