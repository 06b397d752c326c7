"""Which keys `train.axolotl` may hold: such as axolotl 0.19.0 knows, and that the recipe does not set elsewhere.

    janus validate RECIPE...

axolotl drops what it does not know without a word, and its own check comes when the training starts, long after the
Collection was paid for. `axolotl_keys.json` has the keys at the top of its configurations, Liger's included;
tests/contract/test_axolotl_names.py compares them with the installed axolotl's. Where `plugins` stands among the keys,
others may be a plugin's, and are left to axolotl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path as File
from typing import Any

from janus_recipes.recipe.axolotl_names import SET_ELSEWHERE
from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Problem, hint


def axolotl_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Every key of a recipe that axolotl does not know, or that is set elsewhere. `config` may break the schema."""
    models = part(config, "models")
    for name in models:
        keys = part(part(part(models, name), "train"), "axolotl")
        for key in keys:
            path = ("models", name, "train", "axolotl", key)
            if key in SET_ELSEWHERE:
                yield Problem(path, f"set by {SET_ELSEWHERE[key]}")
            elif key not in known_keys() and "plugins" not in keys:
                yield Problem(path, f"axolotl knows no such key{hint(str(key), known_keys() - SET_ELSEWHERE.keys())}")


@cache
def known_keys() -> frozenset[str]:
    """The keys at the top of axolotl's configurations, Liger's included."""
    return frozenset(json.loads(File(__file__).with_name("axolotl_keys.json").read_text(encoding="utf-8")))
