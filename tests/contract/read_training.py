"""Print the tokens that axolotl's trainers are fed: one JSON line a conversation, for each configuration given.

    .envs/axolotl-cpu/bin/python tests/contract/read_training.py rows.jsonl sft.yaml dpo.yaml orpo.yaml

Runs in axolotl's environment. Data set, model and trainer are made as `axolotl train` makes them, and every batch of
the trainer's own loader is taken apart again. Several configurations in one process, for the sake of axolotl's imports.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from axolotl.cli.config import load_cfg
from axolotl.common.datasets import load_datasets, load_preference_datasets
from axolotl.train import setup_model_and_trainer
from axolotl.utils.schemas.enums import RLType

NOT_LEARNED = -100
"""The label of a token that no loss is taken of."""

Row = dict[str, Any]


def rows_of(path: str) -> Iterator[Row]:
    """What one training is fed: `side`, `ids` and, of each id, whether it is learned. Padding is left out."""
    config = load_cfg(path)
    data = load_preference_datasets(cfg=config) if config.rl else load_datasets(cfg=config)
    trainer = setup_model_and_trainer(config, data)[0]
    take_apart = {None: conversations, RLType.DPO: dpo_sides, RLType.ORPO: orpo_sides}[config.rl]
    for batch in trainer.get_train_dataloader():
        yield from take_apart(batch)


def conversations(batch: Row) -> Iterator[Row]:
    """Of packed sequences: a conversation begins where its positions do. So does the padding, which teaches nothing."""
    parts = (batch[part] for part in ("input_ids", "labels", "position_ids"))
    for ids, labels, places in zip(*parts, strict=True):
        starts = [*torch.nonzero(places == 0).flatten().tolist(), len(ids)]
        for start, end in pairwise(starts):
            learned = labels[start:end] != NOT_LEARNED
            if learned.any():
                yield row("answer", ids[start:end], learned)


def dpo_sides(batch: Row) -> Iterator[Row]:
    """TRL puts the chosen half of a batch above the rejected one."""
    half = len(batch["input_ids"]) // 2
    for number, (ids, there, learned) in enumerate(
        zip(batch["input_ids"], batch["attention_mask"], batch["completion_mask"], strict=True)
    ):
        kept = there.bool()
        yield row("chosen" if number < half else "rejected", ids[kept], learned[kept])


def orpo_sides(batch: Row) -> Iterator[Row]:
    for side in ("chosen", "rejected"):
        parts = (batch[f"{side}_{part}"] for part in ("input_ids", "attention_mask", "labels"))
        for ids, there, labels in zip(*parts, strict=True):
            kept = there.bool()
            yield row(side, ids[kept], labels[kept] != NOT_LEARNED)


def row(side: str, ids: Any, learned: Any) -> Row:
    return {"side": side, "ids": ids.tolist(), "learned": learned.bool().tolist()}


def main() -> None:
    gc.freeze()  # axolotl collects garbage at every model it loads, and what it imported takes a second to look through
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        for path in sys.argv[2:]:
            out.writelines(json.dumps({"config": path, **one}) + "\n" for one in rows_of(path))


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # at once: what axolotl leaves running keeps an ordinary exit waiting for minutes
