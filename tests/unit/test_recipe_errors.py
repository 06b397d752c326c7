"""A wrong recipe is told of all at once, each mistake with its file, line, path and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.load import load_recipe, recipe_from

ROOT = Path(__file__).parents[2]
JANUS = Path("recipes/janus.yaml")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def problems_with(tmp_path: Path, overlay: str) -> list[str]:
    """What is wrong with the paper's recipe and this overlay on it; the overlay's file is called mine.yaml."""
    file = tmp_path / "mine.yaml"
    file.write_text(overlay, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe([JANUS, file])
    return [problem.replace(str(tmp_path) + "/", "") for problem in caught.value.problems]


def test_every_mistake_is_told_at_once_with_its_line_and_the_nearest_right_name(tmp_path: Path) -> None:
    overlay = """\
models:
  janus-7b:
    base_modle: mistral
    train:
      learning_rat: 1.0
      epochs: -1
      dataset: sft-196
judging:
  provider: jugde
tables:
  table2:
    models: [janus-7, mistral-7b-v0.2]
    published: tabel2
    conditions: [multi]
"""
    assert sorted(problems_with(tmp_path, overlay)) == [
        "mine.yaml:12: tables.table2.models.0: janus-7 is not under models (did you mean janus-7b?)",
        "mine.yaml:13: tables.table2.published: recipes/published.yaml has no table tabel2 (did you mean table2?)",
        'mine.yaml:14: tables.table2.conditions.0: expected one of none, default, multifaceted, got "multi"',
        "mine.yaml:3: models.janus-7b.base_modle: unknown key (did you mean base?)",
        "mine.yaml:5: models.janus-7b.train.learning_rat: unknown key (did you mean learning_rate?)",
        "mine.yaml:6: models.janus-7b.train.epochs: must be greater than 0.0, got -1",
        "mine.yaml:7: models.janus-7b.train.dataset: sft-196 is not under datasets (did you mean sft-196k?)",
        "mine.yaml:9: judging.provider: jugde is not under providers (did you mean judge?)",
    ]


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ("seed: 4.5", "mine.yaml:1: seed: expected a whole number, got 4.5"),
        ("seed: yes", "mine.yaml:1: seed: expected a whole number, got true"),
        (
            "budget_usd: .inf",
            "mine.yaml:1: budget_usd: must be a finite number, got inf "
            "(dollars that this recipe may spend on answers in all its runs; null: no limit)",
        ),
        ("budget_usd: .nan", "mine.yaml:1: budget_usd: must be a finite number, got nan"),
        ("judging: [1]", "mine.yaml:1: judging: expected a mapping, got a list"),
        ("judging: {runs: 0}", "mine.yaml:1: judging.runs: must be at least 1, got 0"),
        ("judging: {runs: null, sampling: null}", "mine.yaml:1: judging.sampling: missing"),
        (
            "generation: {sampling: {top_p: 3.0}}",
            "mine.yaml:1: generation.sampling.top_p: must be at most 1.0, got 3.0",
        ),
        ("tables: {table2: {models: []}}", "mine.yaml:1: tables.table2.models: must not be empty"),
        (
            "generation: {sampling: {temperature: 5e-1}}",
            "mine.yaml:1: generation.sampling.temperature: "
            'expected a number, got "5e-1" (YAML reads this as text: write 5.0e-1)',
        ),
        (
            "default_system_message: no",
            "mine.yaml:1: default_system_message: expected text, got false "
            "(YAML reads yes, no, on and off so: put the text in quotes)",
        ),
        ("prompts: {judge: prompts/juge.j2}", "(did you mean prompts/judge.j2?)"),
        ("prompts: {judge: prompts}", "mine.yaml:1: prompts.judge: prompts is a folder, a file is needed"),
        ("seeds: {rubrics: /nowhere/x.yaml}", "mine.yaml:1: seeds.rubrics: there is no file /nowhere/x.yaml"),
        (
            "collection: {preference_sets: {per_instruction: 2}}\ndatasets: {dpo: {without: null}}",
            "datasets.sft-196k.system_messages_per_instruction: wants 3 system messages of each instruction, "
            "but collection.preference_sets.per_instruction is 2",
        ),
        (
            'tracking: {mlflow: {uri: "https://me:secret@mlflow.example", experiment: e}}',
            "mine.yaml:1: tracking.mlflow.uri: holds a user's name or password: take it out; MLflow reads",
        ),
        ("providers: {judge: {key_env: null}}", "providers.judge.key_env: missing (OpenAI wants a key"),
        ("collection: {sources: {dsp: {url: null}}}", "give one of dataset, path, url; given: none"),
        ("collection: {sources: {nectar: {revision: null}}}", "collection.sources.nectar.revision: missing"),
        ("collection: {sources: {nectar: {pattern: '['}}}", "pattern: not a regular expression"),
        ("collection: {sources: {nectar: {pattern: 'Human'}}}", "pattern: has no group"),
        (
            "collection: {instructions: {exclude_pattern: '(?!a)b'}}",
            "exclude_pattern: not a regular expression of the Rust regex crate: look-around",
        ),
        (
            "collection: {sources: {dsp: {url: null, path: 'recipes/jan*.yml'}}}",
            "sources.dsp.path: there is no file recipes/jan*.yml (did you mean recipes/janus.yaml?)",
        ),
        (
            "collection: {sources: {dsp: {url: null, path: 'recipes/jan*.yaml'}}}",
            "sources.dsp.path: recipes/janus.yaml: its name must end in one of json, jsonl, csv, parquet",
        ),
        (
            "collection: {sources: {dsp: {url: 'https://example.org/pool.txt?x=.json'}}}",
            "sources.dsp.url: https://example.org/pool.txt?x=.json: its name must end in one of",
        ),
        ("models: {'../x': {extends: janus-7b}}", 'the name "../x" is not a plain name'),
        ("models: {no: {extends: janus-7b}}", "mine.yaml:1: models.no: YAML does not read this key as text"),
        ("models: {x: {extends: janus-7}}", "models.x.extends: there is no model janus-7 (did you mean janus-7b?)"),
        (
            "models: {b: {extends: a}, a: {extends: b}}",
            "models.a.extends: models extend each other in a circle: a -> b -> a",
        ),
        ("seed: 1\nname: a\nseed: 2", "mine.yaml:3: seed: given twice, first on line 1; keep one"),
        ("a: [1\nb: 2", "mine.yaml:2:2: not valid YAML"),
        ("day: 2026-13-45", "mine.yaml: not valid YAML: month must be in 1..12"),
        ("- 1", "mine.yaml: a recipe is a mapping of sections"),
        (
            "collection: {sources: {dsp: {variants: 100}}}",
            "mine.yaml:1: collection.sources.dsp.variants: must be at most 99, got 100",
        ),
        (
            "models: {janus-7b: {train: {optimizer: adamw_bnb_8bits}}}",
            "mine.yaml:1: models.janus-7b.train.optimizer: axolotl knows no optimizer adamw_bnb_8bits "
            "(did you mean adamw_bnb_8bit?)",
        ),
        (
            "models: {janus-7b: {train: {lr_scheduler: cosin}}}",
            "train.lr_scheduler: axolotl knows no scheduler cosin (did you mean cosine?)",
        ),
        (
            "rehearsal: {training: {every: {optimizer: adam}}}",
            "rehearsal.training.every.optimizer: axolotl knows no optimizer adam",
        ),
        (
            "models: {janus-7b: {train: {axolotl: {num_epochs: 3}}}}",
            "mine.yaml:1: models.janus-7b.train.axolotl.num_epochs: set by the recipe's train.epochs: change it there",
        ),
        (
            "models: {janus-7b: {train: {axolotl: {chat_template_jinja: x}}}}",
            "set by the recipe's base_models.*.chat_template: change it there",
        ),
        (
            "collection: {system_messages: {examples: 51}}",
            "mine.yaml:1: collection.system_messages.examples: wants 51 examples, but seeds.system_messages holds 50",
        ),
        (
            "benchmarks: {multifaceted: {rubrics: {examples: 4}}}",
            "mine.yaml:1: benchmarks.multifaceted.rubrics.examples: wants 4 examples, but seeds.rubrics holds 3",
        ),
        (
            "datasets: {mine: {system_messages_per_instruction: 1}}",
            "mine.yaml:1: datasets.mine.kind: missing (one of helpful_mix, pairs, sft)",
        ),
        (
            "datasets: {mine: {kind: pears}}",
            'mine.yaml:1: datasets.mine.kind: expected one of helpful_mix, pairs, sft, got "pears"',
        ),
        (
            "datasets: {mine: {kind: pairs, rejected_per_instructon: 2}}",
            "mine.yaml:1: datasets.mine.rejected_per_instructon: unknown key (did you mean rejected_per_instruction?)",
        ),
        (
            "datasets: {mine: {kind: sft, system_message: defualt}}",
            'datasets.mine.system_message: expected one of none, default, multifaceted, got "defualt"',
        ),
        ("# nothing yet", "mine.yaml: the file is empty"),
        ("a: &a {b: *a}", "mine.yaml: an anchor holds itself"),
    ],
)
def test_a_mistake_is_told_in_plain_words(tmp_path: Path, overlay: str, told: str) -> None:
    problems = problems_with(tmp_path, overlay)
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    ("key", "content", "told"),
    [
        ("seeds.preferences", "dimensions: []", "the dimensions must be Style, Background knowledge, Informativeness"),
        ("seeds.preferences", "dimensions: [{name: Style}]", "dimensions.0.subdimensions: Field required"),
        ("seeds.system_messages", "system_messages: [{txt: x}]", "system_messages.0.text: Field required"),
        ("seeds.rubrics", "rubrics: [{preference: 1}]", "rubrics.0.rubric: Field required"),
        ("seeds.rubrics", "rubrics: []", "rubrics: List should have at least 1 item"),
        ("seeds.rubrics", "- 1", "the file: Input should be a valid dictionary"),
        ("seeds.rubrics", "rubrics: [", "cannot be read"),
        ("published_figures", "table2: [", "not valid YAML"),
        ("published_figures", "caf\xe9", "not valid YAML"),
        ("known_models", "gpt: [", "cannot be read"),
        ("known_models", "caf\xe9", "is not UTF-8 text"),
        ("known_models", "gpt: {provider: x}", "gpt.retired: Field required"),
    ],
)
def test_a_broken_file_that_a_recipe_names_is_told_without_a_traceback(
    tmp_path: Path, key: str, content: str, told: str
) -> None:
    named = tmp_path / "named.yaml"
    named.write_bytes(content.encode("latin-1"))
    section, _, inner = key.partition(".")
    problems = problems_with(tmp_path, f"{section}: {{{inner}: {named}}}" if inner else f"{section}: {named}")
    assert len(problems) == 1
    assert problems[0].startswith(f"mine.yaml:1: {key}: ") and told in problems[0] and "\n" not in problems[0]


def test_a_mistake_that_children_inherit_is_told_once(tmp_path: Path) -> None:
    overlay = "models: {janus-7b: {train: {epochs: 0}}, a: {extends: janus-7b}, b: {extends: a}}"
    assert problems_with(tmp_path, overlay) == [
        "mine.yaml:1: models.janus-7b.train.epochs: must be greater than 0.0, got 0"
    ]


def test_a_key_written_into_the_recipe_is_refused_and_not_shown(tmp_path: Path) -> None:
    problems = problems_with(tmp_path, "providers: {teacher: {key_env: sk-planted-0123}}")
    assert len(problems) == 1
    assert "keep the key itself out of the recipe" in problems[0]
    assert "planted" not in problems[0]


def test_files_that_cannot_be_read_are_all_told(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: é".encode("latin-1"))
    with pytest.raises(RecipeError) as caught:
        load_recipe([tmp_path / "none.yaml", tmp_path, latin])
    assert caught.value.problems == [
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory",
        f"{tmp_path}: cannot be read: Is a directory",
        f"{latin}: is not UTF-8 text (byte 6)",
    ]


def test_a_merged_configuration_without_files_is_told_of_by_path() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from({"name": "x", "seed": "1"})
    assert 'seed: expected a whole number, got "1"' in caught.value.problems
    assert "models: missing" in caught.value.problems
