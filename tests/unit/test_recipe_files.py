"""The recipes that come with the project: each with the stack that its first lines name, and what they promise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import NoneType
from typing import get_args

import jsonschema
import pytest
import yaml

from janus_recipes.analysis.published import read_published_collection
from janus_recipes.errors import RecipeError, SpendingRefused
from janus_recipes.recipe.load import load_recipe, recipe_from
from janus_recipes.recipe.merge import merge
from janus_recipes.recipe.registry import KnownModel, read_registry, refuse_retired, retirement_warnings
from janus_recipes.recipe.schema_export import recipe_json_schema
from janus_recipes.recipe.section import Section
from janus_recipes.recipe.yaml_file import read_layer

ROOT = Path(__file__).parents[2]
JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")
REGISTERS = {"published.yaml", "known_models.yaml"}
RECIPES = sorted(file.relative_to(ROOT) for file in (ROOT / "recipes").rglob("*.yaml") if file.name not in REGISTERS)
TODAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def documented_stacks(file: Path) -> list[list[Path]]:
    """The recipe files of each command that a recipe's opening comment names; the profiles carry theirs."""
    opening = "".join(line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line[0] == "#")
    commands = re.findall(r"^#   (?:snakemake|janus) .*$", opening, re.MULTILINE)
    stacks = [[Path(name) for name in re.findall(r"recipes/\S+\.yaml", command)] for command in commands]
    return [stack for stack in stacks if stack] or [[file]]


@pytest.mark.parametrize("file", RECIPES, ids=str)
def test_the_stacks_that_a_recipe_documents_are_right(file: Path) -> None:
    stacks = documented_stacks(file)
    assert any(file in stack for stack in stacks) or file == REHEARSAL
    for stack in stacks:
        if Path("recipes/real-pools.yaml") in stack:
            continue  # needs the user's files: the next test
        load_recipe([JANUS, *[other for other in stack if other != JANUS]])


def test_the_recipe_for_real_pools_lacks_nothing_but_the_users_files() -> None:
    stack = [JANUS, REHEARSAL, Path("recipes/real-pools.yaml")]
    try:
        recipe = load_recipe(stack)
    except RecipeError as error:
        assert all("there is no file data/" in problem for problem in error.problems)
    else:
        assert sum(source.quota for source in recipe.benchmarks["multifaceted"].sources.values()) == 20


@pytest.mark.parametrize("file", RECIPES, ids=str)
def test_a_recipe_opens_with_its_schema_and_a_command(file: Path) -> None:
    first, *rest = file.read_text(encoding="utf-8").splitlines()
    named = file.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert named.resolve() == ROOT / "docs" / "recipe.schema.json"
    assert any(re.match(r"#   (snakemake|janus|make) ", line) for line in rest)


def test_the_committed_json_schema_is_the_current_one() -> None:
    committed = json.loads((ROOT / "docs" / "recipe.schema.json").read_text(encoding="utf-8"))
    assert committed == recipe_json_schema(), "write it anew: janus schema > docs/recipe.schema.json"


@pytest.mark.parametrize("file", RECIPES, ids=str)
def test_editors_find_nothing_wrong_with_a_recipe_or_an_overlay(file: Path) -> None:
    checker = jsonschema.Draft202012Validator(recipe_json_schema())
    assert list(checker.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))) == []


def test_editors_do_find_a_misspelt_key() -> None:
    checker = jsonschema.Draft202012Validator(recipe_json_schema())
    assert not checker.is_valid({"models": {"janus-7b": {"base_modle": "x"}}})
    assert not checker.is_valid({"datasets": {"dpo": {"keeps": ["ok"]}}})


def test_editors_take_an_overlay_whose_few_keys_fit_several_kinds_of_data_set() -> None:
    checker = jsonschema.Draft202012Validator(recipe_json_schema())
    assert checker.is_valid({"datasets": {"dpo": {"keep": ["ok", "truncated"]}}})  # sft data sets have `keep` too


def test_the_paper_trains_with_a_batch_of_32_and_its_own_hyperparameters() -> None:
    train = load_recipe([JANUS]).models["janus-7b"].train
    assert train is not None
    # Appendix D.1: micro batch 2, accumulation 4, on the 4 GPUs of D.2: 2 x 4 x 4 = 32.
    assert (train.gpus, train.micro_batch_size, train.accumulated_steps, train.batch_size) == (4, 2, 4, 32)
    assert (train.sequence_len, train.epochs, train.learning_rate) == (8192, 4, 5.0e-6)
    assert (train.optimizer, train.lr_scheduler, train.warmup_steps) == ("adamw_bnb_8bit", "cosine", 10)


def test_the_bench_takes_315_prompts_in_the_order_in_which_shared_ones_are_kept() -> None:
    sources = load_recipe([JANUS]).benchmarks["multifaceted"].sources
    assert sum(source.quota for source in sources.values()) == 315
    assert [source.column for source in sources.values()] == [
        "mf-Self-Instruct", "mf-MT-Bench", "mf-Koala", "mf-FLASK", "mf-AlpacaEval",
    ]  # fmt: skip


def test_a_rehearsal_shrinks_every_model_also_one_that_an_overlay_adds(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("models: {other: {base: mistral-7b-v0.2, train: {method: sft, dataset: sft-196k, epochs: 1,"
                    " sequence_len: 8192, micro_batch_size: 2, batch_size: 32, learning_rate: 1.0e-5, warmup_steps: 3,"
                    " weight_decay: 0.0}}}")  # fmt: skip
    models = load_recipe([JANUS, REHEARSAL, mine]).models
    for name, rate in (("janus-7b", 0.002), ("other", 0.004)):  # 400 times 5.0e-6 and 1.0e-5
        train = models[name].train
        assert train is not None
        assert (train.gpus, train.sequence_len, train.precision, train.attention) == (0, 512, "fp32", "sdpa")
        assert train.learning_rate == rate


def test_a_rehearsal_asks_no_one_outside_this_machine() -> None:
    recipe = load_recipe([JANUS, REHEARSAL])
    assert {(one.kind, one.key_env, one.base_url) for one in recipe.providers.values()} == {("rehearsal", None, None)}
    sources = [*recipe.collection.sources.values(), *recipe.benchmarks["multifaceted"].sources.values()]
    assert all(source.path and not source.url and not source.dataset for source in sources)


def test_null_says_none_wherever_a_field_may_be_none() -> None:
    # null removes a key, so a field that may be None must be None when it is not given.
    for section in {*every_section(Section)} - {KnownModel}:  # that one stands in the registry, not in a recipe
        for name, field in section.model_fields.items():
            if NoneType in get_args(field.annotation):
                assert field.default is None, f"{section.__name__}.{name}"


def every_section(base: type[Section]) -> Iterator[type[Section]]:
    for section in base.__subclasses__():
        yield section
        yield from every_section(section)


def test_snakemakes_configuration_makes_the_same_recipe_as_the_files() -> None:
    config = merge(read_layer(JANUS).config or {}, read_layer(REHEARSAL).config or {})
    assert recipe_from(config) == load_recipe([JANUS, REHEARSAL])


def test_a_recipe_written_out_and_read_again_is_the_same() -> None:
    recipe = load_recipe([JANUS, REHEARSAL])
    assert recipe_from(recipe.model_dump()) == recipe


def test_a_retired_model_is_refused_before_it_costs_anything_and_living_ones_are_named() -> None:
    with pytest.raises(
        SpendingRefused, match=r"gpt-4-0125-preview was shut down by OpenAI on 2026-03-26.*gpt-6\.1-terra"
    ):
        refuse_retired("gpt-4-0125-preview", TODAY)
    refuse_retired("gpt-4-0125-preview", date(2026, 3, 25))
    refuse_retired("gpt-6.1-terra", TODAY)
    refuse_retired("a-model-nobody-knows", TODAY)


def test_the_papers_teacher_is_warned_of_and_ours_is_not() -> None:
    paper = load_recipe([JANUS, Path("recipes/ablations/paper-2024.yaml")])
    teacher, judge, *rows = retirement_warnings(paper, TODAY)
    assert teacher.startswith("providers.teacher.model: gpt-4-0125-preview was shut down on 2026-03-26; steps that ask")
    assert judge.startswith("providers.judge.model:")
    assert [row.split(":")[0] for row in rows] == [
        f"providers.{name}.model" for name in ("gpt-3.5-turbo-0125", "gpt-4-0613", "gpt-4-turbo-0125")
    ]
    assert retirement_warnings(load_recipe([JANUS]), TODAY) == []
    assert retirement_warnings(load_recipe([JANUS, REHEARSAL]), TODAY) == []


def test_a_model_that_retires_soon_is_warned_of(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("providers: {judge: {model: gpt-4.1, reasoning_effort: null}}")
    # From 22 November 2026 to 14 January 2027: 8 + 31 + 14 = 53 days.
    assert "is shut down on 2027-01-14, in 53 days." in retirement_warnings(load_recipe([JANUS, mine]), TODAY)[0]


def test_every_alternative_to_a_retired_model_is_known_and_has_no_announced_end() -> None:
    registry = read_registry()
    for known in registry.values():
        assert known.retired is None or known.alternatives
        assert all(registry[name].retired is None for name in known.alternatives)


def test_published_rows_have_a_figure_for_every_column_and_name_their_judge() -> None:
    published = yaml.safe_load(Path("recipes/published.yaml").read_text(encoding="utf-8"))
    tables = [one for one in published.values() if "columns" in one]  # the others are read by tests of their own
    assert len(tables) >= 4
    for table in tables:
        assert table["judge"] == "gpt-4-0125-preview"
        for rows in (table["rows"], *table.get("selections", {}).values()):
            assert all(len(figures) == len(table["columns"]) for figures in rows.values())


def test_the_papers_sources_sum_to_its_instructions_and_are_called_as_in_the_recipe() -> None:
    published = read_published_collection(Path("recipes/published.yaml"))
    assert sum(sum(origins.values()) for origins in published.table5.values()) == published.table1.instructions == 65653
    assert set(published.table5) == set(load_recipe([JANUS]).collection.sources)
