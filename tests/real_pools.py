"""Where real, public pools lie, if anywhere. They are not ours to ship; tests that want them are skipped without."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]

PARTS = ("instructions", "preference_pairs", "benchmarks")

PLACES = (ROOT / "data", ROOT.parent / "shared/data")
REAL_POOLS = next((place for place in PLACES if all((place / part).is_dir() for part in PARTS)), None)
"""The folder with `instructions`, `preference_pairs` and `benchmarks`, or None."""

NONE_HERE = "no real pools here: put them in data/"
