"""The judging step of a whole table as recipes and commands for the bench: instances and answers that are made up."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from janus_recipes import asking_steps
from janus_recipes.asking_steps import AskingStep
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status, row_of
from tests.bench.load import IN_FLIGHT

INSTANCES, MODELS, RUNS = 921, 14, 3
"""The paper's Table 2: 921 instances x 4 rubrics x 3 runs for each of 14 models are 154,728 verdicts."""

EACH = len(DIMENSIONS) * RUNS
"""Verdicts on one answer."""

MESSAGES = 3
"""System messages of an instruction."""

ANSWER_WORDS = 400
WORDS = ("answer", "because", "first", "then", "small", "river", "plan", "of", "the", "a", "clear", "step")


class Judgings(NamedTuple):
    """What the judging steps of some models read and write in a folder."""

    folder: Path

    @property
    def bench(self) -> Path:
        return self.folder / "bench.jsonl"

    @property
    def recipe(self) -> Path:
        """The overlay with the judge."""
        return self.folder / "bench.yaml"

    @property
    def recipes(self) -> list[Path]:
        """The recipe's files, in their order."""
        return [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), self.recipe]

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def answers(self, model: int) -> Path:
        return self.folder / "answers" / f"model-{model}" / "multifaceted.jsonl"

    def verdicts(self, model: int) -> Path:
        return self.folder / "verdicts" / f"model-{model}" / "multifaceted.own.jsonl"

    def command(self, model: int) -> list[str]:
        """The arguments of `janus` that judge a model's answers."""
        files = (("--bench", self.bench), ("--answers", self.answers(model)), ("--out", self.verdicts(model)))
        options = [*(("--recipe", path) for path in self.recipes), *files]
        return ["judge", *(str(part) for option in options for part in option)]


def prepare(files: Judgings, base_url: str, instances: int, models: int) -> None:
    """Make up the bench and all models' answers, and a recipe whose judge is the server, has a price and a budget."""
    bench = [instance(number) for number in range(instances)]
    write_jsonl(files.bench, map(row_of, bench))
    for model in range(models):
        write_jsonl(files.answers(model), (row_of(answer(model, one)) for one in bench))
    judge: dict[str, Any] = {
        "kind": "openai",
        "model": "micro-world",
        "base_url": base_url,
        "key_env": None,
        "concurrency": IN_FLIGHT,
        "prices": {"input": 1.0, "output": 2.0},
    }
    overlay = {
        "name": "bench",
        "ledger": str(files.ledger),
        "budget_usd": 1e9,
        "providers": {"judge": judge},
        "judging": {"runs": RUNS},
    }
    files.recipe.write_text(yaml.safe_dump(overlay))


def instance(number: int) -> BenchInstance:
    """An instance of the bench, with texts of the lengths that real ones have."""
    owner, message = f"i-{number // MESSAGES:012x}", number % MESSAGES
    rubrics = tuple(
        Rubric(name, f"Does it keep to {name}? {words(number, 20)}", tuple(words(score, 25) for score in range(5)))
        for name in DIMENSIONS
    )
    preferences = tuple(Preference(name, "made up", words(number, 3), words(number, 25)) for name in DIMENSIONS)
    return BenchInstance(
        id=f"{owner}/{message}",
        instruction_id=owner,
        benchmark="mf-Koala",
        instruction=f"Question {number}: {words(number, 40)}",
        system_message=words(number, 120),
        preferences=preferences,
        reference_answer=words(number, ANSWER_WORDS),
        rubrics=rubrics,
    )


def answer(model: int, one: BenchInstance) -> Asked[str]:
    """A model's answer to an instance."""
    return Asked(one.id, Status.OK, f"Model {model}: {words(f'{model}/{one.id}', ANSWER_WORDS)}")


def words(key: object, count: int) -> str:
    """So many words, the same for the same key."""
    return " ".join(random.Random(str(key)).choices(WORDS, k=count))


def step_of(files: Judgings, model: int) -> tuple[Recipe, AskingStep[Any]]:
    """The recipe and the step as its command has it; the files that it reads are there."""
    recipe = load_recipe(files.recipes)
    return recipe, asking_steps.verdicts(recipe, files.bench, files.answers(model), by_swapped=False)
