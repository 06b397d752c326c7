"""The Collection's steps that ask, as recipes and commands for the bench: from instructions that are made up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import yaml

from janus_recipes import asking_steps
from janus_recipes.asking_steps import AskingStep
from janus_recipes.files import write_jsonl
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from tests.bench.load import IN_FLIGHT

StepName = Literal["preferences", "system-messages", "responses"]
STEPS: tuple[StepName, ...] = get_args(StepName)

WORDS = ("how", "write", "the", "list", "explain", "garden", "river", "python", "history", "short", "plan", "and", "of")
MEDIAN_WORDS, SIGMA, MOST_WORDS = 40, 1.0, 2000
"""Words of an instruction: log-normal, as in the pools."""


class Files(NamedTuple):
    """What the steps read and write in a folder."""

    instructions: Path
    preferences: Path
    system_messages: Path
    responses: Path
    recipe: Path

    @property
    def recipes(self) -> list[Path]:
        """The recipe's files, in their order."""
        return [Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), self.recipe]

    def out(self, step: StepName) -> Path:
        """What a step writes."""
        return {"preferences": self.preferences, "system-messages": self.system_messages}.get(step, self.responses)

    def command(self, step: StepName) -> list[str]:
        """The arguments of `janus` for a step."""
        inputs = {
            "preferences": [("--instructions", self.instructions)],
            "system-messages": [("--preferences", self.preferences)],
            "responses": [("--instructions", self.instructions), ("--system-messages", self.system_messages)],
        }[step]
        options = [*(("--recipe", path) for path in self.recipes), *inputs, ("--out", self.out(step))]
        return ["collect", step, *(str(part) for option in options for part in option)]


def files_in(folder: Path) -> Files:
    """The files of a folder."""
    return Files(
        folder / "instructions.jsonl",
        folder / "preferences.jsonl",
        folder / "system_messages.jsonl",
        folder / "responses.jsonl",
        folder / "bench.yaml",
    )


def prepare(files: Files, base_url: str, instructions: int) -> None:
    """Make up the instructions, and a recipe whose teacher is the server, has a price, and a budget to be kept."""
    rows = ({"id": f"i-{n:08x}", "text": text(n), "source": "made-up", "origin": ""} for n in range(instructions))
    write_jsonl(files.instructions, rows)
    teacher: dict[str, Any] = {
        "kind": "openai",
        "model": "micro-world",
        "base_url": base_url,
        "key_env": None,
        "concurrency": IN_FLIGHT,
        "prices": {"input": 1.0, "output": 2.0},
    }
    overlay = {
        "name": "bench",
        "ledger": str(files.recipe.parent / "ledger"),
        "budget_usd": 1e9,
        "providers": {"teacher": teacher},
    }
    files.recipe.write_text(yaml.safe_dump(overlay))


def text(number: int) -> str:
    """An instruction of a pool's length."""
    draw = random.Random(number)
    words = min(MOST_WORDS, round(MEDIAN_WORDS * math.exp(SIGMA * draw.gauss(0, 1))))
    return f"Question {number}: {' '.join(draw.choices(WORDS, k=words))}"


def step_of(files: Files, step: StepName) -> tuple[Recipe, AskingStep[Any]]:
    """The recipe and a step as its command has it; the files that it reads are there."""
    recipe = load_recipe(files.recipes)
    part = recipe.collection
    made: dict[StepName, Callable[[], AskingStep[Any]]] = {
        "preferences": lambda: asking_steps.preference_sets(recipe, part.preference_sets, files.instructions),
        "system-messages": lambda: asking_steps.system_messages(recipe, part.system_messages, files.preferences),
        "responses": lambda: asking_steps.responses(recipe, part.responses, files.instructions, files.system_messages),
    }
    return recipe, made[step]()
