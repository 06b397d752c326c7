"""The system messages that other models use by default (paper, Table 9), one drawn for each instruction.

Their texts are FastChat's conversation templates': the package `fschat` has them when a step runs, this project does
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from janus_recipes.errors import StepError
from janus_recipes.recipe.problem import did_you_mean
from janus_recipes.seeding import random_for

LICENCE = "Apache-2.0"
"""FastChat's."""

UNLIKE_TABLE_9 = frozenset(
    ("vicuna_v1.1", "mpt-7b-chat", "OpenHermes-2.5-Mistral-7B", "Nous-Hermes-2-Mixtral-8x7B-DPO", "orca-2")
)
"""Templates whose message in fschat 0.2.36 is worded otherwise than the paper prints it: a `user` where it has a
`human`, and names of makers and models that it takes out."""


def default_messages(names: Iterable[str]) -> dict[str, str]:
    """The system messages of FastChat's templates with these names, in that order. Raises StepError at an unknown one.

    Two templates may share one message, which then comes up more often.
    """
    known = fastchat_messages()
    for name in names:
        if problem := problem_with(name, known):
            raise StepError(f"collection.default_messages: {problem}")
    return {name: known[name] for name in names}


def problem_with(name: str, known: Mapping[str, str]) -> str | None:
    """What is wrong with a template's name as the source of a system message; None where nothing is."""
    if name not in known:
        return f"FastChat has no conversation template {name}{did_you_mean(name, known)}"
    return None if known[name].strip() else f"FastChat's conversation template {name} has no system message"


def fastchat_messages() -> dict[str, str]:
    """The system message of every conversation template that FastChat knows, by the template's name; some are empty."""
    # Imported here, because few recipes need it and every command would wait for it.
    from fastchat.conversation import conv_templates  # type: ignore[import-untyped]

    return {name: template.system_message for name, template in conv_templates.items()}


def default_message(instruction: str, messages: Mapping[str, str], seed: int) -> str:
    """The message that stands before an instruction: drawn by the instruction's id, whatever other instructions are."""
    return messages[random_for(seed, "default message", instruction).choice(list(messages))]
