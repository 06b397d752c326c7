"""Print the token ids of texts by a tokenizer's own file, with nothing around it: one JSON list a line.

    .envs/axolotl-cpu/bin/python tests/contract/encode.py texts.json

The file holds pairs of a tokenizer.json's path and texts. No transformers, no template: what the engines are compared
with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

for path, texts in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    tokenizer = Tokenizer.from_file(path)
    for text in texts:
        print(json.dumps(tokenizer.encode(text, add_special_tokens=False).ids))
