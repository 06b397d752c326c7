"""The batches under way, as files beside the ledger, so that a run that was killed finds them again.

    <ledger>/.batches/<model>/<name>.json             one batch, written whole; without an id while it is being created
    <ledger>/.batches/<model>/<name>.addresses        what it asks: each request's address and its attempt's number
    <ledger>/.batches/<model>/<name>.requests.jsonl   the file to upload, until the batch is created
    <ledger>/.batches/<model>/<name>.output.jsonl     what was downloaded (also .errors.jsonl), until the ledger has it
    <ledger>/.batches/<model>/ended/<name>.json       what became of it, kept for good
    <ledger>/.batches/<model>/.lock
    <ledger>/.batches/.<recipe>.lock                  whose holder is spending what is left of that recipe's budget

All processes that ask this model, whatever their recipe, share the folder. One of them at a time has its turn to
submit a batch or to take one's answers: the turn is a lock that the kernel takes back when its holder dies
(`janus_recipes/locking.py`; on NFS the file server keeps it between hosts). So whoever has the turn and finds a batch
without an id knows that the process which was creating it is gone. Between hosts on NFS the ledger needs up to a minute
to show what another host took in (`ledger.py`): a question asked within it may be asked twice.

A batch under way is money that is spent but not paid yet. So its state names its recipe and what it costs at most, and
whoever submits for that recipe, on whichever model, first takes off what all its batches may still cost. While its
answers are taken in, what they cost is first written down here and then paid: promise and payment together are never
more than the promise was. Who is killed in between has a few answers' price in neither until they are taken in anew;
answers that were broken off among them, or were kept but not yet paid, stay uncharged: 64 rows at most, or a hundredth.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from janus_recipes.errors import StepError
from janus_recipes.files import write_json, written_whole
from janus_recipes.llm.ledger import folder_name
from janus_recipes.locking import Taken, held

TURN_S = 1.0
"""How often a turn that another process has is tried again."""

Kind = Literal["requests", "output", "errors"]


@dataclass(frozen=True)
class BatchState:
    """What is known of one batch. Times are ISO, UTC."""

    name: str
    """Also the batch's metadata `janus` at the provider."""
    rows: int
    tokens: int
    """Of all prompts, as estimated."""
    usd: float
    """Dollars that it costs at most (`files.most_usd_of`)."""
    digest: str
    """SHA-256 of the file of requests."""
    base_url: str
    file_id: str
    began_at: str
    id: str = ""
    recipe: str = ""
    """Whose budget it is submitted for; empty where there is none to keep."""
    answer_tokens: int = 0
    """Of all answers, at most."""
    taken_in: int = 0
    """Rows of what it gave that were handled so far, or were about to be."""
    paid_usd: float = 0.0
    """What these cost."""
    status: str = ""
    ended_at: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    """Rows by what became of them: answered, or a fault's label."""

    @property
    def usd_left(self) -> float:
        """Dollars that it may still cost, beside what is paid."""
        return max(0.0, self.usd - self.paid_usd)

    def age_s(self) -> float:
        """Seconds since it was begun to be created."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.began_at)).total_seconds()


class BatchFolder:
    """The states of one model's batches. What changes them is called by whoever has the turn."""

    def __init__(self, ledger: Path) -> None:
        """`ledger` is the model's own folder in the ledger."""
        self.path = ledger.parent / ".batches" / ledger.name

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until no other process has the turn, and have it inside. Raises StepError where no lock can be kept."""
        async with self._alone(self.path / ".lock"):
            yield

    @asynccontextmanager
    async def turn_to_spend(self, recipe: str) -> AsyncIterator[None]:
        """The turn, and that of all models together to spend from a recipe's budget. An empty name has none."""
        async with self.turn():
            if not recipe:
                yield
                return
            async with self._alone(self.path.parent / f".{recipe}.lock"):
                yield

    @asynccontextmanager
    async def _alone(self, lock: Path) -> AsyncIterator[None]:
        with ExitStack() as stack:
            while True:
                try:
                    with self.writing():
                        stack.enter_context(held(lock, 0, f"the batches in {lock.parent}"))
                    break
                except Taken:
                    await asyncio.sleep(TURN_S)
            yield

    def under_way(self) -> list[BatchState]:
        """The batches that were begun and have not ended, the oldest first."""
        return list(states_in(self.path))

    def committed_usd(self, recipe: str) -> float:
        """Dollars at most that a recipe's batches under way will cost, on all models of this ledger."""
        return committed_by(self.path.parent.parent, recipe)

    def read(self, name: str) -> BatchState:
        """How far a batch under way is, which another process may have begun to take in. Needs the turn."""
        return _state_at(self._state(name))

    def is_under_way(self, name: str) -> bool:
        """Whether a batch has not ended yet."""
        return self._state(name).exists()

    def ended(self) -> set[str]:
        """The names of the batches that have ended."""
        return {path.stem for path in (self.path / "ended").glob("*.json")}

    def addresses(self, name: str) -> Iterator[tuple[bytes, int]]:
        """Each row of a batch: its address in 32 bytes, and the number of the attempt, which is 0 for the first."""
        with (self.path / f"{name}.addresses").open() as lines:
            for line in lines:
                address, number = line.split()
                yield bytes.fromhex(address), int(number)

    def addresses_under_way(self) -> set[bytes]:
        """Every request that a batch under way will answer. Needs no turn: a batch that ends meanwhile is left out."""
        found: set[bytes] = set()
        for state in states_in(self.path):
            with suppress(FileNotFoundError):
                found.update(address for address, _ in self.addresses(state.name))
        return found

    def file(self, name: str, kind: Kind) -> Path:
        """Where a batch's requests are written, or what it gave is downloaded to."""
        return self.path / f"{name}.{kind}.jsonl"

    def begin(self, state: BatchState, addresses: Iterable[tuple[bytes, int]]) -> None:
        """Write down that a batch is about to be created: on disk when this returns, its addresses too."""
        with self.writing():
            with written_whole(self.path / f"{state.name}.addresses") as out:
                out.writelines(f"{address.hex()} {number}\n" for address, number in addresses)
            self._write(self._state(state.name), state)

    def created(self, state: BatchState) -> None:
        """Write down the id of a batch. The file that was uploaded is not needed any more."""
        with self.writing():
            self._write(self._state(state.name), state)
            self.file(state.name, "requests").unlink(missing_ok=True)

    def taking_in(self, state: BatchState) -> None:
        """Write down how much of a batch's answers is about to be paid."""
        with self.writing():
            self._write(self._state(state.name), state)

    def end(self, state: BatchState) -> None:
        """Its answers are in the ledger: keep what became of it, remove the rest."""
        with self.writing():
            self._write(self.path / "ended" / f"{state.name}.json", state)
            self.forget(state.name)

    def forget(self, name: str) -> None:
        """Remove a batch's files, its state last but for its addresses: without a state they stand for nothing."""
        for kind in ("requests", "output", "errors"):
            self.file(name, kind).unlink(missing_ok=True)
        self._state(name).unlink(missing_ok=True)
        (self.path / f"{name}.addresses").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what killed processes left behind without a state."""
        for path in self.path.glob("*"):
            name = path.name.lstrip(".").split(".")[0]
            if path.is_file() and path.name != ".lock" and not self.is_under_way(name):
                path.unlink()

    def _state(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def _write(self, path: Path, state: BatchState) -> None:
        write_json(path, asdict(state))
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # without it a power cut may take back the file's new name
        finally:
            os.close(folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what goes wrong with a file inside into a StepError that says what to do."""
        try:
            yield
        except OSError as error:
            raise StepError(
                f"{self.path}: batches cannot be kept track of here: {error.strerror}. Make room or allow writing, "
                "then run the same command again: nothing that was paid for is lost."
            ) from error


def states_in(folder: Path) -> Iterator[BatchState]:
    """One model's batches under way, the oldest first, but for those that end while this looks."""
    for path in sorted(folder.glob("*.json")):
        with suppress(FileNotFoundError):
            yield _state_at(path)


def _state_at(path: Path) -> BatchState:
    text = path.read_text()
    try:
        return BatchState(**json.loads(text))
    except (ValueError, TypeError):
        raise StepError(f"{path}: was changed by hand; which batch it is, is not known. Put it back.") from None


def has_batches_under_way(ledger: Path, model: str) -> bool:
    """Whether a batch of a model has not ended yet, or not been taken in."""
    return any(True for _ in states_in(BatchFolder(ledger / folder_name(model)).path))


def committed_by(ledger: Path, recipe: str) -> float:
    """Dollars at most that a recipe's batches under way will cost, on all models. Nothing is written."""
    folders = [path for path in (ledger / ".batches").glob("*") if path.is_dir()]
    return sum(state.usd_left for folder in folders for state in states_in(folder) if state.recipe == recipe)


def new_name() -> str:
    """A name for a batch: they sort by time, and no two are alike."""
    return f"{now()}-{secrets.token_hex(4)}".replace(":", "").replace("-", "", 2)


def now() -> str:
    """The time in ISO format, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
