"""Whether chat templates can write a conversation.

    janus validate RECIPE...

A broken one would show only when an engine has loaded its model, after the teacher was paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from janus_recipes.recipe.parts import part
from janus_recipes.recipe.problem import Path, Problem

CONVERSATION = {"system": "Be brief.", "user": "Why is it so?", "assistant": "Because it is."}
"""One turn of each role, as every training set has them."""


class _Generation(Extension):
    """`{% generation %}`, which marks what a model writes: transformers has it, and here it marks nothing."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it as one)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def template_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Every chat template of a recipe that cannot write a conversation. A file that is not there is told elsewhere."""
    for section, inside in (("base_models", ()), ("providers", ("served",))):
        for name, one in part(config, section).items():
            holder = part(one, inside[0]) if inside else one
            file = holder.get("chat_template") if isinstance(holder, Mapping) else None
            if isinstance(file, str) and File(file).is_file() and (reason := template_problem(File(file))):
                path: Path = (section, name, *inside, "chat_template")
                yield Problem(path, reason)


def template_problem(file: File) -> str | None:
    """Why a template cannot write a system message, an instruction and an answer; None: it can."""
    try:
        text = written(file.read_text(encoding="utf-8"), CONVERSATION)
    except UnicodeDecodeError:
        return f"{file} is not UTF-8 text"
    except OSError:
        return None  # that it cannot be read is told elsewhere
    except Exception as problem:  # whatever a template computes may fail: a missing key, an index, its own refusal
        where = f":{line}" if isinstance(problem, TemplateError) and (line := getattr(problem, "lineno", None)) else ""
        return f"{file}{where} cannot write a system message, an instruction and an answer: {problem}"
    lost = [role for role, content in CONVERSATION.items() if content not in text]
    return f"{file} leaves out what the {' and the '.join(lost)} said" if lost else None


def written(
    template: str, turns: Mapping[str, str], *, begin: str = "<s>", end: str = "</s>", ask: bool = False
) -> str:
    """A conversation as the template writes it, in the environment that transformers and vLLM render it in."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: form}
    messages = [{"role": role, "content": content} for role, content in turns.items()]
    return environment.from_string(template).render(
        messages=messages, add_generation_prompt=ask, bos_token=begin, eos_token=end
    )


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
