"""OpenRLHF's own loader reads our pairs whole: dialogues in the one template, over-long ones with their answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.files import Json, read_jsonl, write_json, write_jsonl
from janus_recipes.training.reward_rows import PREPARED

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

MAX_LEN = 512
"""What read_rewards.py lets a side have, in tokens."""

ANSWERS = {"chosen": "A few kind words.", "rejected": "Any words to a friend."}
DIALOGUE = [("user", "Which word?"), ("assistant", "Say for whom."), ("user", "For a friend.")]
WORDS = " ".join(f"the word {number}" for number in range(900))
TURN = " ".join(f"the word {number}" for number in range(60))

ROWS = {
    "a dialogue": DIALOGUE,
    "an over-long instruction": [("system", "Be kind."), ("user", WORDS)],
    "over-long turns": [("system", "Be kind."), *[("user", TURN), ("assistant", TURN)] * 6, ("user", "For a friend.")],
}


def pair(name: str, prompt: list[tuple[str, str]], answers: dict[str, str]) -> Json:
    head = [{"role": role, "content": content} for role, content in prompt]
    return {"id": name, **{side: [*head, {"role": "assistant", "content": said}] for side, said in answers.items()}}


@pytest.fixture(scope="module")
def read(openrlhf: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[int]]:
    """What OpenRLHF is fed, by row and side; the row whose answer has no room is not among them."""
    folder = tmp_path_factory.mktemp("pairs")
    no_room = pair("an over-long answer", DIALOGUE, ANSWERS | {"rejected": WORDS})
    write_jsonl(folder / "pairs.jsonl", [*(pair(name, prompt, ANSWERS) for name, prompt in ROWS.items()), no_room])
    job = {"base": tiny_base, "data": folder / "pairs.jsonl", "work": folder, "chat_template": TEMPLATE.read_text()}
    write_json(folder / "jobs.json", {"pairs": {key: str(value) for key, value in job.items()}})
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [openrlhf / "bin" / "python", HERE / "read_rewards.py", folder / "jobs.json"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    sides = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"name"')]
    found = json.loads((folder / PREPARED).read_text())
    assert (found["rows"], found["cut"], found["dropped"], found["kept"]) == (4, 2, 1, 3)
    assert [row["id"] for row in read_jsonl(folder / "rows.jsonl")] == list(ROWS)
    names = {side: iter(ROWS) for side in ANSWERS}
    return {(next(names[one["side"]]), one["side"]): one["ids"] for one in sides}


@pytest.fixture(scope="module")
def decoded(read: dict[tuple[str, str], list[int]], tiny_base: Path) -> dict[tuple[str, str], str]:
    """The tokens as text, by the vocabulary alone: in byte-level BPE a space is written Ġ and a line end Ċ."""
    vocabulary = json.loads((tiny_base / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    names = {number: token for token, number in vocabulary.items()}
    return {key: "".join(names[one] for one in ids).replace("Ġ", " ").replace("Ċ", "\n") for key, ids in read.items()}


@pytest.mark.parametrize("side", ANSWERS)
@pytest.mark.parametrize("name", ROWS)
def test_every_side_has_one_begin_one_last_end_and_its_whole_answer(
    name: str, side: str, read: dict[tuple[str, str], list[int]], decoded: dict[tuple[str, str], str]
) -> None:
    ids = read[name, side]
    ends = decoded[name, side].count("[INST]")  # one after each answer
    assert len(ids) <= MAX_LEN
    assert ids.count(1) == 1 and ids[0] == 1  # <s>
    assert ids.count(2) == ends and ids[-1] == 2  # </s>
    assert decoded[name, side].endswith(f" [/INST] {ANSWERS[side]}</s>")


@pytest.mark.parametrize("side", ANSWERS)
def test_a_dialogue_is_read_turn_by_turn(side: str, decoded: dict[tuple[str, str], str]) -> None:
    before = "<s>[INST] Which word? [/INST] Say for whom.</s>[INST] For a friend. [/INST]"
    assert decoded["a dialogue", side] == f"{before} {ANSWERS[side]}</s>"


@pytest.mark.parametrize("side", ANSWERS)
def test_an_over_long_prompt_loses_its_beginning_and_keeps_its_system_message(
    side: str, read: dict[tuple[str, str], list[int]], decoded: dict[tuple[str, str], str]
) -> None:
    one, turns = decoded["an over-long instruction", side], decoded["over-long turns", side]
    assert one.startswith("<s>[INST] Be kind.\n") and one.endswith(f"the word 899 [/INST] {ANSWERS[side]}</s>")
    assert turns.startswith(f"<s>[INST] Be kind.\n{TURN} [/INST] {TURN}</s>[INST]")  # whole turns, fewer of them
    longest = max(len(read["an over-long instruction", other]) for other in ANSWERS)
    assert longest >= MAX_LEN - 5  # as little is lost as it takes


def test_no_pair_is_longer_than_allowed_when_it_was_cut_whatever_its_text(openrlhf: Path, tiny_base: Path) -> None:
    # A word has other tokens where no space stands before it, as at the beginning of what a cut leaves.
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [openrlhf / "bin" / "python", HERE / "cut_pairs.py", tiny_base, TEMPLATE, "64"]
    lengths = json.loads(subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    assert len(lengths) == 400 and all(len(sides) == 2 and max(sides) <= 64 for sides in lengths)
