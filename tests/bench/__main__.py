"""Ratios against named peers in one run, as one table; the exit code is 1 when a bar is missed.

    make bench                          everything; some hours of a quiet machine with two cores, most for `collection`
    make bench ARGS="asking ledger"     some parts
    make bench ARGS="peers"             builds .envs/bench-peers first; from then on the peers take part
    make bench ARGS="rate --share 0.1"  a tenth of the requests, to see that it runs

asking    rates with log-normal latency: ours, the openai package in three ways, curator, distilabel, litellm, each
          against what a greedy schedule without any overhead reaches on the same latencies
rate      requests a second when the server answers at once
faults    answers lost, malformed ones kept, and what is paid twice after kill -9
ledger    seconds and memory to open 600,000 answers and ask for what is missing, against merely reading the bytes
memory    what a run of 100,000 requests holds
rouge     pairs a second of ROUGE-L, against the rouge-score package; all pairs of Figure 5
collection  rows a second and memory of the Collection's steps, 65,000 instructions x 3 (under an hour; --share 0.02)
judging   verdicts a second and memory, 921 instances x 4 rubrics x 3 runs x 14 models; what a kill at 90% loses
funnel    seconds and memory from 1.27 million instructions to the Collection's
dry-run   `snakemake -n` of the paper, against starting Snakemake alone
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from tests.bench.asking import bench_asking, bench_rate
from tests.bench.collection import bench_collection
from tests.bench.contenders import PEERS, PEERS_READY, contenders
from tests.bench.dry_run import bench_dry_run
from tests.bench.faults import bench_faults
from tests.bench.funnel import bench_funnel
from tests.bench.judging import bench_judging
from tests.bench.judging_steps import INSTANCES, MODELS
from tests.bench.ledger import bench_ledger, bench_memory
from tests.bench.rouge import bench_rouge
from tests.bench.running import Client, say
from tests.bench.table import Row, print_table

Part = Callable[[Sequence[Client], float], list[Row]]

PARTS: dict[str, Part] = {
    "asking": lambda clients, share: bench_asking(clients, int(3000 * share)),
    "rate": lambda clients, share: bench_rate(clients, int(3000 * share)),
    "faults": lambda clients, share: bench_faults(clients, int(1000 * share)),
    "ledger": lambda _, share: bench_ledger(int(600_000 * share)),
    "memory": lambda _, share: bench_memory(int(100_000 * share)),
    "rouge": lambda _, share: bench_rouge(share),
    "collection": lambda _, share: bench_collection(int(65_000 * share)),
    "judging": lambda _, share: bench_judging(max(3, int(INSTANCES * share)), MODELS),
    "funnel": lambda _, share: bench_funnel(int(1_270_000 * share)),
    "dry-run": lambda _, share: bench_dry_run(),
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts named, or all, and print their table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "peers", []], metavar="PART")
    parser.add_argument("--share", type=float, default=1.0, help="of the requests: less than 1 only shows that it runs")
    chosen = parser.parse_args(arguments)
    clients = contenders(build_peers="peers" in chosen.parts)
    if not PEERS_READY.exists():
        say(f'without {", ".join(PEERS)}: `make bench ARGS="peers"` builds what they need')
    names = [name for name in PARTS if name in chosen.parts] or list(PARTS)
    return 0 if print_table([PARTS[name](clients, chosen.share) for name in names]) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clients and servers end with it
    sys.exit(main(sys.argv[1:]))
