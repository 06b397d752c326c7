"""Overlays merge as Snakemake merges `--configfile a b`, null removes, `extends` writes a parent's keys out."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from janus_recipes.recipe.extends import with_parents
from janus_recipes.recipe.merge import merge, without_nulls
from janus_recipes.recipe.yaml_file import read_layer

RECIPES = Path(__file__).parents[2] / "recipes"

PAIRS = [
    ({"a": 1}, {"b": 2}),
    ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}),
    ({"a": [1, 2, 3]}, {"a": [4]}),  # lists are replaced
    ({"a": 1}, {"a": {"x": 1}}),  # a mapping over a scalar
    ({"a": {"x": 1}}, {"a": 1}),  # a scalar over a mapping
    ({"a": {"x": 1}}, {"a": None}),
    ({"a": None}, {"a": {"x": 1}}),
    ({"a": 1}, {"a": {}}),  # Snakemake keeps the 1
    ({"a": {"x": 1}}, {"a": {}}),
    ({}, {"a": {"b": {"c": {}}}}),
    ({"a": [1]}, {"a": {"x": {"y": 1}}}),
    ({"a": 1}, {}),
]


def as_snakemake(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(base)
    update_config(merged, copy.deepcopy(overlay))
    return merged


@pytest.mark.parametrize(("base", "overlay"), PAIRS)
def test_an_overlay_merges_as_snakemake_merges_it(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    assert merge(base, overlay) == as_snakemake(base, overlay)


def anything(rng: random.Random, depth: int) -> Any:
    kind = rng.choice(["mapping", "mapping", "list", "scalar", "null"] if depth else ["scalar", "null"])
    if kind == "mapping":
        return {rng.choice("abcd"): anything(rng, depth - 1) for _ in range(rng.randrange(4))}
    if kind == "list":
        return [anything(rng, depth - 1) for _ in range(rng.randrange(3))]
    return rng.randrange(10) if kind == "scalar" else None


def test_two_thousand_random_stacks_of_three_merge_as_snakemake_merges_them() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        ours: dict[str, Any] = {}
        theirs: dict[str, Any] = {}
        for _ in range(3):
            layer = {key: anything(rng, 3) for key in "abc" if rng.random() < 0.8}
            ours, theirs = merge(ours, layer), as_snakemake(theirs, layer)
        assert ours == theirs


def test_merging_leaves_both_files_as_they_were() -> None:
    base, overlay = {"a": {"x": 1}}, {"a": {"y": 2}}
    merge(base, overlay)
    assert (base, overlay) == ({"a": {"x": 1}}, {"a": {"y": 2}})


@pytest.mark.parametrize("file", sorted(RECIPES.rglob("*.yaml")), ids=lambda file: file.name)
def test_snakemake_reads_the_same_values_from_a_recipe_file(file: Path) -> None:
    assert read_layer(file).config == load_configfile(file)


def test_null_removes_a_key_at_every_depth_and_leaves_lists_alone() -> None:
    config = {"a": None, "b": {"c": None, "d": 1}, "e": [None, {"f": None, "g": 2}]}
    assert without_nulls(config) == {"b": {"d": 1}, "e": [None, {"g": 2}]}


def test_a_child_takes_its_grandparents_keys_and_null_removes_one() -> None:
    models = {
        "a": {"base": "m", "train": {"epochs": 4, "axolotl": {"x": 1}}},
        "b": {"extends": "a", "train": {"epochs": 2}},
        "c": {"extends": "b", "train": {"axolotl": None}},
    }
    config, problems = with_parents({"models": models})
    assert problems == []
    assert without_nulls(config)["models"]["c"] == {"base": "m", "train": {"epochs": 2}}
    assert config["models"]["b"]["train"] == {"epochs": 2, "axolotl": {"x": 1}}
