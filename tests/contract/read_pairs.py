"""Read preference pairs by axolotl's own loader, in its environment: one JSON line a row, for each configuration given.

    .envs/axolotl-cpu/bin/python tests/contract/read_pairs.py rows.jsonl dpo.yaml orpo.yaml

Several configurations in one process, for the sake of axolotl's imports.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from axolotl.cli.config import load_cfg
from axolotl.loaders import load_tokenizer
from axolotl.utils.data import prepare_preference_datasets


def main() -> None:
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        for path in sys.argv[2:]:
            config = load_cfg(path)
            read, _ = prepare_preference_datasets(config, load_tokenizer(config))
            out.writelines(json.dumps({"config": path, **row}) + "\n" for row in read)


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # at once: what axolotl leaves running keeps an ordinary exit waiting for minutes
