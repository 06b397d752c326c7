"""What the teacher answers in JSON: the form that is asked for, and the reading of what comes back.

    class SystemMessageAnswer(JsonAnswer):
        system_message: Text

    SYSTEM_MESSAGE = answer_format("system_message", SystemMessageAnswer)      # sent where the provider takes schemas
    answer = read_answer(SystemMessageAnswer, text)                           # in any case

One pydantic model is both. It reads as tolerantly as a person would (a code block around the JSON, keys that nobody
asked for), and its schema is as strict as OpenAI's strict mode wants one. What does not fit raises Unparsed, so that
the item is asked again.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from janus_recipes.files import Json
from janus_recipes.llm.chat import AnswerFormat, Unparsed, well_formed

FENCE = "```"
REASONS = 3
"""So many of the things wrong with an answer are named in its row."""


def _strict(schema: Json) -> None:
    """What strict mode wants of every object. Names and docstrings are for us: as input tokens they would be paid."""
    schema.pop("title", None)
    schema.pop("description", None)
    schema["additionalProperties"] = False


def _whole(value: object) -> object:
    # A JSON escape may hold half a character ("\ud83d"), which no file can be written with.
    return well_formed(value) if isinstance(value, str) else value


def _stripped(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


Text = Annotated[str, BeforeValidator(_whole), AfterValidator(_stripped)]
"""A string that is not blank, without white space around it. (A `minLength` would be no part of strict mode.)"""


class JsonAnswer(BaseModel):
    """An answer, or a part of one. Every field must be given: no defaults, for strict mode has none."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", json_schema_extra=_strict)


A = TypeVar("A", bound=JsonAnswer)


class _NoTitles(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def answer_format(name: str, form: type[JsonAnswer]) -> AnswerFormat:
    """The form as a request carries it. `name` may have letters, digits, - and _."""
    return AnswerFormat(name, form.model_json_schema(schema_generator=_NoTitles))


def read_answer(form: type[A], text: str) -> A:
    """The answer that a text consists of, with or without a code block around it. Raises Unparsed and nothing else."""
    try:
        return form.model_validate(_json_in(text))
    except ValidationError as error:
        found = [_in_words(one["loc"], one["type"], one["msg"]) for one in error.errors(include_url=False)]
        more = f" and {len(found) - REASONS} more" if len(found) > REASONS else ""
        raise Unparsed("; ".join(found[:REASONS]) + more) from None


def _json_in(text: str) -> Any:
    try:
        return json.loads(_unfenced(text))
    except ValueError as problem:
        raise Unparsed(f"not JSON: {problem}") from None
    except RecursionError:
        raise Unparsed("not JSON that can be read: nested too deeply") from None


def _unfenced(text: str) -> str:
    """The inside of the code block that many models write although they are asked not to, else the text itself.

    In one pass: models that come to write nothing but line ends do so by the thousand, and no expression that steps
    back over them ends in time.
    """
    bare = text.strip()
    if len(bare) < 2 * len(FENCE) or not (bare.startswith(FENCE) and bare.endswith(FENCE)):
        return text
    head, line_end, inside = bare[len(FENCE) : -len(FENCE)].removeprefix("json").partition("\n")
    return text if head.strip() or not line_end else inside


def _in_words(where: tuple[int | str, ...], kind: str, message: str) -> str:
    """One thing wrong with an answer, in the words of JSON rather than of Python."""
    place = ".".join(str(key) for key in where) or "the answer"
    words = {
        "missing": "is missing",
        "model_type": "must be an object",
        "list_type": "must be a list",
        "string_type": "must be text",
    }
    return f"{place} {words.get(kind) or message.removeprefix('Value error, ')}"
