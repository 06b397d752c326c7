"""Janus Recipes: the paper "Aligning to Thousands of Preferences via System Message Generalization" as one DAG.

The Snakefile says what depends on what; this package does the work of one node at a time, as plain functions from
files to files behind the `janus` command.

Nothing is imported here: `janus_recipes.generation.engine` and `janus_recipes.training.check_config` run inside the
engines' own environments, which hold none of the core's packages.
"""

from __future__ import annotations

from typing import Any


def preference_pairs(cfg: Any, **options: Any) -> Any:
    """axolotl's strategy `type: janus_recipes.preference_pairs`. It finds no preference strategies below a package."""
    from janus_recipes.training.preference_pairs import strategy

    return strategy(cfg, **options)
