"""Run Snakemake's own linter and fail on every finding but the known one.

    python tests/lint_snakemake.py

Snakemake wants a conda environment or a container for each rule. Ours are built with uv by rules of their own
(`rules/environments.smk`), which the linter cannot see. Exit code: 0 clean, 1 findings, 2 the linter did not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

KNOWN = frozenset({"Specify a conda environment or container for each rule."})
"""Findings that are not ours to fix, by their titles."""

CLEAN = "Congratulations, your workflow is in a good condition!"


def main() -> int:
    report = linter_report()
    found = findings(report)
    if not found and CLEAN not in report:
        print(report, file=sys.stderr)
        return 2
    unknown = [f"{place}: {title}" for place, title in found if title not in KNOWN]
    print("\n".join(unknown) or f"snakemake --lint: clean ({len(found)} times the known finding)")
    return 1 if unknown else 0


def linter_report() -> str:
    """What `snakemake --lint` prints, from the environment of this Python. `--lint json` prints no JSON in 9.27."""
    snakemake = Path(sys.executable).parent / "snakemake"
    run = subprocess.run(
        [snakemake, "--lint"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "500"},
    )
    return run.stdout


def findings(report: str) -> list[tuple[str, str]]:
    """Each finding of a report: where it is and its title."""
    found: list[tuple[str, str]] = []
    place = ""
    for line in report.splitlines():
        if heading := re.match(r"Lints for (.+):$", line):
            place = heading[1]
        elif title := re.match(r"    \* (.+?):?$", line):
            found.append((place, title[1]))
    return found


if __name__ == "__main__":
    sys.exit(main())
