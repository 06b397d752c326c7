"""OpenRLHF's own loader reads our preference pairs as they are, in the one template (contract 3)."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from janus_recipes.datasets.pairs import pair_rows
from janus_recipes.environments import run_uv
from janus_recipes.files import Json, write_jsonl
from janus_recipes.records import Instruction

HERE = Path(__file__).parent

INSTRUCTIONS = [Instruction("i-1", "Say the word 7.", "pool"), Instruction("i-2", "Wie heißt du?\n\n- kurz", "pool")]
MESSAGES = {f"{one.id}/{n}": f"Be {how}." for one in INSTRUCTIONS for n, how in enumerate(("kind", "brief", "rude"))}
ANSWERS = {"chosen": "Camomile.", "rejected": "Any."}
RESPONSES = {item: f"An answer to be {n}." for n, item in enumerate(MESSAGES)}


@pytest.fixture(scope="module")
def openrlhf(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with OpenRLHF's code, pinned by hash, for axolotl's Python, which has torch."""
    folder = tmp_path_factory.mktemp("openrlhf")
    needs = ("--no-deps", "--require-hashes", "-r", str(HERE / "openrlhf.lock"))
    run_uv("pip", "install", "--quiet", "--python", str(axolotl), "--target", str(folder), *needs)
    return folder


def read_by_openrlhf(axolotl: Path, openrlhf: Path, base: Path, pairs: Path) -> list[Json]:
    environ = dict(os.environ) | {"PYTHONPATH": str(openrlhf), "HF_HUB_OFFLINE": "1"}
    command = [axolotl / "bin" / "python", HERE / "load_pairs_openrlhf.py", pairs, base]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def test_the_reward_model_reads_our_pairs_in_the_one_template(
    axolotl: Path, openrlhf: Path, tiny_base: Path, tmp_path: Path
) -> None:
    rows = list(pair_rows(INSTRUCTIONS, MESSAGES, RESPONSES, 2, 1, Counter()))
    assert len(rows) == 4  # two instructions, two rejected ones each
    write_jsonl(tmp_path / "orpo.jsonl", rows)
    read = read_by_openrlhf(axolotl, openrlhf, tiny_base, tmp_path / "orpo.jsonl")
    assert read == [{side: in_the_template(row[side]) for side in ("chosen", "rejected")} for row in rows]


def in_the_template(messages: list[Json]) -> str:
    """What prompts/chat/mistral.jinja makes of a system message, an instruction and an answer, written by hand."""
    system, instruction, answer = (one["content"] for one in messages)
    return f"<s>[INST] {system}\n{instruction} [/INST] {answer}</s>"


def test_its_second_stage_reads_the_dialogues_of_a_helpful_mix_in_the_same_template(
    axolotl: Path, openrlhf: Path, tiny_base: Path, tmp_path: Path
) -> None:
    turns = [("user", "Which tea?"), ("assistant", "For when?"), ("user", "For the night.")]
    head = [{"role": role, "content": content} for role, content in turns]
    sides = {side: [*head, {"role": "assistant", "content": said}] for side, said in ANSWERS.items()}
    write_jsonl(tmp_path / "helpful-mix.jsonl", [{"id": "h-1", "source": "hh", **sides}])
    (read,) = read_by_openrlhf(axolotl, openrlhf, tiny_base, tmp_path / "helpful-mix.jsonl")
    before = "<s>[INST] Which tea? [/INST] For when?</s>[INST] For the night. [/INST]"
    assert read == {side: f"{before} {said}</s>" for side, said in ANSWERS.items()}
