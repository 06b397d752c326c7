"""The collection part of the rehearsal through a real Slurm, and what its jobs ask for.

    sudo .venv/bin/pytest tests/e2e/test_slurm.py

Slurm is installed from the system's packages and started on this machine (tests/slurm-dev.sh); both need root. Where
that cannot be, the tests skip and say why; with CI=true they fail instead.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.e2e.workshop import copy_project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "slurm-dev.sh"
BIN = Path(sys.executable).parent

SMALL = """
collection:
  sources:
    pool: {variants: 1}
  instructions: {per_source: 12, before_filter: 12}
"""

STEPS = ("sample_instructions", "write_preference_sets", "write_system_messages", "write_responses")
"""The rules of the collection, in the order in which they depend on each other."""

QUICK = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
"""A person's cluster is asked less often than this throw-away one."""


COLLECT: tuple[str | Path, ...] = (
    *(BIN / "snakemake", "--profile", "profiles/slurm", *QUICK, "collection"),
    *("--configfile", "recipes/janus.yaml", "recipes/rehearsal.yaml", "small.yaml"),
)


@dataclass(frozen=True)
class Slurm:
    """A running Slurm; `environment` is what slurm-dev.sh reads."""

    environment: dict[str, str]

    def start(self, *command: str | Path, folder: Path) -> subprocess.Popen[str]:
        """Start a command that finds this Slurm, as a person would: after `eval "$(slurm-dev.sh env)"`."""
        return subprocess.Popen(
            ["bash", "-c", 'eval "$("$0" env)"; exec "$@"', SCRIPT, *command],
            cwd=folder,
            env=self.environment | {"PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str | Path, folder: Path) -> str:
        """What a command prints. It must succeed."""
        started = self.start(*command, folder=folder)
        printed, _ = started.communicate(timeout=500)
        assert started.returncode == 0, printed
        return printed

    def jobs(self, states: str = "all") -> dict[str, dict[str, str]]:
        """Slurm's jobs by id, with what they asked for; the comment names the rule."""
        keys = ("id", "state", "partition", "cores", "limit", "comment")
        printed = self.run("squeue", "--noheader", f"--states={states}", "--format=%i|%T|%P|%c|%l|%k", folder=ROOT)
        rows = [dict(zip(keys, line.split("|"), strict=True)) for line in printed.splitlines()]
        return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A Slurm of our own, gone when the tests are."""
    if os.geteuid() != 0:
        cannot("installing and starting Slurm needs root")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # not pytest's: a Unix socket's path has 107 bytes
    own = {"SLURM_DEV_DIR": str(folder), "SLURM_DEV_PORT": str(two_free_ports())}
    others = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SNAKEMAKE_"))}
    environment = others | own
    try:
        if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None:
            script("install", environment)
        script("start", environment)
        yield Slurm(environment)
    finally:
        subprocess.run([SCRIPT, "stop"], env=environment, check=True, stdout=subprocess.DEVNULL)


def script(command: str, environment: dict[str, str]) -> None:
    """Run slurm-dev.sh, or end the test with what it said."""
    done = subprocess.run([SCRIPT, command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cannot(f"slurm-dev.sh {command}: {(done.stderr or done.stdout).strip()[-600:]}")


def cannot(reason: str) -> NoReturn:
    """Skip, but not in CI: there these tests must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no Slurm here: {reason}")
    pytest.skip(f"no Slurm here: {reason}")


def two_free_ports() -> int:
    """The first of two neighbouring ports that nobody listens on."""
    for port in range(16817, 17817, 2):
        with socket.socket() as first, socket.socket() as second:
            if first.connect_ex(("127.0.0.1", port)) != 0 and second.connect_ex(("127.0.0.1", port + 1)) != 0:
                return port
    raise AssertionError("no two free ports")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as a clone would have it, and the files not committed yet."""
    copy = copy_project(tmp_path_factory.mktemp("project"), with_results=False).folder
    (copy / "small.yaml").write_text(SMALL)
    return copy


@pytest.fixture(scope="module")
def collected(slurm: Slurm, project: Path) -> str:
    """What Snakemake printed on its way to a finished collection: after a first Snakemake was killed in its midst."""
    first = slurm.start(*COLLECT, folder=project)
    job = wait_for_a_job(slurm, first)
    # The job is made to hang: it takes about as long as the next Snakemake needs to start, and must not end before.
    slurm.run("scancel", "--signal=STOP", "--full", job, folder=ROOT)
    first.send_signal(signal.SIGKILL)
    first.wait()
    return slurm.run(*COLLECT, folder=project)


def wait_for_a_job(slurm: Slurm, snakemake: subprocess.Popen[str]) -> str:
    """Wait until Slurm runs a job. Returns its id."""
    for _ in range(240):
        assert snakemake.poll() is None, snakemake.communicate()[0]
        if running := slurm.jobs("running"):
            return next(iter(running))
        time.sleep(0.25)
    raise AssertionError("Slurm ran no job within a minute")


def test_the_collection_is_made_by_jobs_of_slurm_with_a_manifest_beside_each_file(
    slurm: Slurm, project: Path, collected: str
) -> None:
    jobs = slurm.jobs()
    submitted = [jobs[number] for number in re.findall(r"submitted with SLURM jobid (\d+)", collected)]
    assert [(job["comment"], job["state"], job["partition"]) for job in submitted] == [
        (f"rule_{rule}", "COMPLETED", "cpu") for rule in STEPS
    ]
    for name in ("instructions", "preferences", "system_messages", "responses"):
        rows = project / "results" / "rehearsal" / "collection" / f"{name}.jsonl"
        assert rows.read_text().count("\n") > 0
        assert json.loads(rows.with_name(f"{name}.jsonl.manifest.json").read_text())


def test_jobs_that_a_killed_snakemake_left_in_slurm_are_cancelled_by_the_next_one(slurm: Slurm, collected: str) -> None:
    left_behind = re.search(r"cancelling 1 Slurm jobs that a killed run left behind: (\d+)", collected)
    assert left_behind is not None, collected
    assert slurm.jobs()[left_behind[1]]["state"] == "CANCELLED"


def test_a_finished_collection_submits_nothing(slurm: Slurm, project: Path, collected: str) -> None:
    before = slurm.jobs()
    printed = slurm.run(*COLLECT, folder=project)
    assert "Nothing to be done" in printed
    assert slurm.jobs().keys() == before.keys()


def test_the_papers_training_asks_for_four_gpus_and_its_generation_for_one(slurm: Slurm, project: Path) -> None:
    planned = slurm.run(BIN / "snakemake", "--profile", "profiles/slurm", "--dry-run", folder=project)
    asked = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", planned, re.MULTILINE)
    gpus = {rule: re.search(r"\bgpu=(\d+)", resources) for rule, resources in asked}
    wanted = {rule: int(found[1]) for rule, found in gpus.items() if found and found[1] != "0"}
    sampled = {"sample_answers": 1, "reward_samples": 1}
    assert wanted == {"train_model": 4, "train_reward_model": 4, "generate_answers": 1, "score_pairs": 1} | sampled


def test_a_job_with_four_gpus_goes_to_the_gpu_partition_and_sees_four(
    slurm: Slurm, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "Snakefile").write_text(
        'rule train_model:\n    output: "devices"\n    resources: gpu=4, runtime=90\n    threads: 8\n'
        '    shell: "echo $CUDA_VISIBLE_DEVICES > {output}"\n'
    )
    (tmp_path / "none.yaml").write_text("{}")
    profile = project / "profiles" / "slurm"
    printed = slurm.run(BIN / "snakemake", "--profile", profile, *QUICK, "--configfile", "none.yaml", folder=tmp_path)
    assert (tmp_path / "devices").read_text() == "0,1,2,3\n"
    (number,) = re.findall(r"submitted with SLURM jobid (\d+)", printed)
    job = slurm.jobs()[number]
    assert (job["partition"], job["cores"], job["limit"]) == ("gpu", "8", "1:30:00")


STOPPED_EARLY = """
shell.prefix({prefix!r})

rule train_model:
    output: "model"
    resources: runtime=4
    threads: 1
    shell: "{python} train.py {{output}}"
"""

TRAINING = """
import signal, sys, time
from pathlib import Path

def save(*_):
    time.sleep(1)
    Path("checkpoint").write_text("the first job's")
    sys.exit(1)

signal.signal(signal.SIGTERM, save)
if not Path("checkpoint").exists():
    time.sleep(235)
Path(sys.argv[1]).write_text(f"from {Path('checkpoint').read_text()} checkpoint")
"""


def test_a_job_saves_when_its_time_is_nearly_out_and_the_next_one_goes_on_from_there(
    slurm: Slurm, project: Path, tmp_path: Path
) -> None:
    prefix = re.search(r'^shell\.prefix\("(.*)"\)$', (project / "rules" / "common.smk").read_text(), re.MULTILINE)
    assert prefix is not None
    # Four minutes, and the signal two before: Slurm may send it up to one earlier, but not before the job is under way.
    (tmp_path / "Snakefile").write_text(STOPPED_EARLY.format(prefix=prefix[1], python=sys.executable))
    (tmp_path / "train.py").write_text(TRAINING)
    (tmp_path / "none.yaml").write_text("{}")
    profile = project / "profiles" / "slurm"
    printed = slurm.run(BIN / "snakemake", "--profile", profile, *QUICK, "--configfile", "none.yaml", folder=tmp_path)
    assert (tmp_path / "model").read_text() == "from the first job's checkpoint"
    stopped, finished = re.findall(r"submitted with SLURM jobid (\d+)", printed)
    for number in (stopped, finished):  # back into the queue, too, where its node fails
        assert re.search(r"\bRequeue=1\b", slurm.run("scontrol", "show", "job", number, folder=ROOT))
