"""What the chat templates write, by hand: turns, missing system messages, and what they refuse.

Token ids, with real tokenizers and engines: tests/contract/test_one_template.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHAT = Path(__file__).parents[2] / "prompts" / "chat"
NAMES = sorted(file.stem for file in CHAT.glob("*.jinja"))

TURNS = [("user", "One?"), ("assistant", "Two."), ("user", "Three?"), ("assistant", "Four.")]

DIALOGUES = {
    "mistral": "<s>[INST] Be kind.\nOne? [/INST] Two.</s>[INST] Three? [/INST] Four.</s>",
    "llama2": "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nOne? [/INST] Two.</s><s>[INST] Three? [/INST] Four.</s>",
    "llama3": "<s><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nOne?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nTwo.</s>"
    "<|start_header_id|>user<|end_header_id|>\n\nThree?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nFour.</s>",
    "chatml": "<s><|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n"
    "<|im_start|>assistant\nTwo.</s>\n<|im_start|>user\nThree?<|im_end|>\n<|im_start|>assistant\nFour.</s>",
}
"""A system message and two questions with their answers, the end token being </s>."""


def render(name: str, turns: list[tuple[str, str]], **options: Any) -> str:
    """As transformers renders a tokenizer's chat template."""

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    template = environment.from_string((CHAT / f"{name}.jinja").read_text(encoding="utf-8"))
    messages = [{"role": role, "content": content} for role, content in turns]
    return template.render(messages=messages, **{"bos_token": "<s>", "eos_token": "</s>", **options})


def test_every_template_is_tested_here() -> None:
    assert sorted(DIALOGUES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_dialogue_is_rendered_turn_by_turn(name: str) -> None:
    assert render(name, [("system", "Be kind."), *TURNS]) == DIALOGUES[name]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_system_message_is_as_none(name: str) -> None:
    assert render(name, [("system", ""), *TURNS]) == render(name, TURNS)
    assert "system" not in render(name, TURNS) and "SYS" not in render(name, TURNS)


@pytest.mark.parametrize("turns", [1, 3], ids=["one question", "two questions"])
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_where_its_answer_begins(name: str, turns: int) -> None:
    prompt = render(name, TURNS[:turns], add_generation_prompt=True)
    answered = render(name, TURNS[: turns + 1], add_generation_prompt=False)
    assert answered.removeprefix(prompt).lstrip(" ") == f"{TURNS[turns][1]}</s>"


@pytest.mark.parametrize("name", NAMES)
def test_a_role_that_the_template_does_not_know_is_refused_by_name(name: str) -> None:
    with pytest.raises(jinja2.TemplateError, match="found the role tool"):
        render(name, [("user", "One?"), ("tool", "2")])


@pytest.mark.parametrize("name", ["mistral", "chatml", "llama3"])
def test_a_tokenizer_without_a_begin_token_gets_none(name: str) -> None:
    assert render(name, TURNS, bos_token="") == render(name, TURNS).removeprefix("<s>")
