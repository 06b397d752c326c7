"""A recipe's plan: every node with what is left to do there, the total, and what the figures rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from janus_recipes.files import Json
from janus_recipes.llm.batches.state import committed_by
from janus_recipes.llm.budget import spent_by
from janus_recipes.llm.ledger import Ledger
from janus_recipes.planning.asking import asking_line, seen_by_kind
from janus_recipes.planning.best_of import reward_lines, sample_lines
from janus_recipes.planning.count import Count, counted, estimated, finished
from janus_recipes.planning.engines import note_on_trainings, training_lines
from janus_recipes.planning.line import Line
from janus_recipes.planning.nodes import AskingNode, asking_nodes
from janus_recipes.planning.sampling import generation_lines, scoring_lines
from janus_recipes.planning.tokens import TokenCounter, token_counter
from janus_recipes.recipe.schema import Recipe

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a recipe would do now. `notes` say what the figures rest on."""

    recipe: str
    lines: list[Line]
    notes: list[str]
    budget_usd: float | None
    spent_usd: float
    committed_usd: float = 0.0
    """What the recipe's batches under way will cost at most."""

    @property
    def total(self) -> Line:
        """All lines together; None where a line's figure is not known. Hours are one step after another."""
        return Line(
            step="total",
            by="",
            basis="exact" if all(line.basis != "estimate" for line in self.lines) else "estimate",
            requests=sum(line.requests for line in self.lines),
            in_ledger=sum(line.in_ledger for line in self.lines),
            to_ask=sum(line.to_ask for line in self.lines),
            tokens_in=sum(line.tokens_in for line in self.lines),
            tokens_out=sum(line.tokens_out for line in self.lines),
            usd=total_of(line.usd for line in self.lines),
            usd_in_batch=total_of(line.usd_in_batch for line in self.lines),
            hours=sum(line.hours or 0.0 for line in self.lines),
            gpu_hours=total_of(line.gpu_hours for line in self.lines),
            gpu_tokens=sum(line.gpu_tokens for line in self.lines),
        )

    @property
    def usd_to_spend(self) -> float | None:
        """What the recipe as it is would spend: live where it asks live, in batches where it asks so."""
        return total_of(line.usd_to_spend for line in self.lines)

    def as_json(self) -> Json:
        """The plan for programs."""
        return {
            "recipe": self.recipe,
            "nodes": [line.as_json() for line in self.lines],
            "total": {**self.total.as_json(), "usd_to_spend": self.usd_to_spend},
            "budget_usd": self.budget_usd,
            "spent_usd": round(self.spent_usd, 6),
            "committed_usd": round(self.committed_usd, 6),
            "notes": self.notes,
        }


def plan_of(recipe: Recipe, tell: Tell = lambda step: None) -> Plan:
    """Count and estimate. Reads results and ledger, writes and asks nothing, needs no key and no network.

    `tell` is called with the name of each step before it is counted: building the requests of a step that is half done
    takes about as long as the step takes to find what it has.
    """
    tokens = token_counter()
    nodes = count_all(recipe, tokens, tell)
    seen = seen_by_kind(nodes, recipe)
    asked = [asking_line(node, count, recipe, seen) for node, count in nodes]
    first_judged = next((number for number, (node, _) in enumerate(nodes) if node.kind == "verdict"), len(nodes))
    sampled = [*generation_lines(recipe), *sample_lines(recipe), *reward_lines(recipe)]
    engines = [*training_lines(recipe, tokens), *sampled, *scoring_lines(recipe)]
    lines = [*asked[:first_judged], *engines, *asked[first_judged:]]
    ledger = Path(recipe.ledger)
    spent, committed = spent_by(ledger, recipe.name), committed_by(ledger, recipe.name)
    notes = [*notes_on(recipe, lines, tokens), *note_on_batches(count.under_way for _, count in nodes)]
    return Plan(recipe.name, lines, notes, recipe.budget_usd, spent, committed)


def count_all(recipe: Recipe, tokens: TokenCounter, tell: Tell) -> list[tuple[AskingNode, Count]]:
    """Each asking step with its requests: built and looked up where its inputs are there, else estimated."""
    with ExitStack() as opened:

        @cache
        def ledger_of(model: str) -> Ledger:
            return opened.enter_context(Ledger.open(Path(recipe.ledger), model))

        def count(node: AskingNode) -> Count:
            provider = recipe.providers[node.asking.provider]
            tell(node.name)
            if not node.is_exact:
                return estimated(node, tokens)
            step, ledger = node.step(), ledger_of(provider.model)
            return finished(node.out, step, provider, ledger) or counted(step, provider, ledger, tokens)

        return [(node, count(node)) for node in asking_nodes(recipe)]


def notes_on(recipe: Recipe, lines: list[Line], tokens: TokenCounter) -> list[str]:
    """What the figures rest on, and what is not in them."""
    speeds = recipe.throughput
    unpriced = sorted({line.by for line in lines if line.usd is None})
    unsized = [line for line in lines if line.gpu_hours is None]
    return [
        "Requests: exact where a step's inputs are there; else at most, as if no filter removed any and every answer "
        "were good.",
        note_on_re_asks(lines),
        f"Tokens: prompts by {tokens.method}; answers as long as the ledger's, else `expected_tokens`, else "
        "`max_tokens`.",
        f"Hours: at the providers' limits, {speeds.answer_tokens_per_second:g} tokens/s in each answer; one step after "
        "another. Of batches a whole window, as often as their queue makes necessary, and one more for each of the "
        "`re_asks`; they may be through sooner.",
        note_on_trainings(recipe, tokens),
        f"GPU-hours of sampling: by finished runs, else {speeds.generated_tokens_per_gpu_second:,.0f} tokens/s written "
        f"and {speeds.prompt_tokens_per_gpu_second:,.0f} read (stated in `throughput`), which scoring pairs goes by. "
        "These are a 7B model's: others take as much longer as they have more parameters.",
        *note_on_promises(recipe, lines),
        *(f"No price is known for {one}: give it `prices`." for one in unpriced),
        *(f"GPU-hours of {line.step} are not known: give its base model `parameters`." for line in unsized),
    ]


def note_on_promises(recipe: Recipe, lines: list[Line]) -> list[str]:
    """What is said of a budget that batches share."""
    if recipe.budget_usd is None or not any(line.in_batch and line.to_ask for line in lines):
        return []
    return [
        "Budget: a batch under way takes off it what it costs at most, with answers of `max_tokens`, and gives back "
        "the rest when it is through. Where the budget is less than that for all, it takes more windows."
    ]


def note_on_re_asks(lines: list[Line]) -> str:
    """What is said of questions that are asked again because an answer did not parse."""
    again = [f"{line.answers_a_row:.2f} ({line.step})" for line in lines if line.to_ask and line.answers_a_row > 1]
    by_ledger = f", but {', '.join(again)}, as the rows in the ledger took" if again else ""
    return f"Answers a row, where some do not parse and are asked for again: 1.00{by_ledger}."


def note_on_batches(under_way: Iterable[int]) -> list[str]:
    """What is said of requests that are neither answered nor to be asked."""
    requests = sum(under_way)
    return [f"Of those in the ledger, {requests:,} are still in batches under way."] if requests else []


def total_of(figures: Iterable[float | None]) -> float | None:
    """The sum, or None where a part of it is not known."""
    listed = list(figures)
    known = [one for one in listed if one is not None]
    return sum(known) if len(known) == len(listed) else None
