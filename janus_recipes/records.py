"""The rows that pass from step to step, one JSON object a line in `results/<recipe>/`.

Every row that came from a model is an `Asked` row: it has a status and keeps the raw text, so nothing is ever silently
dropped (contract 2). Ids are built from content, so they do not depend on the order of the input:

    instruction      i-3f2a9c01d4e7            digest of its text
    preference set,
    system message,
    response         i-3f2a9c01d4e7/2          instruction, number of the set
    judgment         i-3f2a9c01d4e7/2/1/0      instance, rubric, run
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from janus_recipes.errors import StepError
from janus_recipes.files import Json, digest_of_text, read_jsonl

T = TypeVar("T")

DIMENSIONS = ("Style", "Background knowledge", "Informativeness", "Harmlessness")
"""The four dimensions of a preference set (paper, section 3.2), in the paper's order."""


class Status(StrEnum):
    """What became of one request."""

    OK = "ok"
    UNPARSED = "unparsed"  # answered, but not in the format asked for, also when asked again
    REFUSED = "refused"  # the provider or the model declined
    TRUNCATED = "truncated"  # cut at the token limit
    FAILED = "failed"  # no answer: too long for the model, or the request was rejected
    MISSING = "missing"  # never asked, because what it needs is itself not ok


@dataclass(frozen=True)
class Instruction:
    """One user instruction. `source` is the recipe's name for its pool, `origin` the pool's own inner source."""

    id: str
    text: str
    source: str
    origin: str = ""


@dataclass(frozen=True)
class Preference:
    """One preference, as the teacher writes it (paper, appendix J)."""

    dimension: str
    subdimension: str
    preference: str
    description: str


@dataclass(frozen=True)
class Rubric:
    """How one preference is scored: `criteria` and what each of the five scores, 1 to 5, means."""

    dimension: str
    criteria: str
    scores: tuple[str, ...]


@dataclass(frozen=True)
class BenchInstance:
    """One of the bench's instances: an instruction under one system message (paper, appendix C.1).

    `benchmark` is the paper's column (`mf-Koala`), `rubrics` one per dimension in the order of `DIMENSIONS`.
    """

    id: str
    instruction_id: str
    benchmark: str
    instruction: str
    system_message: str
    preferences: tuple[Preference, ...]
    reference_answer: str
    rubrics: tuple[Rubric, ...]


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What one request came to. `value` is there only when `status` is ok.

    `raw` is the last answer's text as it came; `attempts` counts how often the model was asked for this row.
    """

    id: str
    status: Status
    value: T | None
    raw: str = ""
    attempts: int = 0
    reason: str = ""


def instruction_id(text: str) -> str:
    """The id of an instruction: the first 12 hexadecimal digits of its text's SHA-256 (65,653 never met in tests)."""
    return f"i-{digest_of_text(text)[:12]}"


def row_of(record: Any) -> Json:
    """A record as the JSON object that is written."""
    return asdict(record)


def read_instructions(path: Path) -> Iterator[Instruction]:
    """The instructions of a file, in its order. Raises StepError at a row of another form, as the other readers do."""
    for row in read_jsonl(path):
        with of_this_form(path, "instruction"):
            instruction = Instruction(**row)
        yield instruction


def read_asked(path: Path, value: Callable[[Any], T]) -> Iterator[Asked[T]]:
    """The asked rows of a file; `value` turns the JSON of an ok row into its type."""
    for row in read_jsonl(path):
        with of_this_form(path, "row of answers"):
            parsed = value(row["value"]) if row["status"] == Status.OK else None
            asked = Asked(**{**row, "status": Status(row["status"]), "value": parsed})
        yield asked


@contextmanager
def of_this_form(path: Path, what: str) -> Iterator[None]:
    """Turn a row that lacks keys, or has others, into a message that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as problem:
        raise StepError(f"{path}: not a file of such rows ({what}): {type(problem).__name__}: {problem}") from problem


def ok_values(path: Path, value: Callable[[Any], T]) -> dict[str, T]:
    """The values of the ok rows of a file, by id."""
    return {row.id: row.value for row in read_asked(path, value) if row.status is Status.OK and row.value is not None}


def preference_set_from(value: Any) -> tuple[Preference, ...]:
    """The JSON of an ok preference set row as preferences."""
    return tuple(Preference(**one) for one in value)


def rubric_from(value: Any) -> Rubric:
    """The JSON of an ok rubric row as a rubric."""
    return Rubric(value["dimension"], value["criteria"], tuple(value["scores"]))


def read_bench(path: Path) -> Iterator[BenchInstance]:
    """The bench's instances, in the file's order."""
    for row in read_jsonl(path):
        with of_this_form(path, "bench instance"):
            parts = {
                "preferences": preference_set_from(row["preferences"]),
                "rubrics": tuple(rubric_from(one) for one in row["rubrics"]),
            }
            instance = BenchInstance(**{**row, **parts})
        yield instance
