"""The errors a user may meet, each with the exit code that the `janus` command ends with.

| code | meaning |
|------|---------|
| 0 | done |
| 1 | failed: a step could not do its work (`StepError`); the log's last lines say why |
| 2 | wrong recipe or arguments (`RecipeError`, `UsageError`): nothing was started |
| 3 | not allowed to spend: a missing key or a retired model (`SpendingRefused`); nothing was asked |
| 4 | a provider is down, or refused the key or the request (`ProviderDown`); answers got so far are kept |
| 5 | the recipe's budget is reached (`BudgetReached`); answers got so far are kept |
"""

from __future__ import annotations

from collections.abc import Sequence


class JanusError(Exception):
    """A failure with a message meant for the user: what is wrong, where, and what to do."""

    exit_code = 1


class StepError(JanusError):
    """A step started and could not finish."""


class UsageError(JanusError):
    """The command line names something that does not exist or does not fit."""

    exit_code = 2


class RecipeError(JanusError):
    """A recipe is wrong. Carries every problem found, one a line."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class SpendingRefused(JanusError):
    """A step would have spent money on a model that is retired, or without its key."""

    exit_code = 3


class ProviderDown(JanusError):
    """A provider does not answer, or refuses every request."""

    exit_code = 4


class BudgetReached(JanusError):
    """The recipe's `budget_usd` is spent: nothing new is asked."""

    exit_code = 5
