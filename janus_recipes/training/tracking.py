"""Where a training reports to besides its own log (a recipe's `tracking`): what the engines are told at run time.

Nothing of it stands in a model's configuration: it decides nothing about the model, so a changed project re-runs none.
Keys come from the environment alone: WANDB_API_KEY, and MLflow's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from janus_recipes.errors import StepError
from janus_recipes.files import Json
from janus_recipes.recipe.training import Tracking

WANDB_KEY = "WANDB_API_KEY"
WITHOUT_KEY = ("offline", "disabled", "dryrun")
"""Values of WANDB_MODE under which wandb wants no key."""


@dataclass(frozen=True)
class Tracked:
    """One training's reports. `run` names it there, `files` is where wandb keeps what it has not sent yet."""

    to: Tracking
    run: str
    files: Path

    def axolotl_keys(self) -> Json:
        """What is laid over axolotl's configuration."""
        keys: Json = {}
        if self.to.wandb is not None:
            keys |= {"wandb_project": self.to.wandb.project, "wandb_entity": self.to.wandb.entity}
            keys |= {"wandb_name": self.run}
        if self.to.mlflow is not None:
            keys |= {"mlflow_tracking_uri": self.to.mlflow.uri, "mlflow_experiment_name": self.to.mlflow.experiment}
            keys |= {"mlflow_run_name": self.run}
        if self.to.tensorboard is not None:
            keys["use_tensorboard"] = True
        return {key: value for key, value in keys.items() if value is not None}

    def environ(self) -> dict[str, str]:
        """Environment variables of axolotl's process."""
        environ = {}
        if self.to.wandb is not None:
            self.files.mkdir(parents=True, exist_ok=True)  # wandb falls back on /tmp where it is not there
            environ["WANDB_DIR"] = str(self.files)
        if self.to.tensorboard is not None:
            environ["TENSORBOARD_LOGGING_DIR"] = str(Path(self.to.tensorboard, self.run))
        return environ

    def openrlhf_flags(self) -> list[str]:
        """OpenRLHF's flags. It takes wandb's key on the command line, where all could read it: the flag holds the name
        of the variable, and wandb reads that itself. With wandb OpenRLHF writes no tensorboard files."""
        flags = []
        if self.to.wandb is not None:
            flags += ["--logger.wandb.key", WANDB_KEY, "--logger.wandb.project", self.to.wandb.project]
            flags += ["--logger.wandb.org", self.to.wandb.entity] if self.to.wandb.entity else []
        if self.to.tensorboard is not None:
            flags += ["--logger.tensorboard_dir", self.to.tensorboard]
        return [*flags, "--logger.wandb.run_name", self.run] if flags else []

    def check(self, environment: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Raise StepError, with all that is missing, before anything starts. `environment` is the engine's."""
        missing = list(self._missing(environment, environ))
        if missing:
            raise StepError("\n".join(missing))

    def _missing(self, environment: Path, environ: Mapping[str, str]) -> Iterator[str]:
        wanted = {"wandb": self.to.wandb, "mlflow": self.to.mlflow, "tensorboard": self.to.tensorboard}
        for package in (name for name, one in wanted.items() if one is not None):
            if not any(environment.glob(f"lib/python*/site-packages/{package}/__init__.py")):
                yield (
                    f"tracking.{package}: {environment} holds no {package}: "
                    f"`uv pip install --python {environment} {package}`, or leave it out of the recipe"
                )
        if self.to.wandb is not None and not environ.get(WANDB_KEY) and environ.get("WANDB_MODE") not in WITHOUT_KEY:
            yield f"tracking.wandb: {WANDB_KEY} is not set; set it, or WANDB_MODE=offline"


def tracked(tracking: Tracking, recipe: str, model: str) -> Tracked:
    """A model's reports, named by recipe and model."""
    return Tracked(tracking, f"{recipe}-{model}", Path("results", recipe, "logs", "wandb"))
