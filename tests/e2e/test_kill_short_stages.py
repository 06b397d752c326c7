"""Ctrl-C and kill -9 in every stage that takes a second or two, then the same command: the same bytes as without."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.stopping import every_stop, no_orphan_is_left, wait_until
from tests.e2e.workshop import ROOT, Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

Stop = Callable[[subprocess.Popen[str]], None]

BEFORE_TRAINING = {
    "collection/instructions": "collection/instructions.jsonl",
    "collection/preferences": "collection/preferences.jsonl",
    "collection/system_messages": "collection/system_messages.jsonl",
    "collection/responses": "collection/responses.jsonl",
    "datasets/sft-196k": "datasets/sft-196k.jsonl",
    "datasets/dpo": "datasets/dpo.jsonl",
    "datasets/dpo.card": "datasets/dpo.card.md",
    "datasets/helpful-mix": "datasets/helpful-mix.jsonl",
    "analysis/figure5": "analysis/figure5.svg",
    "bench/multifaceted/prompts": "bench/multifaceted/prompts.jsonl",
    "bench/multifaceted/preferences": "bench/multifaceted/preferences.jsonl",
    "bench/multifaceted/system_messages": "bench/multifaceted/system_messages.jsonl",
    "bench/multifaceted/references": "bench/multifaceted/references.jsonl",
    "bench/multifaceted/rubrics": "bench/multifaceted/rubrics.jsonl",
    "bench/multifaceted/bench": "bench/multifaceted/bench.jsonl",
    "base_models/mistral-7b-v0.2": "base_models/mistral-7b-v0.2/weights/model.safetensors",
    "models/janus-7b.config": "models/janus-7b/axolotl.yaml",
}
"""Each stage's log, which is there from its first moment on, and what it makes."""

TARGETS = (
    "results/rehearsal/datasets/sft-196k.jsonl",
    "results/rehearsal/datasets/dpo.card.md",
    "results/rehearsal/datasets/helpful-mix.jsonl",
    "results/rehearsal/analysis/figure5.csv",
    "results/rehearsal/bench/multifaceted/bench.jsonl",
    "results/rehearsal/base_models/mistral-7b-v0.2/manifest.json",
    "results/rehearsal/models/janus-7b/axolotl.yaml",
)

AT_ONCE = ("--cores", "4")
"""Four stages at a time on any machine: the more have begun when a run is stopped, the fewer runs it takes."""


@every_stop
def test_a_run_stopped_once_in_each_stage_before_training_ends_in_the_same_bytes(
    copy: Workshop, rehearsal: Workshop, stop: Stop
) -> None:
    results, finished = copy.folder / "results/rehearsal", rehearsal.folder / "results/rehearsal"
    for made in ("collection", "datasets", "bench", "analysis", "base_models", "logs"):
        shutil.rmtree(results / made)
    (results / "models/janus-7b/axolotl.yaml").unlink()
    left = set(BEFORE_TRAINING)
    while left:
        run = copy.start(*TARGETS, *AT_ONCE)
        wait_until(partial(begun, results, left), run, f"a stage of {sorted(left)}")
        stop(run)
        no_orphan_is_left(copy.folder)
        left -= begun(results, left)
    copy.run(*TARGETS)
    for file in BEFORE_TRAINING.values():
        assert (results / file).read_bytes() == (finished / file).read_bytes(), file


@every_stop
def test_a_table_stopped_while_it_is_averaged_ends_in_the_same_bytes(
    copy: Workshop, rehearsal: Workshop, stop: Stop
) -> None:
    results = copy.folder / "results/rehearsal"
    shutil.rmtree(results / "tables")
    (results / "logs/tables/table2.log").unlink()
    table = "results/rehearsal/tables/table2.csv"
    run = copy.start(table)
    wait_until((results / "logs/tables/table2.log").exists, run, "the table's log")
    stop(run)
    no_orphan_is_left(copy.folder)
    copy.run(table)
    for file in ("table2.csv", "table2.comparisons.csv", "table2.md"):
        path = f"results/rehearsal/tables/{file}"
        assert (copy.folder / path).read_bytes() == (rehearsal.folder / path).read_bytes(), file


@every_stop
def test_an_environment_stopped_while_it_is_built_is_built_whole_by_the_same_command(
    clean_copy: Workshop, stop: Stop
) -> None:
    """Small locks of real packages stand in for the engines' gigabytes; rule and builder are the real ones."""
    (clean_copy.folder / ".envs").unlink()
    for lock in ("axolotl-cpu", "vllm-cpu"):
        clean_copy.write(f"envs/{lock}.lock", locked("scipy", "numpy", "rich", "pygments", "markdown-it-py", "mdurl"))
    run = clean_copy.start("environments")
    folders = [clean_copy.folder / f".envs/{name}" for name in ("axolotl-cpu", "vllm-cpu")]
    wait_until(lambda: any((folder / "bin/python").exists() for folder in folders), run, "an environment's python")
    stop(run)
    assert not all((folder / ".ready").exists() for folder in folders), "nothing was left to stop"
    no_orphan_is_left(clean_copy.folder)
    clean_copy.run("environments")
    for folder in folders:
        assert json.loads((folder / ".ready").read_text())["environment"] == folder.name
        subprocess.run([folder / "bin/python", "-c", "import scipy.linalg, rich.table"], check=True)
    assert "Nothing to be done" in clean_copy.run("environments")


def begun(results: Path, stages: set[str]) -> set[str]:
    """Of these stages, those whose job has begun."""
    return {stage for stage in stages if (results / f"logs/{stage}.log").exists()}


def locked(*packages: str) -> str:
    """The lines of the core's own lock for these packages, hashes included."""
    lines = (ROOT / "requirements.lock").read_text()
    found = [re.search(rf"^{name}==.*\\\n(?:    --hash.*\n)+", lines, flags=re.MULTILINE) for name in packages]
    assert all(found)
    return "".join(one[0] for one in found if one)
