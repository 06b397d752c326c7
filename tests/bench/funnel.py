"""From 1.27 million instructions to the Collection's: the step as a user runs it, on pools of the paper's size."""

from __future__ import annotations

import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import polars
import yaml

from tests.bench.running import ROOT, say
from tests.bench.table import Row, at_least, at_most

MOST_S = 30.0
MOST_MB = 3000.0

POOLS = {"chatbot-arena": "json", "dsp": "csv", "ultrafeedback": "parquet", "nectar": "jsonl.gz", "openhermes": "jsonl"}
SHARES = (33, 13, 61, 183, 980)
"""Thousands of instructions in each of the paper's five pools, about; 1,270 in all."""

LENGTHS = [
    min(66_000, round(150 * math.exp(1.4 * NormalDist().inv_cdf((number + 0.5) / 4096)))) for number in range(4096)
]
"""Log-normal, as of real prompts: half are below 150 characters, the mean is 400, a few have tens of thousands."""

CORPUS = 1_000_000


def bench_funnel(count: int) -> list[Row]:
    """Seconds and memory of `janus collect instructions`, from reading the files to its reports, start-up included."""
    what = f"{count:,} instructions to the Collection's"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        say(f"{what}: the pools are made")
        written = sum(
            write_pool(folder, name, count * share // 1270) for name, share in zip(POOLS, SHARES, strict=True)
        )
        size_mb = sum(path.stat().st_size for path in folder.glob("pool.*")) / 1e6
        say(what)
        took, used, funnel = sampled(folder)
    return [
        Row(what, f"{len(POOLS)} files in {len(POOLS)} formats, MB", f"{size_mb:,.0f}"),
        at_most(what, "seconds, files read and written", took, MOST_S, "{:.1f}"),
        Row(what, "of which CPU", f"{used.ru_utime + used.ru_stime:.1f}"),
        at_most(what, "memory at most, MB", used.ru_maxrss / 1e3, MOST_MB, "{:,.0f}"),
        at_least(what, "instructions counted", funnel["instructions"]["(all)"], written, "{:,.0f}"),
        Row(what, "unique", f"{funnel['unshared']['(all)']:,}"),
        Row(what, "kept", f"{funnel['kept']['(all)']:,}"),
    ]


def sampled(folder: Path) -> tuple[float, resource.struct_rusage, dict[str, Any]]:
    """Run the step in a process of its own: its seconds, what it used, and its funnel."""
    out, janus = folder / "instructions.jsonl", Path(sys.executable).with_name("janus")
    recipes = [option for file in ("recipes/janus.yaml", recipe(folder)) for option in ("--recipe", str(file))]
    began = time.perf_counter()
    process = subprocess.Popen([janus, "collect", "instructions", *recipes, "--out", out], cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"janus collect instructions failed, exit {process.returncode}")
    manifest = json.loads(out.with_name(out.name + ".manifest.json").read_text())
    return took, used, manifest["counts"]["funnel"]


def recipe(folder: Path) -> Path:
    """The paper's recipe with these pools in the place of its own."""
    here = {
        name: {
            **dict.fromkeys(("dataset", "revision", "url", "pattern")),
            **{"path": f"{folder}/pool.{name}.{kind}", "field": "text", "origin_field": "source", "split": "train"},
        }
        for name, kind in POOLS.items()
    }
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "bench-funnel", "collection": {"sources": here}}))
    return file


def write_pool(folder: Path, name: str, count: int) -> int:
    """One pool in its format. Returns how many records it has."""
    texts = made_texts(random.Random(name), count)
    table = polars.DataFrame({"text": list(texts), "source": [f"inner {number % 11}" for number in range(count)]})
    path = folder / f"pool.{name}.{POOLS[name]}"
    match POOLS[name]:
        case "json":
            table.write_json(path)
        case "csv":
            table.write_csv(path)
        case "parquet":
            table.write_parquet(path)
        case "jsonl.gz":
            table.lazy().sink_ndjson(path, compression="gzip")
        case _:
            table.write_ndjson(path)
    return count


def made_texts(draw: random.Random, count: int) -> Iterator[str]:
    """Prompts cut from words drawn at random: a third carries a system message, a sixth is not ASCII, one in twelve is
    one of a few thousand that all pools have.
    """
    plain, other = corpus("abcdefghijklmnopqrstuvwxyz"), corpus("abcdeéßøжщ語")
    for number in range(count):
        which = draw.randrange(5_000) if number % 12 == 0 else draw.randrange(1 << 40)
        words, start = other if which % 6 == 0 else plain, which * 7919 % CORPUS
        text = f"{which:x} {words[start : start + LENGTHS[which % len(LENGTHS)]]}"
        yield f"{text} you are asked" if which % 3 == 0 else text


def corpus(letters: str) -> str:
    """Words of one to ten letters, the same each time, with room for the longest prompt after the last start."""
    draw = random.Random(letters)
    words = ["".join(draw.choices(letters, k=draw.randint(1, 10))) for _ in range(20_000)]
    return " ".join(draw.choices(words, k=CORPUS // 4))[: CORPUS + max(LENGTHS)]
