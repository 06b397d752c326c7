"""Pydantic's errors about a recipe, said in the recipe's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from janus_recipes.recipe.problem import Path, Problem, did_you_mean
from janus_recipes.recipe.schema import Recipe

EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
LIMITS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
FOLLOWS = {"gradient_accumulation_steps": ": it follows from batch_size, gpus and micro_batch_size"}
"""Keys that one may expect, and that other keys decide."""

EMPTY = {"string_too_short", "too_short"}
PLAIN_NAME = "is not a plain name: letters, digits and . _ - only, at most 64, a letter or digit first"
TAGS = ("kind", "method")
"""Keys that say which of several sections a mapping is. Pydantic puts their values into an error's path."""
EXPONENT_WITHOUT_DOT = re.compile(r"([+-]?\d+)(\.\d*)?[eE]([+-]?)(\d+)")


def problems_of(error: ValidationError) -> list[Problem]:
    """Each of the error's findings as a problem, in the recipe's order of sections."""
    return [_problem(detail) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails) -> Problem:
    found = _found(detail)
    return found._replace(path=_as_written(found.path))


def _found(detail: ErrorDetails) -> Problem:
    path, kind, value = detail["loc"], detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if path and path[-1] == "[key]":
        return Problem(path[:-1], f"the name {_shown(path[-2])} {PLAIN_NAME}; it becomes a folder and a job's name")
    if kind == "extra_forbidden":
        other = FOLLOWS.get(str(path[-1])) or did_you_mean(str(path[-1]), _keys_at(path[:-1]))
        return Problem(path, f"unknown key{other}")
    if kind == "missing":
        return Problem(path, f"missing{_described(path)}")
    if kind == "union_tag_not_found":
        return Problem((*path, _tag_at(path)), f"missing (one of {', '.join(_kinds_at(path))})")
    if kind == "union_tag_invalid":
        tag = _tag_at(path)
        given = value[tag] if isinstance(value, Mapping) else None
        return Problem((*path, tag), f"expected one of {', '.join(_kinds_at(path))}, got {_shown(given)}")
    if kind in EMPTY:
        return Problem(path, f"must not be empty{_described(path)}")
    return Problem(path, _about_value(kind, value, context, detail["msg"]) + _described(path))


def _about_value(kind: str, value: Any, context: Mapping[str, Any], message: str) -> str:
    if kind in EXPECTED:
        return f"expected {EXPECTED[kind]}, got {_shown(value)}{_yaml_hint(kind, value)}"
    if kind in LIMITS:
        words, key = LIMITS[kind]
        return f"must be {words} {context[key]}, got {_shown(value)}"
    if kind == "finite_number":
        return f"must be a finite number, got {_shown(value)}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"expected one of {', '.join(choices)}, got {_shown(value)}"
    if kind == "string_pattern_mismatch" and "A-Za-z0-9" in str(context["pattern"]):
        return f"{_shown(value)} {PLAIN_NAME}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} does not match {context['pattern']}"
    return message[:1].lower() + message[1:]


def _yaml_hint(kind: str, value: Any) -> str:
    """What YAML did to a value that the writer meant otherwise."""
    if kind == "string_type" and isinstance(value, bool):
        return " (YAML reads yes, no, on and off so: put the text in quotes)"
    if kind == "string_type" and isinstance(value, int | float):
        return " (put it in quotes)"
    number = EXPONENT_WITHOUT_DOT.fullmatch(value) if isinstance(value, str) else None
    if kind in ("float_type", "int_type") and number:
        whole, part, sign, exponent = number.groups()
        fraction = part if part and len(part) > 1 else ".0"
        return f" (YAML reads this as text: write {whole}{fraction}e{sign or '+'}{exponent})"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else text[:57] + "..."


def _described(path: Path) -> str:
    field = _field_at(path)
    return f" ({field.description})" if field and field.description else ""


def _field_at(path: Path) -> FieldInfo | None:
    section = _type_at(path[:-1])
    return section.model_fields.get(str(path[-1])) if _is_section(section) else None


def _keys_at(path: Path) -> Iterable[str]:
    section = _type_at(path)
    return section.model_fields if _is_section(section) else ()


def _type_at(path: Path) -> Any:
    """The schema's type of what stands at a path. None where the path leaves the schema."""
    here: Any = Recipe
    for key in path:
        if _is_section(here):
            field = here.model_fields.get(str(key))
            here = _bare(field.annotation) if field else None
        elif kinds := _sections_by_kind(here):
            here = kinds.get(str(key))
        else:
            items = get_args(here)
            here = _bare(items[-1]) if items else None
    return here


def _sections_by_kind(annotation: Any) -> dict[str, type[BaseModel]]:
    """The sections among which a mapping's tag chooses. Empty for any other type."""
    tag = _tag_of(annotation)
    return {get_args(one.model_fields[tag].annotation)[0]: one for one in get_args(annotation)} if tag else {}


def _tag_of(annotation: Any) -> str | None:
    """The key that chooses among the sections of a union. None for any other type."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    if len(choices) < 2 or not all(map(_is_section, choices)):
        return None
    return next((tag for tag in TAGS if all(tag in one.model_fields for one in choices)), None)


def _tag_at(path: Path) -> str:
    return _tag_of(_type_at(path)) or TAGS[0]


def _kinds_at(path: Path) -> list[str]:
    return sorted(_sections_by_kind(_type_at(path)))


def _as_written(path: Path) -> Path:
    """The path without the kinds that pydantic puts in: no recipe writes them as keys."""
    return tuple(key for n, key in enumerate(path) if str(key) not in _sections_by_kind(_type_at(path[:n])))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _bare(annotation: Any) -> Any:
    """A type without `| None` and without its constraints."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType) and not _sections_by_kind(annotation):
        return _bare(next(one for one in get_args(annotation) if one is not type(None)))
    return annotation
