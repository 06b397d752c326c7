"""Which messages a model gets under a condition of the recipe (paper, Table 8)."""

from __future__ import annotations

from janus_recipes.llm.chat import Message
from janus_recipes.recipe.section import Condition
from janus_recipes.records import BenchInstance


def messages_under(condition: Condition, instance: BenchInstance, default_system_message: str) -> tuple[Message, ...]:
    """The instruction, after the condition's system message: none, the recipe's default, or the instance's own.

    An empty system message counts as none.
    """
    system = {"none": "", "default": default_system_message, "multifaceted": instance.system_message}[condition]
    before = (Message("system", system),) if system else ()
    return (*before, Message("user", instance.instruction))
