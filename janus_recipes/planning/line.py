"""One line of a plan: what is left to do at one node, and what it takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from janus_recipes.files import Json

Basis = Literal["exact", "estimate", "made"]
"""exact: the very requests were built and looked up in the ledger. estimate: from the recipe's sizes and the seeds,
at most so many. made: the artefact is there, by the same settings. Tokens, dollars and hours are estimates always."""


@dataclass(frozen=True)
class Line:
    """A node's figures. None: nobody can say. `hours` are wall time when nothing else runs."""

    step: str
    by: str
    """The provider and its model; of a training the method, what it starts from and the data; of sampling the base."""
    basis: Basis
    requests: int = 0
    in_ledger: int = 0
    to_ask: int = 0
    answers_a_row: float = 1.0
    """How many answers each of these will take, those asked again included: as many as the rows that are there took.
    Tokens, dollars and hours have them in."""
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    """At the live price."""
    usd_in_batch: float | None = 0.0
    """At the batch price, where the provider has or could have batches; else as `usd`."""
    in_batch: bool = False
    """Whether the recipe asks in batches, so that `usd_in_batch` is what will be spent."""
    hours: float | None = 0.0
    gpu_hours: float | None = 0.0
    gpu_tokens: int = 0
    """Tokens that a training reads, or that sampling reads and writes."""

    @property
    def usd_to_spend(self) -> float | None:
        """What the recipe as it is will spend; nothing where nothing is to be asked, whatever its price would be."""
        if not self.to_ask:
            return 0.0
        return self.usd_in_batch if self.in_batch else self.usd

    def as_json(self) -> Json:
        """The figures, rounded to what an estimate can mean."""
        figures = {**asdict(self), "usd_to_spend": self.usd_to_spend}
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in figures.items()}
