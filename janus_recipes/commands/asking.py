"""Ask a provider for the rows of one artefact, and write them with their manifest: what all asking steps share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

from janus_recipes.files import write_jsonl
from janus_recipes.llm.ask import Requests, ask
from janus_recipes.llm.endpoint import Endpoint, endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.manifest import making
from janus_recipes.recipe.registry import refuse_retired
from janus_recipes.recipe.schema import Asking, Provider, Recipe
from janus_recipes.records import Asked, Status, row_of

T = TypeVar("T")


def make_asked(
    out: Path,
    recipe: Recipe,
    asking: Asking,
    requests: Requests,
    parse: Callable[[str], T],
    *,
    wanted: Callable[[], Iterable[str]],
    inputs: Mapping[str, Path],
) -> None:
    """Ask, and write one row for each wanted id, in that order.

    A wanted id without a request becomes a row with the status `missing`: what it needs was itself not ok.
    """
    provider = recipe.providers[asking.provider]
    with (
        making(out, recipe=recipe.name, section=asking, inputs=inputs) as made,
        Ledger.open(Path(recipe.ledger), provider.model) as ledger,
    ):
        answers = ask(
            requests,
            provider,
            ledger,
            parse,
            asking.re_asks,
            endpoint=spending_endpoint(recipe),
            total=sum(1 for _ in wanted()),
        )
        write_jsonl(out, map(row_of, in_full(wanted(), iter(answers))))
        sent = provider.model_dump(include={"kind", "accepts_sampling", "reasoning_effort"})
        made.asked = {"provider": asking.provider, **sent, **answers.report.as_json()}


def in_full(wanted: Iterable[str], rows: Iterator[Asked[T]]) -> Iterator[Asked[T]]:
    """The rows, with a `missing` one for each wanted id that has none. Both are in the same order."""
    row = next(rows, None)
    for item in wanted:
        if row is not None and row.id == item:
            yield row
            row = next(rows, None)
        else:
            yield Asked(item, Status.MISSING, None, reason="what it needs is missing")


def spending_endpoint(recipe: Recipe) -> Callable[[Provider], AbstractContextManager[Endpoint]]:
    """The endpoint, opened only when something must be asked. Raises SpendingRefused for a retired model first."""

    @contextmanager
    def opened(provider: Provider) -> Iterator[Endpoint]:
        if provider.kind != "rehearsal":
            refuse_retired(provider.model, date.today(), Path(recipe.known_models))
        with endpoint(provider) as where:
            yield where

    return opened
