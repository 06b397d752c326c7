"""From files of pairs and scores to a built ranking."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from janus_recipes.errors import UsageError
from janus_recipes.files import read_jsonl
from janus_recipes.manifest import manifest_of
from janus_recipes.ranking.build import BuiltRanking, Scores, build_ranking
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import of_this_form, read_asked


def read_ranking(name: str, recipe: Recipe, pairs: Path, scores: Sequence[Path]) -> BuiltRanking:
    """The ranking `name` of the recipe. The files of scores are named after their models.

    Raises:
        UsageError: a model of the ranking without scores, or pairs without their manifest.
        StepError: scores of other pairs.
    """
    paths = {path.name.removesuffix(".jsonl"): path for path in scores}
    if lacking := [model for model in recipe.rankings[name].models if model not in paths]:
        raise UsageError(f"the ranking {name} needs scores of {', '.join(lacking)}: make them with `janus rank score`")
    rows = {model: list(read_asked(paths[model], scores_from)) for model in recipe.rankings[name].models}
    return build_ranking(name, recipe, instructions_of(pairs), without_a_pair(pairs), rows)


def instructions_of(pairs: Path) -> dict[str, str]:
    """Each pair's instruction."""
    found = {}
    for row in read_jsonl(pairs):
        with of_this_form(pairs, "pair"):
            found[str(row["id"])] = str(row["instruction_id"])
    return found


def without_a_pair(pairs: Path) -> Mapping[str, int]:
    """How many instances have no pair, by reason, as the pairs' manifest counts them."""
    manifest = manifest_of(pairs)
    if not manifest.exists():
        raise UsageError(
            f"{manifest}: missing, so nobody knows how many instances have no pair: run `janus rank pairs`"
        )
    return cast(Mapping[str, int], json.loads(manifest.read_text(encoding="utf-8"))["counts"]["left_out"])


def scores_from(value: Any) -> Scores:
    """The JSON of an ok row."""
    return Scores(float(value["chosen"]), float(value["rejected"]))
