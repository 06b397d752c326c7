"""The recipes' JSON schema, for editors.

    janus schema > docs/recipe.schema.json

It is for overlays too: nothing is required, and every key may be null, which removes it.
"""

from __future__ import annotations

from typing import Any

from janus_recipes.files import Json
from janus_recipes.recipe.schema import Recipe

NULL = {"type": "null"}
LEFT_OUT = ("required", "minProperties", "discriminator")


def recipe_json_schema() -> Json:
    """The schema of a recipe file or an overlay, JSON Schema draft 2020-12."""
    schema = _for_overlays(Recipe.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "A Janus recipe or overlay"}


def _for_overlays(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_for_overlays(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {key: _for_overlays(value) for key, value in schema.items() if key not in LEFT_OUT}
    if "oneOf" in loose:  # an overlay's few keys may fit several kinds of section
        loose["anyOf"] = loose.pop("oneOf")
    for keyword in ("properties", "patternProperties"):  # sections, and mappings whose keys are names
        if isinstance(schema.get(keyword), dict):
            loose[keyword] = {key: _or_null(_for_overlays(one)) for key, one in schema[keyword].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        loose["additionalProperties"] = _or_null(_for_overlays(schema["additionalProperties"]))
    return loose


def _or_null(schema: Json) -> Json:
    """The schema with null allowed, its description and default kept outside, where editors show them."""
    outside: Json = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    inside = {key: value for key, value in schema.items() if key not in outside}
    choices = inside["anyOf"] if set(inside) == {"anyOf"} else [inside]
    return {**outside, "anyOf": choices if NULL in choices else [*choices, NULL]}
