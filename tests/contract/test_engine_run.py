"""Real generations by the real vLLM: killed, continued, the same twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from janus_recipes.files import read_jsonl
from janus_recipes.generation.run import GenerationCounts, generate, generation_requests
from janus_recipes.processes import alone_in
from janus_recipes.recipe.schema import Generation, GenerationSampling
from janus_recipes.records import BenchInstance, Status, read_asked

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "prompts" / "chat" / "mistral.jinja"

SAMPLING = GenerationSampling(temperature=1.0, top_p=0.9, repetition_penalty=1.03, max_tokens=32)
"""The paper's (appendix D.1), but for the length."""

TOO_LONG = 5
INSTANCES = 24

STEP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_engine_run import sampled
sampled(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), chunk=1)
"""


def sampled(model: Path, environment: Path, folder: Path, chunk: int) -> GenerationCounts:
    """Sample the instances; rows half-way in `folder`/work, answers in `folder`/answers.jsonl."""
    spec = Generation(sampling=SAMPLING, max_model_len=128, dtype="float32", gpus=0, chunk=chunk)
    texts = [f"Say the word {number}." if number != TOO_LONG else "many words " * 200 for number in range(INSTANCES)]
    bench = [
        BenchInstance(f"i-{number}/0", f"i-{number}", "mf-Koala", text, "Be kind.", (), "", ())
        for number, text in enumerate(texts)
    ]
    return generate(
        generation_requests(bench, "multifaceted", "", 42),
        spec,
        model=str(model),
        revision=None,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        environment=environment,
        work=folder / "work",
        out=folder / "answers.jsonl",
        seed=42,
    )


@pytest.mark.timeout(600)
def test_a_killed_generation_continues_at_its_next_row_and_ends_in_the_same_answers(
    vllm: Path, tiny_base: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    rows = killed / "work" / "rows.jsonl"
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    step = subprocess.Popen([sys.executable, "-c", STEP, Path(__file__).parent, tiny_base, vllm, killed], env=environ)
    while not rows.exists() or rows.read_bytes().count(b"\n") < 3:
        assert step.poll() is None, "the generation ended before it could be killed"
        time.sleep(0.002)
    step.kill()
    step.wait()
    with alone_in(killed / "work"):  # until its engine is gone
        pass
    before = rows.read_bytes()
    assert 3 <= before.count(b"\n") < INSTANCES and not (killed / "answers.jsonl").exists()
    done = before.count(b"\n")
    capfd.readouterr()
    rows.write_bytes(before + b'{"id": "i-')  # as a kill inside a write leaves it

    counts = sampled(tiny_base, vllm, killed, chunk=7)
    assert f"{INSTANCES - done} answers to sample, {done} are there" in capfd.readouterr().err
    sampled(tiny_base, vllm, whole, chunk=24)

    # Batches of 1, 7 and 24 round differently, and a sampled token may flip at a rounding; almost none does.
    pairs = zip(read_jsonl(killed / "answers.jsonl"), read_jsonl(whole / "answers.jsonl"), strict=True)
    assert sum(one != other for one, other in pairs) <= 1
    answers = list(read_asked(killed / "answers.jsonl", str))
    assert [answer.id for answer in answers] == [f"i-{number}/0" for number in range(INSTANCES)]
    assert counts.by_status == {"ok": INSTANCES - 1, "failed": 1}
    assert answers[TOO_LONG].status is Status.FAILED and "max_model_len 128" in answers[TOO_LONG].reason
