"""Print what OpenRLHF's reward model would read of a file of pairs: run in an environment with torch and OpenRLHF.

python load_pairs_openrlhf.py pairs.jsonl BASE_MODEL
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

from openrlhf.datasets import RewardDataset
from openrlhf.datasets.utils import blending_datasets
from transformers import AutoTokenizer


def main(pairs: str, base: str) -> None:
    """The text of each row's two sides, decoded from its tokens, as a line of JSON. The options are `train_rm`'s."""
    data = SimpleNamespace(prompt_key=None, chosen_key="chosen", rejected_key="rejected", apply_chat_template=True)
    strategy = SimpleNamespace(
        args=SimpleNamespace(data=data, use_ms=False), print=lambda *_: None, is_rank_0=lambda: False
    )
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = blending_datasets(pairs, strategy=strategy)
    loaded = RewardDataset(rows, tokenizer, max_length=512, strategy=strategy, num_processors=1)
    for chosen, _, rejected, _, _ in loaded:
        print(json.dumps({"chosen": tokenizer.decode(chosen[0]), "rejected": tokenizer.decode(rejected[0])}))


if __name__ == "__main__":
    main(*sys.argv[1:])
