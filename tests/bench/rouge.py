"""ROUGE-L beside the rouge-score package, and all pairs of Figure 5 (paper, appendix B and C.1).

python -m tests.bench.rouge 921 2000 1      # one line of JSON: seconds, CPU seconds, memory, pairs
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from janus_recipes.analysis.rouge import cross_rouge_l
from janus_recipes.collection.seeds import read_seed_system_messages
from tests.bench.job import cpu_s, peak_mb
from tests.bench.running import ROOT, say
from tests.bench.table import Row, at_least, at_most

SEEDS = Path("prompts/seeds/system_messages.yaml")
BENCH_MESSAGES = 921
COLLECTION_MESSAGES = 196_956
CORES = 2
TIMES_PACKAGE = 1000.0
MOST_S = 360.0
MOST_MB = 4000.0

ONE_CORE_MESSAGES = 4000
"""Enough right texts that start-up weighs little."""

PACKAGE_PAIRS = 300


def bench_rouge(share: float) -> list[Row]:
    """Our rate on one core against the package's on the same texts, then Figure 5's size on two cores."""
    one_core = f"system messages of {_mean_words():.0f} words, one core"
    say(f"rouge-score: {PACKAGE_PAIRS} pairs")
    package = _package_pairs_per_s(PACKAGE_PAIRS)
    ours = compared_alone(BENCH_MESSAGES, ONE_CORE_MESSAGES, 1)
    rate = ours["pairs"] / ours["cpu_s"]
    right = int(COLLECTION_MESSAGES * share)
    figure = f"Figure 5: {BENCH_MESSAGES} x {right:,} system messages, {CORES} threads"
    all_pairs = compared_alone(BENCH_MESSAGES, right, CORES)
    return [
        Row(one_core, "rouge-score: pairs a CPU second", f"{package:,.0f}"),
        Row(one_core, "ours: pairs a CPU second, words made in it", f"{rate:,.0f}"),
        at_least(one_core, "times the package", rate / package, TIMES_PACKAGE, "{:,.0f}"),
        at_most(figure, "seconds", all_pairs["seconds"], MOST_S, "{:.1f}"),
        Row(figure, "CPU seconds", f"{all_pairs['cpu_s']:.1f}"),
        at_most(figure, "memory at most, MB", all_pairs["peak_mb"], MOST_MB, "{:,.0f}"),
    ]


def messages(count: int, seed: int) -> Iterator[str]:
    """Texts with the words and lengths of system messages: sentences of the seeds, until a seed's length is reached."""
    draw = random.Random(seed)
    seeds = read_seed_system_messages(ROOT / SEEDS)
    sentences = [one for text in seeds for one in re.split(r"(?<=[.!?]) ", text)]
    for _ in range(count):
        length = len(draw.choice(seeds))
        text = ""
        while len(text) < length:
            text += draw.choice(sentences) + " "
        yield text


def _mean_words() -> float:
    lengths = [len(text.split()) for text in messages(1000, 1)]
    return sum(lengths) / len(lengths)


def _package_pairs_per_s(pairs: int) -> float:
    from rouge_score.rouge_scorer import RougeScorer  # not in the process whose memory is measured

    scorer = RougeScorer(["rougeL"])
    began = time.process_time()
    for left, right in zip(messages(pairs, 1), messages(pairs, 2), strict=True):
        scorer.score(left, right)
    return pairs / (time.process_time() - began)


def compared_alone(left: int, right: int, workers: int) -> dict[str, Any]:
    """Compare in a process of its own, so that its memory is its own."""
    say(f"rouge: {left:,} x {right:,} pairs on {workers} core(s)")
    command = [sys.executable, "-m", "tests.bench.rouge", str(left), str(right), str(workers)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _job(left: int, right: int, workers: int) -> dict[str, float]:
    texts = list(messages(left, 1)), list(messages(right, 2))
    before, began = cpu_s(), time.perf_counter()
    found = cross_rouge_l(texts[0], texts[1], workers)
    took = {"seconds": time.perf_counter() - began, "cpu_s": cpu_s() - before}
    return {**took, "peak_mb": peak_mb(), "pairs": found.pairs}


if __name__ == "__main__":
    print(json.dumps(_job(*map(int, sys.argv[1:4]))))
