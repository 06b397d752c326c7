"""Print how many tokens the sides of random over-long pairs have once they are cut, as one JSON list of lists.

    .envs/openrlhf-cpu/bin/python tests/contract/cut_pairs.py BASE TEMPLATE MAX_LEN

BASE is a model's folder, for its tokenizer; MAX_LEN is in tokens.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from transformers import AutoTokenizer

from janus_recipes.training.reward_rows import Messages, read_ids, shortened_pair

WORDS = ["word", "friend", "kind", "Seven", "yes", "lighthouse", "quartz", "xylophone", "umbrella", "river", "stone"]
WORDS += ["", "\n", "...", "été", "日本語", "👩\u200d👩\u200d👧"]  # some are spaces, some have many tokens


def side(text: str, answer: str) -> Messages:
    roles = (("system", "Be kind."), ("user", text), ("assistant", answer))
    return [{"role": role, "content": content} for role, content in roles]


def main(base: str, template: str, max_len: int, texts: int = 400) -> None:
    tokenizer, draw = AutoTokenizer.from_pretrained(base), random.Random(1)

    def tokens(messages: Messages) -> int:
        return len(read_ids(tokenizer, messages, template))

    lengths = []
    for _ in range(texts):
        text = " ".join(draw.choice(WORDS) for _ in range(200))
        pair = [side(text, answer) for answer in ("A few kind words.", "Any.")]
        cut = shortened_pair(pair, lambda messages: tokens(messages) <= max_len)
        lengths.append([tokens(one) for one in cut or []])
    print(json.dumps(lengths))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8"), int(sys.argv[3]))
