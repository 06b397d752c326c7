"""What tests of tables and rankings share: a bench, verdicts on two models, and the paper's figures for them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status
from janus_recipes.reporting.published import PublishedTable
from janus_recipes.reporting.render import write_table
from janus_recipes.reporting.scored import JudgedAnswers
from janus_recipes.reporting.table import BuiltTable, Line, build_table

COLUMNS = ["mf-AlpacaEval", "mf-Koala"]
PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "any", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
JUDGE = "judge-2026"
PAPER = Path(__file__).parents[1] / "recipes" / "published.yaml"

# Two instructions of three system messages in the first column, one of two in the second.
BENCH = [
    BenchInstance(f"{i}/{n}", i, column, "?", "Be kind.", PREFERENCES, "!", RUBRICS)
    for i, column, sets in (("i-a", COLUMNS[0], 3), ("i-b", COLUMNS[0], 3), ("i-c", COLUMNS[1], 2))
    for n in range(sets)
]
PUBLISHED = PublishedTable(
    source="Table 2",
    judge="gpt-4-0125-preview",
    condition="multifaceted",
    columns=[*COLUMNS, "Average"],
    rows={"mistral-7b-v0.2": [2.8, 2.45, 2.23], "janus-7b": [4.43, 4.41, 4.17]},
)


def asking(**more: Any) -> dict[str, Any]:
    return {"provider": "judge", "sampling": {"max_tokens": 64}, **more}


SFT = {
    **{"method": "sft", "dataset": "sft", "sequence_len": 64, "batch_size": 1, "micro_batch_size": 1, "epochs": 1.0},
    **{"learning_rate": 1e-5, "warmup_steps": 0, "weight_decay": 0.0},
}
REWARD = {key: value for key, value in SFT.items() if key != "warmup_steps"} | {"method": "reward"}


def recipe(
    *,
    rehearsal: bool = False,
    models: tuple[str, ...] = ("mistral-7b-v0.2", "janus-7b"),
    trains: Mapping[str, Mapping[str, Any]] | None = None,
    compare: Mapping[str, list[str]] | None = None,
    **judging: Any,
) -> Recipe:
    """A recipe with what tables and rankings read; the rest is as small as it may be.

    `trains` has the trainings of models that are not those of SFT. The ranking `held-out` is of the table's models.
    """
    source = {"path": "any.jsonl", "field": "text"}
    trained = {one: SFT for one in models if "janus" in one} | dict(trains or {})
    page = {"benchmark": "multifaceted", "models": list(models), "compare": dict(compare or {})}
    return Recipe.model_validate(
        {
            "name": "test",
            "providers": {"judge": {"kind": "openai", "model": JUDGE}},
            "collection": {
                "sources": {"any": source},
                "instructions": {"per_source": 1, "before_filter": 1, "exclude_pattern": None},
                **{step: asking() for step in ("preference_sets", "system_messages", "responses")},
            },
            "datasets": {"sft": {"kind": "sft"}},
            "base_models": {"mistral": {"path": "mistral"}},
            "models": {one: {"base": "mistral", "train": trained.get(one)} for one in models},
            "generation": {"sampling": {"max_tokens": 64}, "max_model_len": 128},
            "benchmarks": {
                "multifaceted": {
                    # Counted in single instances, so that BENCH is whole: 6 of the first column, 2 of the second.
                    "sources": {
                        f"s{k}": {**source, "column": name, "quota": quota}
                        for k, (name, quota) in enumerate(zip(reversed(COLUMNS), (2, 6), strict=True))
                    },
                    "preference_sets": asking(per_instruction=1),
                    **{step: asking() for step in ("system_messages", "reference_answers", "rubrics")},
                }
            },
            "judging": asking(runs=2, **judging),
            "tables": {"table2": {"title": "Table 2", **page}},
            "rankings": {"held-out": {"title": "Held-out pairs", **page}},
            "rehearsal": {} if rehearsal else None,
        }
    )


def rows(scores: Mapping[str, int], holes: Mapping[str, Status] | None = None) -> list[Asked[int]]:
    """Verdicts that give each instance of `scores` its score by every rubric in both runs, but for the holes."""
    ids = ((f"{one}/{rubric}/{run}", score) for one, score in scores.items() for rubric in range(4) for run in range(2))
    holes = holes or {}
    return [Asked(id, holes[id], None) if id in holes else Asked(id, Status.OK, score) for id, score in ids]


def judged(score: int, judge: str = JUDGE, swapped: int | None = None, **more: Any) -> JudgedAnswers:
    """Every instance of i-a and i-c has `score`, of i-b one point less."""
    own = rows({one.id: score - (one.instruction_id == "i-b") for one in BENCH}, **more)
    control = None if swapped is None else rows({one.id: swapped for one in BENCH})
    return JudgedAnswers(own, control, judge, "2026-11-20")


BOTH = {("mistral-7b-v0.2", "multifaceted"): judged(2), ("janus-7b", "multifaceted"): judged(5, swapped=2)}


def built(judged_answers: Mapping[tuple[str, str], JudgedAnswers] = BOTH, **more: Any) -> BuiltTable:
    return build_table("table2", recipe(**more), BENCH, judged_answers, PUBLISHED)


def line_of(table: BuiltTable, model: str, metric: str = "rubric_score") -> Line:
    return next(line for line in table.lines if (line.model, line.metric) == (model, metric))


def csv_of(table: BuiltTable, folder: Path) -> list[dict[str, str]]:
    write_table(table, folder)
    with (folder / "table2.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))
