"""Typical requests of each asking step, rendered from the prompts with the seeds, for what has no inputs yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from janus_recipes.benchmarks.rubrics import rubric_requests
from janus_recipes.collection.helpful_responses import helpful_requests
from janus_recipes.collection.preferences import preference_requests
from janus_recipes.collection.responses import response_requests
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.collection.system_messages import system_message_requests
from janus_recipes.datasets.default_messages import default_messages
from janus_recipes.examples import example_instance, example_instruction, example_sets, example_system_messages
from janus_recipes.generation.asked import answer_requests
from janus_recipes.judging.judge import judge_requests, own
from janus_recipes.judging.registry import OWN_JUDGE, judge_named, prompt_of
from janus_recipes.llm.chat import ChatRequest
from janus_recipes.planning.made import mean
from janus_recipes.planning.tokens import TokenCounter
from janus_recipes.prompts import read_prompt
from janus_recipes.recipe.collection import HelpfulCondition, PreferenceSets, SystemMessages
from janus_recipes.recipe.provider import Asking
from janus_recipes.recipe.schema import Recipe, Rubrics
from janus_recipes.recipe.section import Condition
from janus_recipes.win_rates.compare import PairAnswers, compare_requests

WORD = " the"
"""One token and four characters, so that a filler has its length by either way of counting."""


@dataclass(frozen=True)
class Typical:
    """Requests as a step would send them, about an instruction of typical length."""

    recipe: Recipe

    @property
    def instruction(self) -> str:
        """An instruction of the recipe's `throughput.instruction_tokens`."""
        return filler(self.recipe.throughput.instruction_tokens)

    def preference_sets(self, asking: PreferenceSets) -> Iterable[ChatRequest]:
        """One request for each set of one instruction."""
        seeds, prompt = read_seed_preferences(self.recipe.seeds.preferences), self.recipe.prompts.preference_set
        about = [example_instruction(self.instruction)]
        return preference_requests(about, seeds, asking, read_prompt(prompt), self.recipe.seed)

    def system_messages(self, asking: SystemMessages) -> Iterable[ChatRequest]:
        """The request for one preference set."""
        examples = read_seed_system_messages(self.recipe.seeds.system_messages)
        prompt = read_prompt(self.recipe.prompts.system_message)
        return system_message_requests(example_sets(self.recipe), examples, asking, prompt, self.recipe.seed)

    def responses(self, asking: Asking) -> Iterable[ChatRequest]:
        """The request for one system message."""
        messages, about = example_system_messages(self.recipe), example_instruction(self.instruction)
        return response_requests(messages, {about.id: about.text}, asking, read_prompt(self.recipe.prompts.response))

    def helpful_responses(self, asking: Asking, condition: HelpfulCondition) -> Iterable[ChatRequest]:
        """The requests for one instruction: under each of the default messages, or under none."""
        by_default, prompt = condition == "default", read_prompt(self.recipe.prompts.response)
        messages = default_messages(self.recipe.collection.default_messages) if by_default else {}
        about = [example_instruction(self.instruction)]
        for one in [{name: text} for name, text in messages.items()] or [{}]:
            yield from helpful_requests(about, one, asking, prompt, self.recipe.seed)

    def rubrics(self, asking: Rubrics) -> Iterable[ChatRequest]:
        """The requests for one preference set."""
        examples, prompt = read_seed_rubrics(self.recipe.seeds.rubrics), read_prompt(self.recipe.prompts.rubric)
        return rubric_requests(example_sets(self.recipe), examples, asking, prompt, self.recipe.seed)

    def answers(self, asking: Asking, condition: Condition) -> Iterable[ChatRequest]:
        """The request for one bench instance, as a model under test gets it."""
        instance = example_instance(self.recipe, self.instruction)
        return answer_requests([instance], condition, self.recipe.default_system_message, asking)

    def verdicts(self, answer_tokens: int, reference: Asking, judge: str = OWN_JUDGE) -> Iterable[ChatRequest]:
        """A judge's requests for one answer of so many tokens, beside a typical reference answer."""
        instance = example_instance(self.recipe, self.instruction, filler(answer_tokens_of(reference)))
        answers, prompt = {instance.id: filler(answer_tokens)}, read_prompt(prompt_of(self.recipe, judge))
        return judge_requests([instance], answers, judge_named(self.recipe, judge), prompt, own([instance]))

    def comparisons(self, answer_tokens: int, reference: Asking) -> Iterable[ChatRequest]:
        """The judge's requests for two answers of so many tokens, beside a typical reference answer."""
        instance = example_instance(self.recipe, self.instruction, filler(answer_tokens_of(reference)))
        answers, prompt = {instance.id: filler(answer_tokens)}, read_prompt(self.recipe.prompts.compare)
        return compare_requests([instance], PairAnswers(answers, answers), 1, self.recipe.judging.sampling, prompt)


def filler(tokens: int) -> str:
    """A text of so many tokens."""
    return WORD * tokens


def answer_tokens_of(asking: Asking) -> int:
    """The tokens of a step's typical answer: as the recipe expects, else as many as it may have."""
    return asking.expected_tokens or asking.sampling.max_tokens


def default_message_tokens(recipe: Recipe, tokens: TokenCounter) -> float:
    """Mean tokens of the recipe's default system messages."""
    return mean(map(tokens.count, default_messages(recipe.collection.default_messages).values())) or 0.0
