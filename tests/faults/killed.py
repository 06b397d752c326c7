"""Kill each kind of training in its middle, and see that the same command continues and ends where it would have."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.training.engine import START
from tests.e2e.claims import CLAIMS, DPO, FULL, KEPT, ORPO, STAGE1, Claim
from tests.e2e.stopping import kill, no_orphan_is_left, wait_until
from tests.e2e.workshop import Workshop
from tests.faults.broken import FIGURES

MODELS = (FULL, DPO, ORPO, STAGE1, KEPT)

POINTS, PAIRS, NATS = 0.25, 0.1, 2.0
"""How far the figures of a continued training may lie from those of the same one uninterrupted."""


@dataclass(frozen=True)
class Continued:
    """A training that was killed after checkpoint `killed_at`, and the step that its next start went on from."""

    model: str
    killed_at: int
    continued_from: int


def kill_and_continue(model: str, copy: Workshop) -> Continued:
    """Unmake a model, kill its training after a checkpoint, and run to the figures."""
    home, work = copy.folder / "results/rehearsal/models" / model, copy.folder / "work/rehearsal/models" / model
    shutil.rmtree(home / "weights")
    (home / "manifest.json").unlink()
    run = copy.start(str((home / "manifest.json").relative_to(copy.folder)))
    wait_until(lambda: last_checkpoint(work), run, "a checkpoint")
    kill(run)
    no_orphan_is_left(copy.folder)
    killed_at = last_checkpoint(work)
    copy.run(*FIGURES)
    return Continued(model, killed_at, continued_from(copy.folder / f"results/rehearsal/logs/models/{model}.log"))


def last_checkpoint(work: Path) -> int:
    """The step of a training's last checkpoint, axolotl's or OpenRLHF's; 0 before the first."""
    names = [path.parent.name for path in work.glob("out/checkpoint-*/trainer_state.json")]
    names += [path.read_text() for path in work.glob("checkpoints/**/latest")]
    return max((int(re.sub(r"\D", "", name)) for name in names), default=0)


def continued_from(log: Path) -> int:
    """The step that a training's last start went on from, by the line that it began with."""
    (*_, last) = re.findall(re.escape(START) + r".*, from step (\d+)", log.read_text())
    return int(last)


def claims_of(model: str) -> list[Claim]:
    """The claims of a model: their figures may differ by no more than the tolerance."""
    return [claim for claim in CLAIMS if claim.model == model]


def tolerance_of(claim: Claim) -> float:
    """In the unit of the claim's figure."""
    if "margins" in claim.name:
        return NATS
    return PAIRS if claim.model in (STAGE1, KEPT) else POINTS
