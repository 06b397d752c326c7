"""Read the JSON that the teacher answers with. What does not fit raises Unparsed, so that the item is asked again."""

from __future__ import annotations

import json
import re
from typing import Any

from janus_recipes.llm.chat import Unparsed

FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
"""Many models wrap JSON in a code block although they are asked not to. Nothing else around the JSON is accepted."""


def read_json(text: str) -> Any:
    """The JSON value that an answer consists of, with or without a code block around it."""
    fenced = FENCE.match(text)
    try:
        return json.loads(fenced[1] if fenced else text)
    except ValueError as problem:
        raise Unparsed(f"not JSON: {problem}") from problem


def read_object(value: Any, keys: tuple[str, ...]) -> dict[str, str]:
    """An object with exactly these keys, every value a string that is not blank."""
    if not isinstance(value, dict):
        raise Unparsed(f"an object with the keys {', '.join(keys)} was asked for, not {type(value).__name__}")
    if missing := [key for key in keys if key not in value]:
        raise Unparsed(f"the keys {', '.join(missing)} are missing")
    if blank := [key for key in keys if not isinstance(value[key], str) or not value[key].strip()]:
        raise Unparsed(f"the values of {', '.join(blank)} must be text")
    return {key: value[key].strip() for key in keys}
