"""axolotl (SFT, DPO, ORPO), OpenRLHF and vLLM read the same tokens of the same conversation (contract 3).

For the rehearsal's tokenizer and for four that are built like those of the real base models. What is expected is
written by hand here, as text, and encoded by the tokenizer's own file.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.files import Json, read_jsonl, write_json, write_jsonl
from janus_recipes.recipe.training import AxolotlTraining, DpoTraining, OrpoTraining, SftTraining
from janus_recipes.training.axolotl import axolotl_config, write_config

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Said:
    """A conversation with two answers."""

    system: str | None
    instruction: str
    chosen: str
    rejected: str


CONVERSATIONS: dict[str, Said] = {
    "with a system message": Said("Be kind.\nBe brief.", "Say the word 7.", "Seven, friend.", "7"),
    "without one": Said(None, "Say the word 8.", "Eight.", "No."),
    "with an empty one": Said("", "Say the word 9.", "Nine.", "Any."),
    "multi-byte": Said("请用中文回答。", "Wie heißt du? 🙂\u2028«Ça»", "我叫小明。👋🏽 à bientôt", "é"),
    "line ends": Said("One.\r\nTwo.", "  Three.\n", "Four.\n\n- five\r\n", "- six\r\n"),
    "an answer that begins with line ends": Said("Be late.", "Say the word 10.", "\n\nTen.", "\n ten"),
    "the template's own words": Said("Write [INST] once.", "Is [/INST] a word?", "[INST] yes [/INST]", "user"),
    "an answer that stands in the prompt": Said("Say INST.", "Say dummy_message.", "message", "[["),
}


def mistral(said: Said) -> str:
    system = f"{said.system}\n" if said.system else ""
    return f"<s>[INST] {system}{said.instruction} [/INST]"


def llama_2(said: Said) -> str:
    system = f"<<SYS>>\n{said.system}\n<</SYS>>\n\n" if said.system else ""
    return f"<s>[INST] {system}{said.instruction} [/INST]"


def llama_3(said: Said) -> str:
    def turn(role: str, text: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text.strip()}"

    system = turn("system", said.system) + "<|eot_id|>" if said.system else ""
    return f"<|begin_of_text|>{system}{turn('user', said.instruction)}<|eot_id|>{turn('assistant', '')}"


def chatml(said: Said) -> str:
    system = f"<|im_start|>system\n{said.system}<|im_end|>\n" if said.system else ""
    return f"{system}<|im_start|>user\n{said.instruction}<|im_end|>\n<|im_start|>assistant\n"


@dataclass(frozen=True)
class Family:
    """A base model's template, and by hand: a conversation's prompt, what follows it, its begin and end token."""

    template: str
    prompt: Callable[[Said], str]
    answer: Callable[[str], str]
    begin: str | None
    end: str


FAMILIES = {
    "tiny": Family("mistral", mistral, lambda text: f" {text}</s>", "<s>", "</s>"),
    "mistral": Family("mistral", mistral, lambda text: f" {text}</s>", "<s>", "</s>"),
    "llama-2": Family("llama2", llama_2, lambda text: f" {text}</s>", "<s>", "</s>"),
    "llama-3": Family(
        "llama3", llama_3, lambda text: f"{text.strip()}<|end_of_text|>", "<|begin_of_text|>", "<|end_of_text|>"
    ),
    "qwen-3": Family("chatml", chatml, lambda text: f"{text.strip()}<|endoftext|>", None, "<|endoftext|>"),
    "tiny-chatml": Family(
        "chatml", lambda said: f"<s>{chatml(said)}", lambda text: f"{text.strip()}</s>", "<s>", "</s>"
    ),
    "tiny-llama-3": Family(
        "llama3",
        lambda said: llama_3(said).replace("<|begin_of_text|>", "<s>"),
        lambda text: f"{text.strip()}</s>",
        "<s>",
        "</s>",
    ),
}

EVERY = {
    "gpus": 0,
    "batch_size": 2,
    "micro_batch_size": 2,
    "sequence_len": 512,
    "epochs": 1.0,
    "learning_rate": 1e-3,
    "optimizer": "adamw_torch",
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "gradient_checkpointing": False,
    "attention": "sdpa",
    "precision": "fp32",
}

METHODS: dict[str, AxolotlTraining] = {
    "sft": SftTraining(method="sft", dataset="sft", sample_packing=True, **EVERY | {"sequence_len": 256}),
    "dpo": DpoTraining(method="dpo", dataset="pairs", **EVERY),
    "orpo": OrpoTraining(method="orpo", dataset="pairs", **EVERY),
}


@dataclass(frozen=True)
class Expected:
    """Token ids of a prompt and of the two answers that follow it."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


Wanted = dict[tuple[str, str], Expected]
"""By family and conversation."""

Fed = dict[tuple[str, str], list[Json]]
"""By family and method, what a trainer is fed."""

Given = dict[tuple[str, str, str], list[int]]
"""By family, kind and conversation, what vLLM is given."""


def messages(said: Said, answer: str | None = None) -> list[Json]:
    turns = [("system", said.system)] if said.system is not None else []
    turns += [("user", said.instruction)] + ([("assistant", answer)] if answer is not None else [])
    return [{"role": role, "content": content} for role, content in turns]


def template_of(family: str) -> str:
    return (ROOT / "prompts" / "chat" / f"{FAMILIES[family].template}.jinja").read_text(encoding="utf-8")


def inside(environment: Path, *arguments: Any, cwd: Path = ROOT) -> str:
    """Run a Python file or module in an engine's environment; what it prints."""
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "AXOLOTL_DATASET_NUM_PROC": "0"}
    environ |= {"AXOLOTL_DO_NOT_TRACK": "1"}
    command = [environment / "bin" / "python", *arguments]
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def printed(output: str) -> list[Any]:
    """The JSON lines among what an engine prints."""
    return [json.loads(line) for line in output.split("\n") if line[:1] in "[{" and line[-1:] in "]}" and line]


@pytest.fixture(scope="module")
def bases(axolotl: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("families")
    inside(axolotl, HERE / "families.py", folder)
    return {name: folder / name for name in FAMILIES} | {"tiny": tiny_base}


@pytest.fixture(scope="module")
def expected(axolotl: Path, bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    """What every engine should read: one begin token, one end token, and a prompt whatever follows it."""
    asked = [[str(bases[name] / "tokenizer.json"), texts_of(family)] for name, family in FAMILIES.items()]
    write_json(path := tmp_path_factory.mktemp("expected") / "texts.json", asked)
    ids = iter(printed(inside(axolotl, HERE / "encode.py", path)))
    found = {}
    for name, family in FAMILIES.items():
        begin, end = next(ids), next(ids)
        for conversation in CONVERSATIONS:
            prompt, chosen, rejected = next(ids), next(ids), next(ids)
            for whole in (chosen, rejected):
                assert whole[: len(prompt)] == prompt
                assert (whole[-1:], whole.count(end[0])) == (end, 1)
                assert family.begin is None or (whole[:1], whole.count(begin[0])) == (begin, 1)
            found[name, conversation] = Expected(prompt, chosen[len(prompt) :], rejected[len(prompt) :])
    return found


def texts_of(family: Family) -> list[str]:
    """Begin and end token; then of each conversation the prompt, and the prompt with either answer."""
    texts = [family.begin or "", family.end]
    for said in CONVERSATIONS.values():
        prompt = family.prompt(said)
        texts += [prompt, prompt + family.answer(said.chosen), prompt + family.answer(said.rejected)]
    return texts


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conversations as our data sets have them."""
    folder = tmp_path_factory.mktemp("data")
    both = [(name, messages(said, said.chosen), messages(said, said.rejected)) for name, said in CONVERSATIONS.items()]
    # Several times over: of packed sequences axolotl leaves out what does not fill the last batch.
    write_jsonl(folder / "sft.jsonl", ({"id": name, "messages": chosen} for name, chosen, _ in both * 8))
    pairs = ({"id": name, "chosen": chosen, "rejected": rejected} for name, chosen, rejected in both)
    write_jsonl(folder / "pairs.jsonl", pairs)
    return folder


@pytest.fixture(scope="module")
def fed_by_axolotl(axolotl: Path, bases: dict[str, Path], data: Path, tmp_path_factory: pytest.TempPathFactory) -> Fed:
    work = tmp_path_factory.mktemp("axolotl")
    configs = {}
    for family in FAMILIES:
        for method, spec in METHODS.items():
            config = axolotl_config(
                spec,
                base=str(bases[family]),
                revision=None,
                chat_template=template_of(family),
                dataset=data / f"{spec.dataset}.jsonl",
                work=work / family / method,
                seed=1,
            )
            configs[str(work / f"{family}-{method}.yaml")] = (family, method)
            write_config(work / f"{family}-{method}.yaml", config)
    inside(axolotl, HERE / "read_training.py", work / "rows.jsonl", *configs, cwd=work)
    fed: Fed = {place: [] for place in configs.values()}
    for row in read_jsonl(work / "rows.jsonl"):
        fed[configs[row["config"]]].append(row)
    return fed


@pytest.fixture(scope="module")
def fed_by_openrlhf(
    openrlhf: Path, bases: dict[str, Path], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Json]]:
    work = tmp_path_factory.mktemp("openrlhf")
    jobs = {}
    for family in FAMILIES:
        jobs[family] = {"base": str(bases[family]), "chat_template": template_of(family)}
        jobs[family] |= {"data": str(data / "pairs.jsonl"), "work": str(work / family)}
    write_json(work / "jobs.json", jobs)
    rows = printed(inside(openrlhf, HERE / "read_rewards.py", work / "jobs.json"))
    return {family: [row for row in rows if row["name"] == family] for family in FAMILIES}


@pytest.fixture(scope="module")
def given_to_vllm(vllm: Path, bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Given:
    """The token ids of each prompt, which is sampled from, and each whole conversation, which is scored."""
    work = tmp_path_factory.mktemp("vllm")
    for family in FAMILIES:
        prompts = ({"id": f"prompt: {name}", "messages": messages(said)} for name, said in CONVERSATIONS.items())
        whole = (
            {"id": f"whole: {name}", "messages": messages(said, said.chosen)} for name, said in CONVERSATIONS.items()
        )
        write_jsonl(work / f"{family}.jsonl", (*prompts, *whole))
        job = {"model": str(bases[family]), "revision": None, "chat_template": template_of(family)}
        write_json(work / f"{family}.json", job | {"requests": str(work / f"{family}.jsonl")})
    rows = printed(inside(vllm, HERE / "read_prompts.py", *(work / f"{family}.json" for family in FAMILIES)))
    asked = [(family, kind, name) for family in FAMILIES for kind in ("prompt", "whole") for name in CONVERSATIONS]
    assert [row["id"] for row in rows] == [f"{kind}: {name}" for _, kind, name in asked]
    return {place: row["prompt_token_ids"] for place, row in zip(asked, rows, strict=True)}


def sides_fed(rows: list[Json], side: str) -> list[list[Any]]:
    """Token ids, and whether each is learned: what there is of it, in a fixed order, for trainers shuffle."""
    return unique([row["ids"], row["learned"]] for row in rows if row["side"] == side)


def sides_expected(expected: Wanted, family: str, side: str) -> list[list[Any]]:
    """The answer and its end token are learned, and nothing else."""
    wanted = (expected[family, name] for name in CONVERSATIONS)
    parts = ((one.prompt, one.chosen if side != "rejected" else one.rejected) for one in wanted)
    return unique([prompt + answer, [False] * len(prompt) + [True] * len(answer)] for prompt, answer in parts)


def unique(rows: Iterable[Any]) -> list[Any]:
    return [row for row, _ in groupby(sorted(rows))]


@pytest.mark.parametrize("family", FAMILIES)
def test_fine_tuning_learns_the_answer_and_its_end_and_nothing_else(
    family: str, expected: Wanted, fed_by_axolotl: Fed
) -> None:
    assert sides_fed(fed_by_axolotl[family, "sft"], "answer") == sides_expected(expected, family, "answer")


@pytest.mark.parametrize("side", ["chosen", "rejected"])
@pytest.mark.parametrize("method", ["dpo", "orpo"])
@pytest.mark.parametrize("family", FAMILIES)
def test_both_sides_of_a_pair_are_the_same_prompt_and_their_answer(
    family: str, method: str, side: str, expected: Wanted, fed_by_axolotl: Fed
) -> None:
    assert sides_fed(fed_by_axolotl[family, method], side) == sides_expected(expected, family, side)


@pytest.mark.parametrize("side", ["chosen", "rejected"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_reward_model_reads_what_the_others_are_trained_on(
    family: str, side: str, expected: Wanted, fed_by_openrlhf: dict[str, list[Json]]
) -> None:
    read = sorted(row["ids"] for row in fed_by_openrlhf[family] if row["side"] == side)
    assert read == [ids for ids, _ in sides_expected(expected, family, side)]


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_generation_begins_where_learning_begins_and_scores_are_of_what_is_learned(
    family: str, name: str, expected: Wanted, given_to_vllm: Given
) -> None:
    wanted = expected[family, name]
    assert given_to_vllm[family, "prompt", name] == wanted.prompt
    assert given_to_vllm[family, "whole", name] == wanted.prompt + wanted.chosen
