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
from tests.faults.broken import make_figures

MODELS = (FULL, DPO, ORPO, STAGE1, KEPT)

POINTS, MARGIN = 0.25, 0.5
"""How far figures of a continued training may lie from those of the same one uninterrupted: points of score, and share
of the uninterrupted one's margin. What it learned must show besides: every claim must still hold."""


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
    model_again = str((home / "manifest.json").relative_to(copy.folder))
    run = copy.start(model_again)
    wait_until(lambda: last_checkpoint(work), run, "a checkpoint")
    kill(run)
    no_orphan_is_left(copy.folder)
    killed_at = last_checkpoint(work)
    copy.run(model_again)  # first: Snakemake leaves figures as they are where only a model in between is missing
    make_figures(copy)
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
    """The claims of a model, which must hold after a kill too."""
    return [claim for claim in CLAIMS if claim.model == model]


def tolerance_of(claim: Claim, uninterrupted: float) -> float:
    """How far the figure may lie from the uninterrupted one's, in its unit."""
    return MARGIN * abs(uninterrupted) if claim.is_margin else POINTS
