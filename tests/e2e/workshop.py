"""Copies of the project to try things in, and what Snakemake says there."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from janus_recipes.files import digest_of, read_jsonl

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
REHEARSAL = ("recipes/janus.yaml", "recipes/rehearsal.yaml", "recipes/ablations/multifacetedness.yaml")
"""The files that the profile carries."""
PROFILE = ("--profile", "profiles/rehearsal")


@dataclass(frozen=True)
class Workshop:
    """A copy of the project, with or without a finished rehearsal's results."""

    folder: Path

    def start(self, *arguments: str, overlays: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start Snakemake in a process group of its own, as a shell does; its output goes to `snakemake.out`."""
        recipe = ("--configfile", *REHEARSAL, *overlays) if overlays else ()
        with (self.folder / "snakemake.out").open("a") as out:
            return subprocess.Popen(
                [BIN / "snakemake", *PROFILE, *arguments, *recipe],
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                process_group=0,
            )

    def run(self, *arguments: str, overlays: tuple[str, ...] = ()) -> str:
        """Run Snakemake to its end, which must be a good one. Returns what it printed."""
        before = self.printed()
        code = self.start(*arguments, overlays=overlays).wait()
        printed = self.printed()[len(before) :]
        assert code == 0, printed
        return printed

    def printed(self) -> str:
        out = self.folder / "snakemake.out"
        return out.read_text() if out.exists() else ""

    def planned(self, *overlays: str) -> set[str]:
        """The jobs of a dry run, as `rule(wildcards)`."""
        return jobs_in(self.run("-n", overlays=overlays))

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    def comparisons(self, table: str = "table2") -> list[dict[str, str]]:
        return read_csv(self.folder / f"results/rehearsal/tables/{table}.comparisons.csv")

    def ranking(self) -> list[dict[str, str]]:
        return read_csv(self.folder / "results/rehearsal/rankings/held-out.csv")

    def ranking_comparisons(self) -> list[dict[str, str]]:
        return read_csv(self.folder / "results/rehearsal/rankings/held-out.comparisons.csv")

    def win_rates(self) -> list[dict[str, str]]:
        return read_csv(self.folder / "results/rehearsal/win_rates/gains.csv")

    def curve(self, selection: str) -> list[dict[str, str]]:
        return read_csv(self.folder / f"results/rehearsal/best_of/multifaceted/{selection}.csv")

    def rewarded_and_judged(self, selection: str, model: str) -> dict[str, list[tuple[float, float]]]:
        """Of each instance the reward and the mean rubric score of every sample, of those that have both."""
        place, file = f"multifaceted/{model}/multifaceted.{selection}", self.folder / "results/rehearsal"
        verdicts: dict[str, list[int]] = {}
        for row in read_jsonl(file / f"verdicts/{place}.samples.jsonl"):
            if row["value"] is not None:
                verdicts.setdefault(row["id"].rsplit("/", 2)[0], []).append(row["value"])
        samples: dict[str, list[tuple[float, float]]] = {}
        for row in read_jsonl(file / f"rewards/{place}.jsonl"):
            if row["value"] is not None and row["id"] in verdicts:
                samples.setdefault(row["id"].rpartition("/")[0], []).append((row["value"], fmean(verdicts[row["id"]])))
        return samples

    def table(self, name: str = "table2") -> list[dict[str, str]]:
        return read_csv(self.folder / f"results/rehearsal/tables/{name}.csv")


def jobs_in(printed: str) -> set[str]:
    """The jobs that Snakemake printed, targets without work of their own left out."""
    found = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", printed, flags=re.MULTILINE)
    named = {rule: re.search(r"    wildcards: (.*)", details) for rule, details in found}
    assert named or "Nothing to be done" in printed, printed
    return set(_names(found))


def _names(found: list[tuple[str, str]]) -> Iterator[str]:
    for rule, details in found:
        if "output:" in details:
            wildcards = re.search(r"    wildcards: (.*)", details)
            yield f"{rule}({wildcards[1] if wildcards else ''})"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def copy_project(folder: Path, *, with_results: bool) -> Workshop:
    """The project's files as a clone has them, the uncommitted ones too; the engines' environments are shared."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".envs").symlink_to(ROOT / ".envs")
    if with_results:
        for name in ("results", ".snakemake"):
            subprocess.run(["cp", "-a", ROOT / name, folder / name], check=True)
    return Workshop(folder)


def follow(root: Path, artefact: Path) -> set[str]:
    """Every artefact that one was made from, each with the digest that its maker saw."""
    manifest = root / artefact if artefact.name == "manifest.json" else root / f"{artefact}.manifest.json"
    if not manifest.exists():
        return set()
    body = json.loads(manifest.read_text())
    seen = {body["artefact"]}
    for made_from in body["inputs"].values():
        path = Path(made_from["path"])
        assert digest_of(root / path) == made_from["sha256"], path
        seen |= {str(path)} | follow(root, path)
    return seen
