"""Render the prompts that are sent to teacher and judge (`prompts/*.j2`).

    janus show prompt judge --recipe recipes/janus.yaml

A prompt is a Jinja template with a block `system` and a block `user`. Templates run in a sandbox, a variable that is
not there is an error, and what a model or a user wrote is handed in as a value: it is never rendered as a template.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from janus_recipes.errors import StepError
from janus_recipes.llm.chat import Message

BLOCKS: tuple[Literal["system", "user"], ...] = ("system", "user")


@dataclass(frozen=True)
class Prompt:
    """A prompt's template. `path` is where it was read, for manifests and errors."""

    path: Path
    source: str

    def render(self, **values: Any) -> tuple[Message, ...]:
        """The messages of one request. An empty `system` block means no system message.

        Raises StepError when the template needs a value that is not there or is not valid Jinja.
        """
        texts = {block: self._block(block, values) for block in BLOCKS}
        return tuple(Message(role, text) for role, text in texts.items() if text)

    def _block(self, block: str, values: dict[str, Any]) -> str:
        try:
            template = compiled(self.source)
            return "".join(template.blocks[block](template.new_context(values)))
        except KeyError:
            raise StepError(
                f"{self.path}: no block `{block}`; a prompt has the blocks {' and '.join(BLOCKS)}"
            ) from None
        except TemplateError as problem:
            raise StepError(f"{self.path}: block `{block}`: {problem}") from problem


def read_prompt(path: str | Path) -> Prompt:
    """A prompt from its file. Raises StepError when it cannot be read."""
    try:
        return Prompt(Path(path), Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise StepError(f"{path}: the prompt cannot be read: {problem.strerror}") from problem


@cache
def compiled(source: str) -> Template:
    """A template, compiled once however many requests it renders."""
    return environment().from_string(source)


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """The Jinja environment of every prompt. `| json` writes a value as JSON, with non-ASCII text as it is."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    made.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return made
