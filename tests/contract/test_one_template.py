"""What axolotl trains on and what vLLM is given are the same token ids, from one template (contract 3)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from janus_recipes.files import Json, read_jsonl, write_json, write_jsonl
from janus_recipes.recipe.schema import Training
from janus_recipes.training.axolotl import PREPARED, axolotl_config, write_config

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

NOT_LEARNED = -100
"""The label of a token that no loss is taken of."""

CONVERSATIONS: dict[str, tuple[str | None, str, str]] = {
    "with a system message": ("Be kind.\nBe brief.", "Say the word 7.", "Seven, friend."),
    "without one": (None, "Say the word 8.", "Eight."),
    "with an empty one": ("", "Say the word 9.", "Nine."),
    "multi-byte": ("请用中文回答。", "Wie heißt du? 🙂\u2028«Ça»", "我叫小明。👋🏽 à bientôt"),
    "line ends": ("One.\r\nTwo.", "  Three.\n", "Four.\n\n- five\r\n"),
    "the template's own words": ("Write [INST] once.", "Is [/INST] a word?", "[INST] yes [/INST]"),
}
"""System message, instruction, answer."""

SPEC = Training(
    dataset="sft",
    gpus=0,
    sequence_len=512,
    micro_batch_size=1,
    gradient_accumulation_steps=1,
    epochs=1.0,
    learning_rate=1e-3,
    warmup_steps=0,
    weight_decay=0.0,
    attention="sdpa",
    precision="fp32",
)


def messages(name: str, *, answered: bool) -> list[Json]:
    system, instruction, answer = CONVERSATIONS[name]
    turns = [("system", system)] if system is not None else []
    turns += [("user", instruction)] + ([("assistant", answer)] if answered else [])
    return [{"role": role, "content": content} for role, content in turns]


@pytest.fixture(scope="module")
def trained_on(axolotl: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The rows that axolotl prepares: input ids and labels."""
    work = tmp_path_factory.mktemp("axolotl")
    write_jsonl(work / "sft.jsonl", ({"messages": messages(name, answered=True)} for name in CONVERSATIONS))
    template = TEMPLATE.read_text(encoding="utf-8")
    config = axolotl_config(
        SPEC, base=str(tiny_base), revision=None, chat_template=template, dataset=work / "sft.jsonl", work=work, seed=1
    )
    write_config(work / "axolotl.yaml", config)
    path = str(work / "axolotl.yaml")
    inside(axolotl, "janus_recipes.training.check_config", path, "--gpus", "0", "--then", "preprocess", path)
    (prepared,) = (folder for folder in (work / PREPARED).iterdir() if folder.is_dir())
    return [dict(row) for row in load_from_disk(str(prepared))]


@pytest.fixture(scope="module")
def given_to_vllm(vllm: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """The token ids of each prompt, and of each whole conversation, as the engine makes them."""
    work = tmp_path_factory.mktemp("vllm")
    requests = [
        {"id": f"{kind}: {name}", "messages": messages(name, answered=kind == "whole")}
        for name in CONVERSATIONS
        for kind in ("prompt", "whole")
    ]
    write_jsonl(work / "requests.jsonl", requests)
    template = TEMPLATE.read_text(encoding="utf-8")
    job = {
        "model": str(tiny_base),
        "revision": None,
        "chat_template": template,
        "requests": str(work / "requests.jsonl"),
    }
    write_json(work / "job.json", job)
    inside(
        vllm, "janus_recipes.generation.engine", "--job", work / "job.json", "--print-prompts", out=work / "ids.jsonl"
    )
    return {row["id"]: row["prompt_token_ids"] for row in read_jsonl(work / "ids.jsonl")}


def inside(environment: Path, module: str, *arguments: Any, out: Path | None = None) -> None:
    """Run a module in an engine's environment."""
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "AXOLOTL_DATASET_NUM_PROC": "0"}
    command = [environment / "bin" / "python", "-m", module, *arguments]
    done = subprocess.run(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    if out is not None:
        out.write_bytes(done.stdout)


def row_beginning_with(rows: Sequence[Json], ids: list[int]) -> Json:
    found = [row for row in rows if row["input_ids"][: len(ids)] == ids]
    assert len(found) == 1, f"{len(found)} of axolotl's rows begin with this prompt"
    return found[0]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_training_and_inference_see_the_same_tokens(
    name: str, trained_on: list[Json], given_to_vllm: dict[str, list[int]]
) -> None:
    prompt, whole = given_to_vllm[f"prompt: {name}"], given_to_vllm[f"whole: {name}"]
    row = row_beginning_with(trained_on, prompt)
    assert row["input_ids"] == whole
    assert whole.count(1) == 1 and whole[0] == 1  # one <s>, in front
    assert whole.count(2) == 1 and whole[-1] == 2  # one </s>, at the end


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_answer_and_its_end_are_learned_and_nothing_else(
    name: str, trained_on: list[Json], given_to_vllm: dict[str, list[int]]
) -> None:
    prompt, whole = given_to_vllm[f"prompt: {name}"], given_to_vllm[f"whole: {name}"]
    labels = row_beginning_with(trained_on, prompt)["labels"]
    assert labels == [NOT_LEARNED] * len(prompt) + whole[len(prompt) :]


def test_the_template_is_the_papers(given_to_vllm: dict[str, list[int]], tiny_base: Path) -> None:
    assert decoded(given_to_vllm["whole: with a system message"], tiny_base) == (
        "<s>[INST] Be kind.\nBe brief.\nSay the word 7. [/INST] Seven, friend.</s>"
    )
    assert decoded(given_to_vllm["whole: without one"], tiny_base) == "<s>[INST] Say the word 8. [/INST] Eight.</s>"
    assert decoded(given_to_vllm["prompt: with an empty one"], tiny_base) == "<s>[INST] Say the word 9. [/INST]"


def decoded(ids: list[int], base: Path) -> str:
    """Token ids as ASCII text, by the vocabulary alone: in byte-level BPE a space is written Ġ and a line end Ċ."""
    vocabulary = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    names = {number: token for token, number in vocabulary.items()}
    return "".join(names[number] for number in ids).replace("Ġ", " ").replace("Ċ", "\n")
