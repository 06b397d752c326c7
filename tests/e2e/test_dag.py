"""What runs when: dry runs touch nothing, and a change re-runs what it decides and nothing else (contract 4)."""

from __future__ import annotations

import compileall
import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.files import digest_of
from tests.e2e.claims import TABLE10
from tests.e2e.workshop import BIN, Workshop, jobs_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

JUDGED = {"own", "swapped"}
TABLE = "build_table(table=table2)"
IN_TABLE = ("janus-7b", "janus-star-7b", "janus-dpo-7b", "janus-orpo-7b")
"""The trained models of Table 2: their cards show its figures."""
BEST_OF_PAGES = {"build_table(table=table11)", "build_best_of_curve(bench=multifaceted, selection=best-of-8)"}
CALIBRATED = {"calibrate_judges(calibration=mild)", "report_bias(calibration=mild)"}
REWARDS = ("janus-rm-stage1-7b", "janus-rm-7b", "janus-rm-new-head-7b")
"""The reward models: their cards show the ranking's."""


def win_rates_of(*against: str) -> set[str]:
    """The comparisons of Janus 7B with these, and the page that they stand on."""
    compared = {f"compare_answers(win_rate=gains, model=janus-7b, against={one})" for one in against}
    return {*compared, "build_win_rates(win_rate=gains)"}


def judged_best(model: str) -> set[str]:
    """The verdicts on the best of a model's samples, and on all of them."""
    of = f"bench=multifaceted, model={model}, condition=multifaceted, selection=best-of-8"
    best = {f"judge_best_answers({of}, rubrics={rubrics})" for rubrics in JUDGED}
    return {*best, f"judge_samples({of})", *BEST_OF_PAGES}


def best_of_nodes(model: str) -> set[str]:
    """The jobs between a model's training and Table 11."""
    of = f"bench=multifaceted, model={model}, condition=multifaceted"
    made = {f"{rule}({of}, selection=best-of-8)" for rule in ("reward_samples", "choose_best_answers")}
    return {f"sample_answers({of}, samples=8)", *made, *judged_best(model)}


def cards_of(*models: str) -> set[str]:
    return {f"write_model_card(model={model})" for model in models}


def nodes_of(model: str) -> set[str]:
    """The jobs between a model's training and the table."""
    answers = f"bench=multifaceted, model={model}, condition=multifaceted"
    judged = {f"judge_answers({answers}, rubrics={rubrics})" for rubrics in JUDGED}
    return {f"train_model(model={model})", f"generate_answers({answers})", *judged}


def tree(folder: Path) -> dict[str, str]:
    """Every file outside .snakemake by its digest; folders too, so that an empty one shows."""
    found = {}
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".snakemake", ".envs")]
        found[path] = "folder"
        found.update({f"{path}/{name}": digest_of(Path(path, name)) for name in files if name != "snakemake.out"})
    return found


def test_a_dry_run_of_the_papers_recipe_leaves_the_tree_as_it_was(clean_copy: Workshop) -> None:
    compileall.compile_dir(clean_copy.folder / "janus_recipes", quiet=1)  # as `make setup` does
    before = tree(clean_copy.folder)
    clean_copy.run("-n", "--configfile", "recipes/janus.yaml")
    assert tree(clean_copy.folder) == before


def test_the_paper_is_planned_without_a_key_and_with_retired_models(clean_copy: Workshop) -> None:
    planned = clean_copy.run("-n", "--configfile", "recipes/janus.yaml", "recipes/ablations/paper-2024.yaml")
    assert "train_model" in planned


def test_a_finished_rehearsal_has_nothing_left_to_do(copy: Workshop) -> None:
    assert "Nothing to be done" in copy.run()


def test_a_models_learning_rate_re_runs_that_models_nodes_and_no_others(copy: Workshop) -> None:
    edit = copy.write("edit.yaml", "models: {janus-orpo-7b: {train: {learning_rate: 6.0e-6}}}\n")
    config = "write_training_config(model=janus-orpo-7b)"
    assert copy.planned(edit) == {config, *nodes_of("janus-orpo-7b"), TABLE, *cards_of(*IN_TABLE)}


def test_an_added_model_adds_its_own_nodes_and_the_table(copy: Workshop) -> None:
    planned = copy.planned("recipes/ablations/learning-rate.yaml")
    (name,) = {job.removeprefix("train_model(model=").removesuffix(")") for job in planned if "train_model" in job}
    assert name != "janus-7b"
    assert planned == {
        f"write_training_config(model={name})",
        *nodes_of(name),
        "build_table(table=learning-rate)",
        *cards_of(name, "janus-7b"),
    }


def test_a_models_learning_rate_re_runs_the_models_that_start_from_it_too(copy: Workshop) -> None:
    edit = copy.write("edit.yaml", "models: {janus-star-7b: {train: {learning_rate: 6.0e-6}}}\n")
    config = "write_training_config(model=janus-star-7b)"
    trained = ("janus-star-7b", "janus-dpo-7b")
    ranked = {f"score_pairs(bench=multifaceted, model={model})" for model in trained}
    ranking = {*ranked, "build_ranking(ranking=held-out)"}
    cards = cards_of(*IN_TABLE, *REWARDS) | win_rates_of("janus-star-7b") | CALIBRATED
    cards |= {f"judge_by_another(bench=multifaceted, model={trained[0]}, condition=multifaceted, judge=mild)"}
    best = best_of_nodes(trained[0]) | best_of_nodes(trained[1])
    assert copy.planned(edit) == {config, *nodes_of(trained[0]), *nodes_of(trained[1]), TABLE, *ranking, *cards, *best}


def test_an_ablations_base_model_is_a_tiny_one_in_a_rehearsal(copy: Workshop) -> None:
    overlay = copy.write(
        "base.yaml",
        "base_models: {llama: {path: meta-llama/Llama-2-7b-hf}}\n"
        "models: {janus-llama: {extends: janus-7b, base: llama}}\n"
        "tables: {table2: {models: [janus-llama]}}\n",
    )
    assert "make_tiny_base(base=llama)" in copy.planned(overlay)


def test_helpful_responses_are_asked_for_only_where_a_data_set_takes_them(clean_copy: Workshop) -> None:
    def helpful(*overlays: str) -> set[str]:
        files = ("recipes/janus.yaml", "recipes/rehearsal.yaml", *overlays)
        planned = jobs_in(clean_copy.run("-n", "datasets", "--configfile", *files))
        assert "cut_dataset(dataset=sft-196k)" in planned
        return {job for job in planned if "helpful_responses" in job}

    assert helpful() == set()
    assert helpful("recipes/ablations/multifacetedness.yaml") == {
        "write_helpful_responses(condition=none)",
        "write_helpful_responses(condition=default)",
    }


def test_the_slurm_profile_is_found_by_its_short_name_after_make_profile(clean_copy: Workshop, tmp_path: Path) -> None:
    environ = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for _ in range(2):  # it may be made again
        subprocess.run(["make", "profile"], cwd=clean_copy.folder, env=environ, check=True)
    command = [BIN / "snakemake", "--profile", "slurm", "-n"]
    planned = subprocess.run(command, cwd=clean_copy.folder, env=environ, capture_output=True, text=True, check=False)
    assert planned.returncode == 0, planned.stderr
    assert "train_model" in planned.stdout + planned.stderr


def test_what_is_sent_to_a_provider_is_asked_again_when_it_changes(copy: Workshop) -> None:
    other = copy.write("other.yaml", "providers: {judge: {reasoning_effort: high}}\n")
    judged = "bench=multifaceted, model={}, condition={}, rubrics={}"
    models = ("mistral-7b-v0.2", "gpt-6.1-terra", *IN_TABLE, "mistral-7b-instruct-v0.2", *TABLE10)
    answers = {(model, "multifaceted") for model in models}
    answers |= {(model, "none") for model in ("mistral-7b-v0.2", "gpt-6.1-terra", "janus-7b")}
    assert copy.planned(other) == {
        *(f"build_table(table={table})" for table in ("table2", "table8", "table10")),
        *cards_of(*IN_TABLE, *TABLE10),
        *win_rates_of("mistral-7b-v0.2", "janus-star-7b"),
        *CALIBRATED,
        "show_examples(answers=answers)",
        *judged_best("janus-star-7b"),
        *judged_best("janus-dpo-7b"),
        *(f"judge_answers({judged.format(*one, rubrics)})" for one in answers for rubrics in JUDGED),
    }


def test_how_fast_a_provider_is_asked_re_runs_nothing(copy: Workshop) -> None:
    faster = copy.write("faster.yaml", "providers: {teacher: {concurrency: 7}, judge: {timeout_s: 9.0}}\n")
    assert copy.planned(faster) == set()


def test_a_wrong_recipe_starts_nothing_and_names_every_problem(clean_copy: Workshop) -> None:
    wrong = clean_copy.write("wrong.yaml", "sed: 1\nmodels: {janus-7b: {bse: mistral-7b-v0.2}}\n")
    assert clean_copy.start(overlays=(wrong,)).wait() != 0
    printed = clean_copy.printed()
    assert "sed: unknown key (did you mean seed?)" in printed and "did you mean base?" in printed
    assert not (clean_copy.folder / "results").exists()


def test_values_given_with_config_are_refused_since_the_steps_would_not_see_them(clean_copy: Workshop) -> None:
    assert clean_copy.start("-n", "--config", "seed=7").wait() != 0
    assert "--config is not supported" in clean_copy.printed()


def test_a_second_run_of_the_same_recipe_is_kept_out(clean_copy: Workshop) -> None:
    target = "results/rehearsal/collection/preferences.jsonl"
    first = clean_copy.start(target)
    lock = clean_copy.folder / ".snakemake" / "run-rehearsal.lock"
    while first.poll() is None and not (lock.exists() and lock.read_text()):
        pass
    second = clean_copy.start(target)
    assert second.wait() == 1
    assert "the recipe rehearsal" in clean_copy.printed()
    assert first.wait() == 0
