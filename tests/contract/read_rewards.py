"""Print the tokens that OpenRLHF's reward trainer is fed: one JSON line a side of a pair.

    .envs/openrlhf-cpu/bin/python tests/contract/read_rewards.py jobs.json

The file holds, by name, `base`, `chat_template`, `data` and `work`. Rows are prepared as our runs do it;
tokenizer, data set and batches are OpenRLHF's own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from openrlhf.datasets import RewardDataset
from openrlhf.datasets.utils import blending_datasets
from openrlhf.utils import get_tokenizer

from janus_recipes.training.reward_rows import ROWS, prepare_rows

MAX_LEN = 512


def main(jobs: dict[str, dict[str, str]]) -> None:
    for name, job in jobs.items():
        tokenizer = get_tokenizer(job["base"], None, "left")
        prepared = prepare_rows(Path(job["data"]), Path(job["work"]), tokenizer, job["chat_template"], MAX_LEN)
        tokenizer.pad_token = prepared["pad_token"]
        for side, ids in sides_of(Path(job["work"]) / ROWS, tokenizer):
            print(json.dumps({"name": name, "side": side, "ids": ids}))


def sides_of(rows: Path, tokenizer: Any) -> Any:
    """Both sides of every pair, out of one batch of them all, without its padding. The options are `train_rm`'s."""
    options = SimpleNamespace(prompt_key=None, chosen_key="chosen", rejected_key="rejected", apply_chat_template=False)
    strategy = SimpleNamespace(
        args=SimpleNamespace(data=options, use_ms=False), print=lambda *_: None, is_rank_0=lambda: False
    )
    read = RewardDataset(
        blending_datasets(str(rows), strategy=strategy), tokenizer, MAX_LEN, strategy, num_processors=1
    )
    chosen, chosen_mask, rejected, rejected_mask, _ = read.collate_fn([read[number] for number in range(len(read))])
    for side, batch, masks in (("chosen", chosen, chosen_mask), ("rejected", rejected, rejected_mask)):
        for ids, mask in zip(batch, masks, strict=True):
            assert set(ids[~mask.bool()].tolist()) <= {tokenizer.pad_token_id}
            yield side, ids[mask.bool()].tolist()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
