"""Ask a provider for the rows of one artefact, and write them with their manifest: what all asking steps share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from janus_recipes.asking_steps import AskingStep
from janus_recipes.commands.options import work_folder
from janus_recipes.files import Json, write_jsonl
from janus_recipes.llm.ask import ask
from janus_recipes.llm.batches.state import has_batches_under_way
from janus_recipes.llm.budget import Purse
from janus_recipes.llm.endpoint import Endpoint, Engine, endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.report import CheckCount
from janus_recipes.manifest import making
from janus_recipes.recipe.provider import Provider
from janus_recipes.recipe.registry import refuse_retired
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Status, row_of
from janus_recipes.workflow.jobs import environment_of

T = TypeVar("T")


def make_asked(out: Path, recipe: Recipe, step: AskingStep[T]) -> None:
    """Ask, and write one row for each wanted id, in that order.

    A wanted id without a request becomes a row with the status `missing`: what it needs was itself not ok.
    """
    provider = recipe.providers[step.asking.provider]
    with (
        making(out, recipe=recipe.name, section=step.section, inputs=step.inputs) as made,
        Ledger.open(Path(recipe.ledger), provider.model) as ledger,
        Purse.open(Path(recipe.ledger), recipe.name, recipe.budget_usd, provider) as purse,
    ):
        answers = ask(
            step.requests,
            provider,
            ledger,
            step.parse,
            step.asking.re_asks,
            endpoint=spending_endpoint(recipe, work_folder(out)),
            total=sum(1 for _ in step.wanted()),
            purse=purse,
            differ=step.differ,
        )
        write_jsonl(out, map(row_of, map(step.finish, in_full(step.wanted(), iter(answers)))))
        made.notes = dict(step.notes)
        sent = provider.model_dump(include={"kind", "accepts_sampling", "reasoning_effort", "structured_output"})
        made.asked = {
            "provider": step.asking.provider,
            **sent,
            **serving_of(recipe, provider),
            **answers.report.as_json(),
            "checks": {name: asdict(answers.report.checks.get(name, CheckCount())) for name in step.checks},
        }


def in_full(wanted: Iterable[str], rows: Iterator[Asked[T]]) -> Iterator[Asked[T]]:
    """The rows, with a `missing` one for each wanted id that has none. Both are in the same order."""
    row = next(rows, None)
    for item in wanted:
        if row is not None and row.id == item:
            yield row
            row = next(rows, None)
        else:
            yield Asked(item, Status.MISSING, None, reason="what it needs is missing")


def serving_of(recipe: Recipe, provider: Provider) -> Json:
    """For the manifest: how a model that the step serves itself was served; nothing for others."""
    if provider.kind != "vllm":
        return {}
    ready = Path(environment_of(recipe, "vllm"))  # by hand, a step whose answers are all in the ledger runs without it
    environment = json.loads(ready.read_text(encoding="utf-8")) if ready.exists() else None
    return {"served": provider.served.model_dump(mode="json"), "environment": environment}


def spending_endpoint(recipe: Recipe, work: Path) -> Callable[[Provider], AbstractContextManager[Endpoint]]:
    """The endpoint, opened only when something must be asked. Raises SpendingRefused for a retired model first.

    With batches of a retired model under way it does so only before a new one is submitted: they are paid for. `work`
    is where a model that the step serves itself keeps its log.
    """
    engine = Engine(Path(environment_of(recipe, "vllm")).parent, work)

    @contextmanager
    def opened(provider: Provider) -> Iterator[Endpoint]:
        def refuse() -> None:
            refuse_retired(provider.model, date.today(), Path(recipe.known_models))

        fetches = provider.kind == "openai-batch" and has_batches_under_way(Path(recipe.ledger), provider.model)
        if provider.kind != "rehearsal" and not fetches:
            refuse()
        with endpoint(provider, engine) as where:
            yield replace(where, may_submit=refuse) if fetches else where

    return opened
