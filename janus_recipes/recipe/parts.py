"""Parts of a recipe that may break the schema: what is odd is empty or None, and reported by the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from janus_recipes.recipe.section import Section


def part(given: Any, key: str) -> Mapping[str, Any]:
    """A part that is a mapping; empty where it is none."""
    inner = given.get(key) if isinstance(given, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def value(given: Mapping[str, Any], key: str, section: type[Section]) -> Any:
    """A section's value, the schema's default where none is given."""
    found = given.get(key)
    return section.model_fields[key].default if found is None else found
