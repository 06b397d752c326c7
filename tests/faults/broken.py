"""Train a model of the finished rehearsal again from something broken, and see which of its claims fall."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.claims import CLAIMS, DPO, FULL, ORPO, STAGE1, Claim
from tests.e2e.test_rehearsal import BROKEN as WITHOUT_SYSTEM_MESSAGE
from tests.e2e.workshop import BIN, REHEARSAL, Workshop

RESULTS = Path("results/rehearsal")
TEMPLATE, CHATML = (Path(f"prompts/chat/{name}.jinja") for name in ("mistral", "chatml"))
FIGURES = (
    *(f"{RESULTS}/tables/{table}.csv" for table in ("table2", "table8", "table10", "table11")),
    f"{RESULTS}/rankings/held-out.csv",
    f"{RESULTS}/best_of/multifaceted/best-of-8.csv",
    f"{RESULTS}/win_rates/gains.csv",
)
DATASETS = {FULL: "sft-196k", DPO: "dpo", ORPO: "orpo", STAGE1: "orpo"}


@dataclass(frozen=True)
class Break:
    """One thing broken: the model that is trained from it, the file that is broken, and how."""

    name: str
    model: str
    file: Path
    rewrite: Callable[[str], str]

    @property
    def claims(self) -> list[Claim]:
        """What the model must show when nothing is broken."""
        return [claim for claim in CLAIMS if claim.model == self.model]


def swapped(rows: str) -> str:
    """Preference pairs with chosen and rejected exchanged."""
    pairs = (json.loads(line) for line in rows.split("\n") if line)  # U+2028 stands inside real prompts
    return "".join(json.dumps(row | {"chosen": row["rejected"], "rejected": row["chosen"]}) + "\n" for row in pairs)


def without_system_message(config: str) -> str:
    """axolotl's YAML with a template that leaves the system message out; inference sends it."""
    return yaml.safe_dump({**yaml.safe_load(config), "chat_template_jinja": WITHOUT_SYSTEM_MESSAGE})


def unmasked(config: str) -> str:
    """axolotl's YAML that learns the prompts too, by axolotl's own strategy."""
    keys = yaml.safe_load(config)
    (dataset,) = keys["datasets"]
    learned = dataset | {"type": "chat_template", "roles_to_train": ["system", "user", "assistant"]}
    return yaml.safe_dump({**keys, "datasets": [learned], "train_on_inputs": True})


def _data(model: str) -> Path:
    return RESULTS / f"datasets/{DATASETS[model]}.jsonl"


def _config(model: str) -> Path:
    return RESULTS / f"models/{model}/axolotl.yaml"


BREAKS = (
    Break("sft, wrong template", FULL, _config(FULL), without_system_message),
    Break("sft, labels unmasked", FULL, _config(FULL), unmasked),
    Break("dpo, chosen and rejected swapped", DPO, _data(DPO), swapped),
    Break("dpo, wrong template", DPO, _config(DPO), without_system_message),
    Break("orpo, chosen and rejected swapped", ORPO, _data(ORPO), swapped),
    Break("orpo, wrong template", ORPO, _config(ORPO), without_system_message),
    Break("reward, chosen and rejected swapped", STAGE1, _data(STAGE1), swapped),
    # One without a system message is refused before. What it reads in ChatML it is asked for in Mistral's format.
    Break("reward, another family's template", STAGE1, TEMPLATE, lambda _: CHATML.read_text(encoding="utf-8")),
)


def train_from(broken: Break, copy: Workshop) -> bool:
    """Train the model from the broken file, put the file back, and make the figures that follow from the model.

    Returns whether it was trained: a training may notice by itself that nothing is learned.
    """
    file = copy.folder / broken.file
    sound, stamps = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    file.write_text(broken.rewrite(sound.decode()))
    try:
        ran = subprocess.run(
            _command(broken.model), cwd=copy.folder, env=_environ(), check=False, capture_output=True, text=True
        )
    finally:
        file.write_bytes(sound)
        os.utime(file, ns=stamps)  # so that Snakemake sees a new model and nothing else
    if ran.returncode != 0:
        print("\n".join(ran.stderr.splitlines()[-3:]), file=sys.stderr)
        return False
    make_figures(copy)
    return True


def make_figures(copy: Workshop) -> None:
    """Make what claims read. All old figures go first, so that no claim is asked of one that was not made again."""
    for folder in {Path(figure).parent for figure in FIGURES}:
        for old in (copy.folder / folder).glob("*.csv"):
            old.unlink()
    copy.run(*FIGURES)


def _command(model: str) -> list[str]:
    by, config, tool = (
        ("reward", "openrlhf.args", "openrlhf") if model == STAGE1 else ("train", "axolotl.yaml", "axolotl")
    )
    folder = RESULTS / "models" / model
    options = ("--config", f"{folder}/{config}", "--data", str(_data(model)), "--env", f".envs/{tool}-cpu/.ready")
    return [str(BIN / "janus"), by, "run", model, *options, "--out", f"{folder}/manifest.json"]


def _environ() -> dict[str, str]:
    return {**os.environ, "JANUS_RECIPE": os.pathsep.join(REHEARSAL)}
