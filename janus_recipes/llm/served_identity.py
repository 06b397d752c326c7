"""What tells one served model from another. Apart from `served.py`, so that an address needs no engine's code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from janus_recipes.files import Json, digest_of, stamp_of
from janus_recipes.recipe.provider import ServedModel


@cache
def what_decides(model: str, served: ServedModel) -> Json:
    """What decides a served model's answers besides its name and the question; how fast it answers does not.

    A local folder is known by its files' names, sizes and times, so that newly trained weights are asked anew; the chat
    template by its content.
    """
    template = None if served.chat_template is None else digest_of(Path(served.chat_template))
    return {"revision": served.revision, "dtype": served.dtype, "template": template, "files": stamp_of(model)}
